import Crypto
import Glibc
import MQTTClient
import Model
import Simulator
import TestSupport
import Testing
import Wire

@testable import Uplinks

@Suite(.timeLimit(.minutes(5)))
struct `Relays under tracetrack-web` {
    /// Every child is in the bag that it was scanned into, and nothing is missing.
    private func expectBags(_ bench: Bench, lanes: Int, bags: Int, children: Int) throws {
        var inBag: [String: String] = [:]
        for link in try bench.simulator.links() { inBag[link.child] = link.parent }
        var (wrong, lost) = (0, 0)
        for gateway in 0..<bench.gateways.count {
            for table in 0..<lanes {
                for bag in 0..<bags {
                    for child in 0..<children {
                        let found = inBag["C\(gateway)X\(table)X\(bag)X\(child)"]
                        if found == nil { lost += 1 }
                        if let found, found != "SB\(10_000 + gateway * 1000 + table * 100 + bag)" { wrong += 1 }
                    }
                }
            }
        }
        #expect(wrong == 0)
        #expect(lost == 0)
        #expect(inBag.count == bench.gateways.count * lanes * bags * children)
    }

    @Test func `with a relay killed and one joining, no bag is wrong and nothing is lost`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 3, timeout: .seconds(3))
            // A killed relay has to leave something under way.
            try bench.simulator.addFault(Fault(.latency, contract: .web, ms: 5))
            try await bench.run {
                var relays = [
                    try await bench.startProcess("a", web: true), try await bench.startProcess("b", web: true),
                ]
                for gateway in bench.gateways { gateway.fill(lanes: 4, bags: 5, children: 8) }
                let total = 3 * 4 * 5 * 9
                try await bench.waitForSettled(total / 5)
                #expect(relays[0].end(SIGKILL) == SIGKILL)
                try await bench.waitForSettled(total / 2)
                relays[0] = try await bench.startProcess("c", web: true)
                try await bench.waitForSettled(total)
                #expect(bench.refused.isEmpty)
                try expectBags(bench, lanes: 4, bags: 5, children: 8)
                #expect(try bench.simulator.count("wrong_parent") == 0)
                for relay in relays { #expect(relay.end(SIGTERM) == 0) }
            }
        }
    }

    @Test func `each gateway has one relay, and both work`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 6, timeout: .seconds(5))
            try await bench.run {
                let relays = [
                    try bench.makeRelay("a", to: bench.webUplink), try bench.makeRelay("b", to: bench.webUplink),
                ]
                try await bench.with(relays) {
                    try await eventually("the relays know each other") { relays.allSatisfy { $0.members == 2 } }
                    for gateway in bench.gateways { gateway.fill(lanes: 2, bags: 2, children: 3) }
                    try await bench.waitForSettled(6 * 2 * 8)
                }
                #expect(bench.refused.isEmpty)
                try expectBags(bench, lanes: 2, bags: 2, children: 3)
                // Six names, so that this is no matter of luck.
                for relay in relays { #expect(relay.counts.answered > 0 && relay.counts.others > 0) }
                // Nothing was posted by both: a bag is one row, but for what a session's change of lanes costs.
                let acceptances = try bench.simulator.acceptances()
                #expect(acceptances.count == 6 * 2 * 8)
            }
        }
    }

    @Test func `a scan that its scanner has not signed is not posted`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2)
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.webUplink) { $0.answerWithin = .seconds(100) }
                try await bench.with([relay]) {
                    let stranger = try await Stranger(port: broker.port)
                    let (gateway, other) = (bench.gateways[0], bench.gateways[1])
                    let lane = try #require(LaneID("table-0"))
                    let scans = [
                        gateway.scan(lane, .parent, "SB00860", parent: "", signer: HMACKey([1, 2, 3])),
                        other.scan(lane, .parent, "SB00861", parent: ""),
                        StoredScan(n: 9, wire: Array("{\"id\":\"\(UUID(high: 5, low: 6))\"}".utf8)),
                        gateway.scan(lane, .parent, "SB00862", parent: ""),
                    ]
                    _ = await stranger.publish(gateway.message(scans).message)
                    try await eventually("it is answered") { stranger.messages.count == 1 }
                    let ack = try #require(stranger.messages.first)
                    let reply = try BatchReply.parse(ack.payload)
                    #expect(
                        reply.results.map { "\($0.status) \($0.code)" } == [
                            "rejected bad_signature", "rejected unknown_device", "rejected malformed", "accepted ",
                        ])
                    #expect(try bench.simulator.scans().map(\.label) == ["SB00862"])
                    await stranger.close()
                }
            }
        }
    }

    @Test func `what the backend says of a scan reaches its gateway`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 1, timeout: .seconds(5))
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.webUplink)
                try await bench.with([relay]) {
                    let gateway = bench.gateways[0]
                    let lane = try #require(LaneID("table-0"))
                    gateway.log.add(
                        [
                            gateway.scan(lane, .parent, "SB00860", parent: ""),
                            gateway.scan(lane, .child, "CHILD1", parent: "SB00860"),
                            gateway.scan(lane, .child, "CHILD1", parent: "SB00860"),
                            gateway.scan(lane, .parent, "SB00861", parent: ""),
                            gateway.scan(lane, .child, "CHILD1", parent: "SB00861"),
                            gateway.scan(lane, .other, "BADGE", parent: ""),
                        ], to: lane)
                    gateway.delivery.scansArrived(in: [lane])
                    try await bench.waitForSettled(6)
                    let settled = gateway.log.settled.sorted { $0.key < $1.key }.map(\.value)
                    #expect(settled[..<4].allSatisfy { $0 == .done })
                    guard case .rejected(let why) = settled[4], case .held(let reason) = settled[5] else {
                        Issue.record("\(settled)")
                        return
                    }
                    #expect(why.hasPrefix("business_rule: "))
                    #expect(reason.contains("no request for labels of the role"))
                    #expect(await gateway.delivery.statuses().first?.duplicates == 1)
                }
            }
        }
    }

    @Test func `scans that take longer than an answer may are answered when they are known`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 1, timeout: .seconds(2))
            try bench.simulator.addFault(Fault(.latency, contract: .web, ms: 200))
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.webUplink) { $0.answerWithin = .seconds(1) }
                try await bench.with([relay]) {
                    bench.gateways[0].fill(lanes: 1, bags: 1, children: 19)
                    try await bench.waitForSettled(20)
                }
                #expect(bench.refused.isEmpty)
                // Asked about again and again, and posted once.
                #expect(relay.counts.answered >= 3)
                #expect(try bench.simulator.acceptances().values.allSatisfy { $0 == 1 })
                #expect(try bench.simulator.scans().count == 20)
            }
        }
    }
}
