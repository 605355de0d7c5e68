import HTTPClient
import Model
import Simulator
import Synchronization
import TestSupport
import Testing

@testable import Uplinks

/// tracetrack-web from a spool in memory to the reference backend, over real sockets; only the clock is played.
final class WebBench: Sendable {
    let log = FakeScanLog()
    let clock = ManualClock()
    let client = HTTPClient()
    let simulator: Simulator
    let delivery: any Delivery
    let relay = Relay()

    init(
        _ directory: String, accounts: Int = 1, password: String = "secret", saved: [String: [String]] = [:],
        linger: Duration = .zero, simulator existing: Simulator? = nil, fallbacks: [UplinkSettings] = [],
        backend change: (inout SimulatorSettings) -> Void = { _ in },
        uplink changeUplink: (inout UplinkSettings) -> Void = { _ in },
        context changeContext: (inout DeliveryContext) -> Void = { _ in }
    ) throws {
        var backend = SimulatorSettings()
        let users = (0..<accounts).map { "dock\($0 + 7)" }
        backend.accounts = users.map { ($0, "secret") }
        change(&backend)
        simulator = try existing ?? Simulator(backend)
        try write(Array("\(password)\n".utf8), to: directory + "/password")
        var settings = UplinkSettings(
            name: "tracetrack", urls: [simulator.url], backend: "prod",
            authentication: .login(users.map { .init(username: $0, passwordFile: directory + "/password") }))
        settings.blockLinger = linger
        changeUplink(&settings)
        guard let gateway = GatewayID("dock-7") else { fatalError("no name") }
        let relay = relay
        var context = DeliveryContext(
            gateway: gateway, site: "jaipur", log: log, client: client, time: clock.source,
            random: { UInt64.random(in: 0 ... .max) }, observer: { relay.hear($1) })
        context.savedSessions = ["tracetrack": saved]
        changeContext(&context)
        guard let delivery = try buildDeliveries([UplinkGroup(settings, fallbacks: fallbacks)], context: context).first
        else {
            fatalError("no delivery")
        }
        self.delivery = delivery
        clock.setAutomatic(true)
    }

    func run(_ body: () async throws -> Void) async throws {
        let running = Task { await delivery.run() }
        var failure: (any Error)?
        do { try await body() } catch { failure = error }
        clock.setAutomatic(false)
        await delivery.stop()
        await running.value
        client.close()
        if let failure { throw failure }
    }

    /// Waits for a status of that kind.
    func wait(for isReached: (UplinkStatus) -> Bool) async {
        while await !isReached(delivery.status()) { await Task.yield() }
    }
}

/// Hears of events.
final class Relay: Sendable {
    private let events = Mutex<[UplinkEvent]>([])

    func hear(_ event: UplinkEvent) { events.withLock { $0.append(event) } }

    var states: [UplinkState] {
        events.withLock { events in
            events.compactMap { if case .stateChanged(let state, _) = $0 { state } else { nil } }
        }
    }

    var frozen: [LaneID] {
        events.withLock { events in
            events.compactMap { if case .laneFrozen(let lane, _) = $0 { lane } else { nil } }
        }
    }
}

/// Every scan is done, and every child is in its own bag.
func expectAllLinked(_ bench: WebBench, children: Int) throws {
    #expect(bench.log.settled.values.allSatisfy { $0 == .done })
    let links = try bench.simulator.links()
    #expect(links.count == children)
    for link in links {
        let number = Int(link.child.dropFirst(5)) ?? 0
        #expect(link.parent == "SB\(10_000 + number / 10_000 * 100 + number / 100 % 100)")
    }
}

/// A bag with children for a lane; numbers and labels are the lane's own.
func bag(_ table: Int, _ number: Int, children: Int) -> [StoredScan] {
    let parent = "SB\(10_000 + table * 100 + number)"
    let first = table * 10_000 + number * 100
    return [parentScan(first, parent, lane: "table-\(table)")]
        + (1..<(children + 1)).map {
            stored(first + $0, lane: "table-\(table)", parent: parent, data: "CHILD\(first + $0)")
        }
}

@Suite(.timeLimit(.minutes(4)))
struct WebEndToEndTests {
    @Test func `scans that were read ahead are not posted once their lane was taken back`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            bench.clock.setAutomatic(false)
            try bench.simulator.addFault(Fault(.status, path: "/process_child_scan_fast", count: 1))
            bench.log.add(bag(1, 0, children: 3), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(1)
                await bench.wait { $0.retries > 0 }
                bench.log.takeAway(lane("table-1"))
                let reads = bench.log.reads
                bench.clock.setAutomatic(true)
                while bench.log.reads == reads, try bench.simulator.links().isEmpty {
                    if bench.clock.sleepers > 0 { await bench.clock.advanceToNextSleeper() }
                    await Task.yield()
                }
            }
            #expect(try bench.simulator.links().isEmpty)
        }
    }

    @Test(arguments: [WebVariant.r1, .r2, .r3])
    func `three lanes share a session, and every child lands in its own bag`(variant: WebVariant) async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory) { $0.variant = variant }
            defer { bench.simulator.stop() }
            for table in 1...3 {
                bench.log.add((1...2).flatMap { bag(table, $0, children: 5) }, to: lane("table-\(table)"))
            }
            try await bench.run { await bench.log.waitForSettled(36) }
            try expectAllLinked(bench, children: 30)
            #expect(bench.log.durable.count == 36)
            #expect(try bench.simulator.count("logins") == 1)
            // One lane after the other in whole bags: no parent needs a second post.
            #expect(await bench.delivery.status().extraParentPosts == 0)
            for table in 1...3 {
                let own = bench.log.order.filter { $0 / 10_000 == table }
                #expect(own == own.sorted())
            }
        }
    }

    @Test func `it stops at once while the spool cannot be read`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            bench.log.fail(1000)
            // Nobody moves the clock: a wait that stop() does not end would never end.
            try await bench.run { await bench.clock.waitForSleepers() }
        }
    }

    @Test func `children of two lanes scanned in turn cost a parent post at each switch, and never cross`() async throws
    {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            let (a, b) = (bag(1, 1, children: 3), bag(2, 1, children: 3))
            try await bench.run {
                for index in 0..<4 {
                    for (table, scans) in [(1, a), (2, b)] {
                        bench.log.add([scans[index]], to: lane("table-\(table)"))
                        bench.delivery.scansArrived(in: [lane("table-\(table)")])
                        await bench.log.waitForSettled(index * 2 + table)
                    }
                }
                #expect(await bench.delivery.status().extraParentPosts == 6)
            }
            try expectAllLinked(bench, children: 6)
        }
    }

    @Test func `a session that ends in the middle of a bag is renewed and nothing is lost`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            let scans = bag(1, 1, children: 6)
            bench.log.add(Array(scans[..<4]), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(4)
                try bench.simulator.expireSessions()
                bench.log.add(Array(scans[4...]), to: lane("table-1"))
                bench.delivery.scansArrived(in: [lane("table-1")])
                await bench.log.waitForSettled(7)
                #expect(await bench.delivery.status().extraParentPosts == 1)
            }
            try expectAllLinked(bench, children: 6)
            #expect(try bench.simulator.count("logins") == 2)
        }
    }

    @Test(arguments: [Fault.Kind.lost, .reset])
    func `an answer that is lost is counted as ambiguous, and the child is not linked twice`(kind: Fault.Kind)
        async throws
    {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(kind, path: "/process_child_scan_fast", count: 1))
            bench.log.add(bag(1, 1, children: 2), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(3)
                let status = await bench.delivery.status()
                #expect(status.ambiguous == 1 && status.duplicates == 1 && status.accepted == 3)
            }
            try expectAllLinked(bench, children: 2)
        }
    }

    @Test func `full after a lost answer is held as probably accepted where nothing can be read back`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(
                directory, backend: { $0.childrenPerParent = 2 }, uplink: { $0.paths.children = "" })
            defer { bench.simulator.stop() }
            let scans = bag(1, 1, children: 2)
            try await bench.run {
                bench.log.add(Array(scans[..<2]), to: lane("table-1"))
                bench.delivery.scansArrived(in: [lane("table-1")])
                await bench.log.waitForSettled(2)
                try bench.simulator.addFault(Fault(.lost, path: "/process_child_scan_fast", count: 1))
                bench.log.add([scans[2]], to: lane("table-1"))
                bench.delivery.scansArrived(in: [lane("table-1")])
                await bench.log.waitForSettled(3)
            }
            guard case .held(let reason) = bench.log.settled[scans[2].n] else {
                Issue.record("not held: \(String(describing: bench.log.settled[scans[2].n]))")
                return
            }
            #expect(reason.hasPrefix("probably accepted"))
        }
    }

    @Test func `a success for another bag freezes the lane alone`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.wrongParent, path: "/process_child_scan_fast", count: 1))
            bench.log.add(bag(1, 1, children: 3), to: lane("table-1"))
            bench.log.add(bag(2, 1, children: 3), to: lane("table-2"))
            try await bench.run {
                await bench.log.waitForSettled(6)
                #expect(bench.relay.frozen == [lane("table-1")])
                #expect(await bench.delivery.status().frozenLanes.keys.sorted() == [lane("table-1")])
                guard case .held = bench.log.settled[10_101] else {
                    Issue.record("the scan in the wrong bag is not held")
                    return
                }
                await bench.delivery.resume()
                await bench.log.waitForSettled(8)
            }
        }
    }

    @Test func `a wrong password is tried twice and then calls for a person`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, password: "wrong")
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            try await bench.run {
                #expect(await bench.clock.advanceToNextSleeper() == .seconds(5))
                await bench.wait { $0.state == .loginFailed }
                await bench.clock.waitForSleepers()
                #expect(await bench.clock.advanceToNextSleeper() == .seconds(1800))
                await bench.clock.waitForSleepers()
                #expect(await bench.delivery.status().lastError?.contains("check the password") == true)
            }
            #expect(try bench.simulator.count("login_failures") == 3)
            #expect(bench.log.settled.isEmpty)
        }
    }

    @Test func `words of the backend's that nobody understands hold the scan with the reply`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.unknownStatus, path: "/process_child_scan_fast", count: 1))
            bench.log.add(bag(1, 1, children: 2), to: lane("table-1"))
            try await bench.run { await bench.log.waitForSettled(3) }
            guard case .held(let reason) = bench.log.settled[10_101] else {
                Issue.record("not held")
                return
            }
            #expect(reason.hasPrefix("unknown answer 200") && reason.contains("Perhaps"))
        }
    }

    @Test func `eight times such words in a row stop the uplink before it empties the spool`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.unknownStatus, path: "/api/fast_parent_scan"))
            bench.log.add((1...12).map { parentScan($0, "SB\(10_000 + $0)") }, to: lane("table-1"))
            bench.clock.setAutomatic(false)
            try await bench.run {
                await bench.wait { $0.state == .misconfigured }
                await bench.clock.waitForSleepers()
                #expect(bench.log.settled.count == 8)
            }
        }
    }

    @Test func `stopping waits for the request under way and records its answer`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.latency, path: "/process_child_scan_fast", ms: 200))
            bench.log.add(bag(1, 1, children: 5), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(1)
                while try bench.simulator.links().isEmpty { await Task.yield() }
            }
            #expect(bench.log.durable == [10_100, 10_101])
            #expect(try bench.simulator.links().count == 1)
        }
    }

    @Test func `a client that is closed too early makes no session spin`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            bench.client.close()
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            try await bench.run {
                for _ in 0..<3 { #expect(await bench.clock.advanceToNextSleeper() == .seconds(5)) }
            }
            #expect(bench.log.settled.isEmpty)
        }
    }

    @Test func `a session survives a restart without a login`() async throws {
        try await withTemporaryDirectory { directory in
            let first = try WebBench(directory)
            defer { first.simulator.stop() }
            let scans = bag(1, 1, children: 2)
            first.log.add(Array(scans[..<2]), to: lane("table-1"))
            var saved: [String: [String]] = [:]
            try await first.run {
                await first.log.waitForSettled(2)
                saved = await first.delivery.exportSessions()
            }
            let second = try WebBench(directory, saved: saved, simulator: first.simulator)
            second.log.add([scans[2]], to: lane("table-1"))
            try await second.run { await second.log.waitForSettled(1) }
            #expect(try first.simulator.count("logins") == 1)
            #expect(try first.simulator.links().count == 2)
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `whatever goes wrong on the way, no child lands in another bag and no scan is lost`(seed: UInt64) async throws
    {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            let kinds: [Fault.Kind] = [
                .lost, .reset, .close, .scanFailed, .databaseError, .processingError, .expire, .rateLimit, .status,
            ]
            for (index, kind) in kinds.enumerated() {
                // Logins are spared: two refused ones in a row would stop everything for half an hour.
                for path in ["/api/", "/process"] {
                    try bench.simulator.addFault(
                        Fault(
                            kind, path: path, count: 4, probability: 0.04, seed: seed * 100 + UInt64(index),
                            status: 503))
                }
            }
            for table in 1...4 {
                bench.log.add((1...4).flatMap { bag(table, $0, children: 6) }, to: lane("table-\(table)"))
            }
            try await bench.run {
                await bench.log.waitForSettled(112)
                let status = await bench.delivery.status()
                #expect(bench.log.settled.count == 112, "\(status)")
            }
            try expectAllLinked(bench, children: 96)
        }
    }
}
