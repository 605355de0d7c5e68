import Model
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// Scans that the backend puts off again and again: asked about for long, and not for ever.
@Suite(.timeLimit(.minutes(4))) struct PostponedScanTests {
    private static func unknownParent(_ id: UUID) -> BatchReply.Result {
        .init(id: id, status: "rejected", code: "unknown_parent")
    }

    private static func accepting(_ accepts: @escaping @Sendable (UUID) -> BatchReply.Result?) -> DevicesBench {
        DevicesBench { sent in
            .results(
                BatchReply(
                    batchID: sent.id, serverTime: "",
                    results: sent.scans.map { accepts($0) ?? .init(id: $0, status: "accepted") }))
        }
    }

    @Test func `children of a bag that never comes let the rest of the lane go on after an hour`() async throws {
        let orphans = Set((1...250).map(scanID))
        let bench = Self.accepting { orphans.contains($0) ? Self.unknownParent($0) : nil }
        bench.log.add((1...250).map { stored($0) } + [parentScan(251, "SB00002")], to: lane("table-1"))
        let start = bench.clock.now
        try await bench.run {
            while bench.log.settled.isEmpty {
                if bench.clock.sleepers > 0 { bench.clock.advance(by: .seconds(300)) }
                await Task.yield()
            }
            await bench.log.waitForSettled(251)
        }
        #expect(bench.clock.now.uptimeNs - start.uptimeNs >= Duration.seconds(3600).nanoseconds)
        #expect(bench.uplink.sent.count >= DevicesLane.postponedLimit)
        #expect(bench.log.settled[251] == .done)
        #expect(
            bench.log.settled[1]
                == .held(
                    reason: "the backend has not known its bag SB00860 for 1 h; release it when the bag is there"))
        #expect(bench.log.order.last == 251)
    }

    private static let hour: Int64 = 3600 * 1_000_000_000

    /// The answers that one scan gets until it is held, each this long after the one before.
    private func answers(_ status: String, every stepNs: Int64, most: Int = 1000) -> (count: Int, atNs: Int64)? {
        var lane = DevicesLane()
        var now: Int64 = 0
        for count in 1...most {
            lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: stored(1).wire)])
            let reply = BatchReply(
                batchID: scanID(9), serverTime: "", results: [.init(id: scanID(1), status: status)])
            let outcome = lane.on(.results(reply), traffic: Traffic(), nowNs: now)
            if case .held = outcome.judged.first?.settlement { return (count, now) }
            now += stepNs
        }
        return nil
    }

    @Test func `it takes both twenty answers and an hour`() throws {
        let slow = try #require(answers("deferred", every: Self.hour))
        #expect(slow.count == 20)
        let quick = try #require(answers("deferred", every: Self.hour / 100))
        #expect(quick.count == 101 && quick.atNs == Self.hour)
        #expect(answers("deferred", every: 0) == nil)
    }

    @Test func `a scan that is released is asked about anew`() {
        var lane = DevicesLane()
        var held = 0
        for count in 0..<80 {
            lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: stored(1).wire)])
            let reply = BatchReply(batchID: scanID(9), serverTime: "", results: [Self.unknownParent(scanID(1))])
            let outcome = lane.on(.results(reply), traffic: Traffic(), nowNs: Int64(count) * Self.hour / 4)
            held += outcome.judged.count
        }
        #expect(held == 4)
    }

    @Test func `a lane that is paused by an identity answer stays so`() {
        var lane = DevicesLane()
        for count in 0..<100 {
            lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: stored(1).wire)])
            let reply = BatchReply(
                batchID: scanID(9), serverTime: "",
                results: [.init(id: scanID(1), status: "rejected", code: "unknown_device")])
            let outcome = lane.on(.results(reply), traffic: Traffic(), nowNs: Int64(count) * Self.hour)
            #expect(outcome.judged.isEmpty && outcome.identity != nil)
        }
    }
}
