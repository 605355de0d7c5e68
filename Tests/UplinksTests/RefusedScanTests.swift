import Model
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// A scan that is refused alone though nothing is wrong with it: its request was damaged on the way, or somebody in
/// between answered.
@Suite(.timeLimit(.minutes(2))) struct RefusedScanTests {
    /// A backend that refuses each batch with one of `bad` in it, for as long as there are any.
    private final class Way: Sendable {
        private let bad: Mutex<Set<UUID>>

        init(_ bad: Set<Int>) { self.bad = Mutex(Set(bad.map(scanID))) }

        func answer(_ sent: FakeUplink.Sent) -> BatchAnswer {
            bad.withLock { $0.isDisjoint(with: sent.scans) } ? FakeUplink.accept(sent) : .refused("400 damaged")
        }

        func mend() { bad.withLock { $0 = [] } }
    }

    @Test func `what is taken when it is asked about again is not rejected, and nothing of its lane overtakes it`()
        async throws
    {
        let way = Way([2])
        let bench = DevicesBench { way.answer($0) }
        bench.log.add((1...4).map { stored($0) }, to: lane("table-1"))
        bench.log.add((11...12).map { stored($0) }, to: lane("table-2"))
        try await bench.run {
            await bench.log.waitForSettled(3)
            for milliseconds in [500, 1000, 2000] {
                #expect(await bench.clock.advanceToNextSleeper() == .milliseconds(milliseconds))
            }
            await bench.clock.waitForSleepers()
            // Others have passed, and more than once.
            bench.log.add([stored(13)], to: lane("table-2"))
            bench.delivery.scansArrived(in: [lane("table-2")])
            await bench.log.waitForSettled(4)
            way.mend()
            #expect(await bench.clock.advanceToNextSleeper() == .seconds(4))
            await bench.log.waitForSettled(7)
        }
        #expect(bench.log.settled.values.allSatisfy { $0 == .done })
        #expect(bench.log.order.filter { $0 < 10 } == [1, 2, 3, 4])
    }

    @Test(arguments: [true, false])
    func `the last scan is asked about again where nothing comes behind it`(isResumed: Bool) async throws {
        let way = Way([1])
        let bench = DevicesBench { way.answer($0) }
        bench.log.add([stored(1)], to: lane("table-1"))
        try await bench.run {
            await bench.askAgainUntilSuspect()
            await bench.clock.waitForSleepers()
            let sent = bench.uplink.sent.count
            #expect(sent == DevicesLane.refusalsToSuspect)
            way.mend()
            if isResumed {
                await bench.delivery.resume()
            } else {
                #expect(await bench.clock.advanceToNextSleeper() == .seconds(300))
            }
            await bench.log.waitForSettled(1)
        }
        #expect(bench.log.settled[1] == .done)
    }

    @Test(arguments: ["table-1", "table-2"])
    func `what comes behind the last scan goes at once, and nothing is left to wake up for`(name: String) async throws {
        let way = Way([1])
        let bench = DevicesBench { way.answer($0) }
        bench.log.add([stored(1)], to: lane("table-1"))
        try await bench.run {
            await bench.askAgainUntilSuspect()
            await bench.clock.waitForSleepers()
            bench.log.add([stored(2, lane: name)], to: lane(name))
            bench.delivery.scansArrived(in: [lane(name)])
            await bench.log.waitForSettled(2)
            while bench.clock.sleepers > 0 { await Task.yield() }
        }
        #expect(bench.log.order == [2, 1])
        #expect(bench.log.settled[1] == .rejected(reason: "400 damaged"))
    }

    @Test func `after two damaged requests in a row a hundred go out without gzip, and then none`() async throws {
        let toDamage = Mutex(2)
        let bench = DevicesBench(maxScans: 1) { sent in
            // The backend reads of an encoding that it does not know.
            let isDamaged = toDamage.withLock { left in
                guard sent.isCompressed, left > 0 else { return false }
                left -= 1
                return true
            }
            return isDamaged ? .compressionRefused("415") : FakeUplink.accept(sent)
        }
        // Each too large to go without gzip.
        let label = String(repeating: "C", count: 1200)
        bench.log.add((1...110).map { stored($0, data: label) }, to: lane("table-1"))
        let before = bench.clock.now.uptimeNs
        try await bench.run { await bench.log.waitForSettled(110) }
        #expect(bench.log.settled.values.allSatisfy { $0 == .done })
        let compressed = bench.uplink.sent.map(\.isCompressed)
        #expect(compressed.prefix(4) == [true, false, true, false])
        #expect(compressed.dropFirst(4).prefix(100).allSatisfy { !$0 })
        #expect(compressed.dropFirst(104) == Array(repeating: true, count: 8)[...])
        #expect(bench.clock.now.uptimeNs == before)
    }
}
