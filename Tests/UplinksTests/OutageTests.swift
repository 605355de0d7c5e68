import Model
import Synchronization
import TestSupport
import Testing

@testable import Uplinks

/// A backend that is away for a day, on a hand-moved clock.
@Suite(.timeLimit(.minutes(4)))
struct OutageTests {
    private final class Backend: Sendable {
        private let down = Mutex(true)
        var isDown: Bool { down.withLock { $0 } }
        func comeBack() { down.withLock { $0 = false } }
    }

    private func day(_ bench: DevicesBench) async {
        let end = bench.clock.now.uptimeNs + Duration.seconds(86_400).nanoseconds
        while bench.clock.now.uptimeNs < end { await bench.clock.advanceToNextSleeper() }
    }

    @Test func `a day's outage costs the network one request each thirty seconds, and no wake-up more`() async throws {
        let bench = DevicesBench { _ in .failure("connection refused", retryAfter: nil) }
        for table in 1...40 { bench.log.add([stored(table)], to: lane("table-\(table)")) }
        try await bench.run {
            await day(bench)
            // 2,880 half-minutes; before the breaker opens each lane has asked a few times.
            #expect(bench.uplink.sent.count < 2880 + 400)
            #expect(bench.uplink.sent.count > 2000)
            #expect(bench.log.settled.isEmpty)
        }
    }

    @Test func `a backend that asks for ten minutes is asked each ten minutes`() async throws {
        let bench = DevicesBench { _ in .failure("503", retryAfter: .seconds(600)) }
        for table in 1...40 { bench.log.add([stored(table)], to: lane("table-\(table)")) }
        try await bench.run {
            await day(bench)
            #expect(bench.uplink.sent.count < 144 + 400)
        }
    }

    @Test func `after a day each lane's scans go in order, and a lane that scans now is not behind the others`()
        async throws
    {
        let backend = Backend()
        // An answer takes a tenth of a second.
        let time = Mutex<ManualClock?>(nil)
        let bench = DevicesBench(inFlight: 4, maxScans: 10) { sent in
            try? await time.withLock { $0 }?.source.sleep(.milliseconds(100))
            return backend.isDown ? .failure("connection refused", retryAfter: nil) : FakeUplink.accept(sent)
        }
        time.withLock { $0 = bench.clock }
        // Sixty tables with ten batches each.
        for table in 0..<60 {
            let scans = (0..<100).map { stored(table * 100 + $0, lane: "old-\(table)") }
            bench.log.add(scans, to: lane("old-\(table)"))
        }
        try await bench.run {
            await day(bench)
            backend.comeBack()
            while bench.log.settled.isEmpty { await bench.clock.advanceToNextSleeper() }
            var latencies: [Int64] = []
            for number in 0..<20 {
                let scan = stored(100_000 + number, lane: "new")
                let start = bench.clock.now.uptimeNs
                bench.log.add([scan], to: lane("new"))
                bench.delivery.scansArrived(in: [lane("new")])
                while bench.log.settled[scan.n] == nil { await bench.clock.advanceToNextSleeper() }
                latencies.append((bench.clock.now.uptimeNs - start) / 1_000_000)
            }
            // The request under way, and its own; but the hand-moved clock runs ahead of a busy machine. In turn with sixty
            // tables, four at once, it would be a second and a half.
            #expect(latencies.sorted()[10] <= 900)
            #expect(bench.log.settled.count < 6000)
            bench.clock.setAutomatic(true)
            bench.clock.advance(by: .seconds(1))
            await bench.log.waitForSettled(6020)
            let order = bench.log.order.filter { $0 < 100_000 }
            for table in 0..<60 {
                let own = order.filter { $0 / 100 == table }
                #expect(own == own.sorted())
            }
        }
    }
}
