import Gzip
import HTTPClient
import Model
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// A backend of tracetrack-devices as an `Uplink`: answers what the test says, and remembers.
final class FakeUplink: Uplink {
    struct Sent: Sendable {
        let id: UUID
        let lane: LaneID
        let body: [UInt8]
        let isCompressed: Bool
        let scans: [UUID]
    }

    private let state = Mutex<(sent: [Sent], reloads: Int, underWay: Int, most: Int)>(([], 0, 0, 0))
    private let handler: @Sendable (Sent) async -> BatchAnswer
    private let health: @Sendable () -> Bool

    init(
        health: @escaping @Sendable () -> Bool = { true }, _ handler: @escaping @Sendable (Sent) async -> BatchAnswer
    ) {
        self.health = health
        self.handler = handler
    }

    var sent: [Sent] { state.withLock { $0.sent } }
    var reloads: Int { state.withLock { $0.reloads } }
    var mostAtOnce: Int { state.withLock { $0.most } }
    var underWay: Int { state.withLock { $0.underWay } }

    @concurrent func deliver(_ batch: EncodedBatch) async -> BatchAnswer {
        let plain = batch.isCompressed ? (try? Gzip.decompress(batch.body, limit: 1 << 20)) ?? [] : batch.body
        let scans = (try? ReceivedBatch.decode(plain).scans.compactMap { UUID($0.id) }) ?? []
        let sent = Sent(
            id: batch.id, lane: batch.lane, body: batch.body, isCompressed: batch.isCompressed, scans: scans)
        state.withLock { state in
            state.sent.append(sent)
            state.underWay += 1
            state.most = max(state.most, state.underWay)
        }
        defer { state.withLock { $0.underWay -= 1 } }
        return await handler(sent)
    }

    @concurrent func probe() async -> Bool { health() }

    func reloadCredential() { state.withLock { $0.reloads += 1 } }

    @Sendable static func accept(_ sent: Sent) -> BatchAnswer {
        .results(
            BatchReply(
                batchID: sent.id, serverTime: "", results: sent.scans.map { .init(id: $0, status: "accepted") }))
    }
}

/// Everything around a delivery, with a clock moved by hand; jitter is always the whole of its bound.
final class DevicesBench: Sendable {
    let log = FakeScanLog()
    let clock = ManualClock()
    let client = HTTPClient()
    let uplink: FakeUplink
    let delivery: DevicesDelivery
    let relay = Relay()

    /// - Parameters:
    ///   - fallback: another way to the same backend.
    ///   - health: what the primary's health probe finds.
    init(
        inFlight: Int = 16, maxScans: Int = 250, fallback: FakeUplink? = nil,
        health: @escaping @Sendable () -> Bool = { true },
        _ handler: @escaping @Sendable (FakeUplink.Sent) async -> BatchAnswer
    ) {
        uplink = FakeUplink(health: health, handler)
        var settings = UplinkSettings(
            name: "tracetrack", urls: ["http://127.0.0.1:1"], backend: "prod", authentication: .mutualTLS)
        settings.contract = .devices
        settings.batching.inFlight = inFlight
        settings.batching.maxScans = maxScans
        guard let gateway = GatewayID("dock-7") else { fatalError("no name") }
        var context = DeliveryContext(
            gateway: gateway, site: "jaipur", log: log, client: client, time: clock.source,
            random: { UInt64.random(in: 0 ... .max) }, observer: { [relay] in relay.hear($1) })
        context.jitter = { 500 }
        var ways: [(settings: UplinkSettings, url: String, uplink: any Uplink)] = [(settings, settings.urls[0], uplink)]
        var others: [UplinkSettings] = []
        if let fallback {
            var other = settings
            (other.name, other.use) = ("second", .fallback)
            others.append(other)
            ways.append((other, other.urls[0], fallback))
        }
        guard let both = try? UplinkGroup(settings, fallbacks: others) else { fatalError("no name") }
        delivery = DevicesDelivery(both, ways: ways, context: context)
    }

    /// Lets the backend refuse a scan alone as often as makes it a suspect; nothing else sleeps meanwhile.
    func askAgainUntilSuspect() async {
        for milliseconds in [500, 1000, 2000, 4000] {
            #expect(await clock.advanceToNextSleeper() == .milliseconds(milliseconds))
        }
    }

    /// Runs the delivery while `body` does.
    func run(_ body: () async throws -> Void) async throws {
        let running = Task { await delivery.run() }
        do {
            try await body()
        } catch {
            await delivery.stop()
            client.close()
            throw error
        }
        await delivery.stop()
        await running.value
        client.close()
    }
}

/// Where a number of tasks wait for one another, again and again.
actor Rendezvous {
    private let count: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(of count: Int) { self.count = count }

    func arrive() async {
        if waiting.count + 1 == count {
            for continuation in waiting { continuation.resume() }
            waiting = []
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }
}

@Suite(.timeLimit(.minutes(4)))
struct DevicesDeliveryTests {
    @Test func `what an earlier run left behind goes out at the start, in order, and what arrives later as well`()
        async throws
    {
        let bench = DevicesBench(maxScans: 3) { FakeUplink.accept($0) }
        bench.log.add((1...7).map { stored($0) }, to: lane("table-1"))
        try await bench.run {
            await bench.log.waitForSettled(7)
            bench.log.add([stored(8)], to: lane("table-1"))
            bench.delivery.scansArrived(in: [lane("table-1")])
            await bench.log.waitForSettled(8)
        }
        #expect(bench.log.order == Array(1...8))
        #expect(bench.uplink.sent.map(\.scans.count) == [3, 3, 1, 1])
        #expect(Set(bench.uplink.sent.map(\.id)).count == 4)
        let status = await bench.delivery.status()
        #expect(status.accepted == 8 && status.state == .stopped && status.lastAcceptedAt != nil)
    }

    @Test func `lanes go side by side, never more than in_flight and never two batches of one lane`() async throws {
        let gathering = Rendezvous(of: 3)
        let bench = DevicesBench(inFlight: 3, maxScans: 1) { sent in
            await gathering.arrive()
            return FakeUplink.accept(sent)
        }
        for table in 1...3 {
            bench.log.add((1...3).map { stored(table * 10 + $0) }, to: lane("table-\(table)"))
        }
        try await bench.run { await bench.log.waitForSettled(9) }
        #expect(bench.uplink.mostAtOnce == 3)
        for table in 1...3 {
            #expect(bench.log.order.filter { $0 / 10 == table } == (1...3).map { Int64(table * 10 + $0) })
        }
    }

    @Test func `a lane in trouble holds up no other lane`() async throws {
        let bench = DevicesBench {
            $0.lane == lane("table-1") ? .failure("500", retryAfter: nil) : FakeUplink.accept($0)
        }
        bench.log.add([stored(1)], to: lane("table-1"))
        bench.log.add([stored(2)], to: lane("table-2"))
        try await bench.run {
            await bench.log.waitForSettled(1)
            await bench.clock.waitForSleepers()
            bench.log.add([stored(3)], to: lane("table-2"))
            bench.delivery.scansArrived(in: [lane("table-2")])
            await bench.log.waitForSettled(2)
        }
        #expect(bench.log.settled.keys.sorted() == [2, 3])
    }

    @Test func `a failure is asked again with the same bytes after the backoff, and nobody wakes before`() async throws
    {
        let failures = Mutex(3)
        let bench = DevicesBench { sent in
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            return fails ? .failure("down", retryAfter: nil) : FakeUplink.accept(sent)
        }
        bench.log.add([stored(1), stored(2)], to: lane("table-1"))
        try await bench.run {
            // The jitter is 500: half a second of the bounds 0.5, 1 and 2 s.
            for _ in 0..<3 { #expect(await bench.clock.advanceToNextSleeper() == .milliseconds(500)) }
            await bench.log.waitForSettled(2)
            #expect(bench.clock.sleepers == 0)
        }
        #expect(bench.uplink.sent.count == 4)
        #expect(Set(bench.uplink.sent.map(\.body)).count == 1)
    }

    @Test func `a batch whose lane was taken back while it waits to be asked again is not sent again`() async throws {
        let bench = DevicesBench { _ in .failure("down", retryAfter: nil) }
        bench.log.add([stored(1), stored(2)], to: lane("table-1"))
        try await bench.run {
            await bench.clock.waitForSleepers()
            bench.log.takeAway(lane("table-1"))
            await bench.clock.advanceToNextSleeper()
            while bench.log.reads < 2 && bench.uplink.sent.count < 2 { await Task.yield() }
        }
        #expect(bench.uplink.sent.count == 1)
    }

    @Test func `five failures open the breaker, and one probe of one lane shuts it`() async throws {
        let isDown = Mutex(true)
        let clock = Mutex<ManualClock?>(nil)
        let bench = DevicesBench(inFlight: 1) { sent in
            guard isDown.withLock({ $0 }) else { return FakeUplink.accept(sent) }
            // Closer together they would count as one failure.
            clock.withLock { $0 }?.advance(by: .seconds(1))
            return .failure("down", retryAfter: nil)
        }
        clock.withLock { $0 = bench.clock }
        for table in 1...8 { bench.log.add([stored(table)], to: lane("table-\(table)")) }
        try await bench.run {
            await bench.clock.waitForSleepers()
            while await bench.delivery.status().state != .open { await Task.yield() }
            #expect(bench.uplink.sent.count == 5)
            isDown.withLock { $0 = false }
            var waited = Duration.zero
            while bench.log.settled.isEmpty {
                waited += await bench.clock.advanceToNextSleeper()
                if waited >= .seconds(30) { await bench.log.waitForSettled(8) }
            }
            #expect(waited == .seconds(30))
            #expect(await bench.delivery.status().state == .ok)
        }
    }

    @Test func `a 401 reloads the credential once and asks at once, then pauses and asks again after five minutes`()
        async throws
    {
        let bench = DevicesBench { _ in .unauthorized("401") }
        bench.log.add([stored(1)], to: lane("table-1"))
        try await bench.run {
            for round in 1...3 {
                await bench.clock.waitForSleepers()
                #expect(bench.uplink.sent.count == 2 * round && bench.uplink.reloads == round)
                let status = await bench.delivery.status()
                #expect(status.state == .paused && status.lastError == "401")
                #expect(await bench.clock.advanceToNextSleeper() == .seconds(300))
                while bench.uplink.sent.count < 2 * round + 2 { await Task.yield() }
            }
        }
        #expect(bench.log.settled.isEmpty)
    }

    @Test func `a 401 for a batch that was signed before the credential was read anew pauses nothing`() async throws {
        let together = Rendezvous(of: 2)
        let isFirst = Mutex(2)
        let bench = DevicesBench { sent in
            let isOld = isFirst.withLock { left in
                left -= 1
                return left >= 0
            }
            guard isOld else { return FakeUplink.accept(sent) }
            await together.arrive()
            return .unauthorized("401")
        }
        for table in 1...2 { bench.log.add([stored(table)], to: lane("table-\(table)")) }
        // The clock stands still: a pause would last for ever.
        try await bench.run { await bench.log.waitForSettled(2) }
        #expect(bench.uplink.reloads == 1 && bench.uplink.sent.count == 4)
        #expect(!bench.relay.states.contains(.paused))
    }

    @Test(arguments: [(BatchAnswer.forbidden("403"), UplinkState.paused), (.misconfigured("404"), .misconfigured)])
    func `403 and 404 pause everything and keep everything`(answer: BatchAnswer, state: UplinkState) async throws {
        let bench = DevicesBench(inFlight: 1) { _ in answer }
        for table in 1...3 { bench.log.add([stored(table)], to: lane("table-\(table)")) }
        try await bench.run {
            await bench.clock.waitForSleepers()
            #expect(bench.uplink.sent.count == 1)
            #expect(await bench.delivery.status().state == state)
            #expect(await bench.clock.advanceToNextSleeper() == .seconds(300))
            while bench.uplink.sent.count < 2 { await Task.yield() }
        }
        #expect(bench.log.settled.isEmpty)
    }

    @Test func `a poison scan is rejected once another scan has passed`() async throws {
        let bench = DevicesBench { sent in sent.scans.contains(scanID(3)) ? .refused("400 no") : FakeUplink.accept(sent)
        }
        bench.log.add((1...4).map { stored($0) }, to: lane("table-1"))
        try await bench.run {
            await bench.askAgainUntilSuspect()
            await bench.log.waitForSettled(4)
        }
        #expect(bench.log.settled[3] == .rejected(reason: "400 no"))
        #expect(bench.log.order == [1, 2, 4, 3])
        let status = await bench.delivery.status()
        #expect(status.accepted == 3 && status.rejected == 1)
    }

    @Test func `eight scans refused alone are put back, the uplink pauses, and nothing is lost`() async throws {
        let isBad = Mutex(true)
        let bench = DevicesBench(inFlight: 1) { sent in
            isBad.withLock { $0 } ? .refused("400 proxy") : FakeUplink.accept(sent)
        }
        bench.log.add((1...20).map { stored($0) }, to: lane("table-1"))
        try await bench.run {
            for _ in 1...PoisonWatch.limit { await bench.askAgainUntilSuspect() }
            while await bench.delivery.status().state != .paused { await Task.yield() }
            await bench.clock.waitForSleepers()
            #expect(bench.log.settled.isEmpty)
            isBad.withLock { $0 = false }
            #expect(await bench.clock.advanceToNextSleeper() == .seconds(300))
            await bench.log.waitForSettled(20)
        }
        #expect(bench.log.order == Array(1...20))
        #expect(bench.log.settled.values.allSatisfy { $0 == .done })
    }

    @Test(arguments: [true, false])
    func `a scan is not put back behind a batch of its lane that passed meanwhile`(passes: Bool) async throws {
        let state = Mutex((isUnderWay: false, isPutBack: false, isGood: false))
        let bench = DevicesBench(maxScans: 1) { sent in
            if state.withLock({ $0.isGood }) { return FakeUplink.accept(sent) }
            // The other lane's scans wait for the batch behind the first suspect to be under way.
            if sent.lane == lane("b") { while !state.withLock({ $0.isUnderWay }) { await Task.yield() } }
            guard sent.scans == [scanID(2)] else { return .refused("400 proxy") }
            state.withLock { $0.isUnderWay = true }
            while !state.withLock({ $0.isPutBack }) { await Task.yield() }
            state.withLock { $0.isGood = true }
            return passes ? FakeUplink.accept(sent) : .failure("reset", retryAfter: nil)
        }
        bench.log.add((1...3).map { stored($0, lane: "a") }, to: lane("a"))
        bench.log.add((11...17).map { stored($0, lane: "b") }, to: lane("b"))
        try await bench.run {
            while await bench.delivery.status().state != .paused {
                if bench.clock.sleepers > 0 { bench.clock.advance(by: .seconds(4)) }
                await Task.yield()
            }
            #expect(bench.log.settled.isEmpty)
            state.withLock { $0.isPutBack = true }
            while bench.log.settled.count < 10 {
                if bench.clock.sleepers > 0, state.withLock({ $0.isGood }) { bench.clock.advance(by: .seconds(300)) }
                await Task.yield()
            }
        }
        #expect(bench.log.settled[1] == (passes ? .rejected(reason: "400 proxy") : .done))
        #expect((2...3).allSatisfy { bench.log.settled[$0] == .done })
        #expect((11...17).allSatisfy { bench.log.settled[$0] == .done })
        #expect(bench.log.order.filter { $0 < 10 } == (passes ? [2, 1, 3] : [1, 2, 3]))
        #expect(bench.log.order.filter { $0 > 10 } == Array(11...17))
    }

    @Test func `an identity answer pauses its lane alone for five minutes`() async throws {
        let isKnown = Mutex(false)
        let bench = DevicesBench { sent in
            guard sent.lane == lane("table-1"), !isKnown.withLock({ $0 }) else { return FakeUplink.accept(sent) }
            return .results(
                BatchReply(
                    batchID: sent.id, serverTime: "",
                    results: sent.scans.map { .init(id: $0, status: "rejected", code: "unknown_device") }))
        }
        bench.log.add([stored(1)], to: lane("table-1"))
        bench.log.add([stored(2)], to: lane("table-2"))
        try await bench.run {
            await bench.log.waitForSettled(1)
            await bench.clock.waitForSleepers()
            let status = await bench.delivery.status()
            #expect(status.state == .ok && status.frozenLanes == [lane("table-1"): "unknown_device"])
            isKnown.withLock { $0 = true }
            #expect(await bench.clock.advanceToNextSleeper() == .seconds(300))
            await bench.log.waitForSettled(2)
            while await !bench.delivery.status().frozenLanes.isEmpty { await Task.yield() }
        }
    }

    @Test func `a pause holds new batches until it is ended`() async throws {
        let bench = DevicesBench { FakeUplink.accept($0) }
        await bench.delivery.pause()
        bench.log.add([stored(1)], to: lane("table-1"))
        try await bench.run {
            while bench.log.reads > 0 { Issue.record("read while paused") }
            #expect(await bench.delivery.status().state != .ok)
            await bench.delivery.resume()
            await bench.log.waitForSettled(1)
        }
    }

    @Test func `stopping gives up what is under way at once and settles nothing of it`() async throws {
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let bench = DevicesBench { _ in
            start.yield()
            // Until the task is cancelled, as a request without answer.
            try? await ManualClock().source.sleep(.seconds(9))
            return .cancelled
        }
        bench.log.add([stored(1)], to: lane("table-1"))
        try await bench.run { for await _ in started { break } }
        #expect(bench.log.settled.isEmpty)
    }

    @Test func `a spool that fails is asked again, and what it could not record is sent again`() async throws {
        let bench = DevicesBench { FakeUplink.accept($0) }
        bench.log.add([stored(1)], to: lane("table-1"))
        bench.log.fail(1)
        try await bench.run {
            #expect(await bench.clock.advanceToNextSleeper() <= .milliseconds(500))
            await bench.log.waitForSettled(1)
        }
    }
}
