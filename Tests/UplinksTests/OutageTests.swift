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
            var ahead: [Int] = []
            for number in 0..<20 {
                let scan = stored(100_000 + number, lane: "new")
                let before = bench.uplink.sent.count
                bench.log.add([scan], to: lane("new"))
                bench.delivery.scansArrived(in: [lane("new")])
                while bench.log.settled[scan.n] == nil { await bench.clock.advanceToNextSleeper() }
                let sent = bench.uplink.sent
                ahead.append((sent.lastIndex { $0.lane == lane("new") } ?? .max) - before)
            }
            // A few while word of it comes; in turn with sixty tables it would be sixty.
            #expect(ahead.sorted()[10] <= 12)
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

    @Test
    func
        `a backend that is slow with backlogs gets few at once, a lane that scans goes beside them, one that hangs holds up none`()
        async throws
    {
        let time = Mutex<ManualClock?>(nil)
        let answer = Mutex(Duration.seconds(1))
        let bench = DevicesBench(maxScans: 40) { sent in
            guard sent.lane != lane("new") else { return FakeUplink.accept(sent) }
            try? await time.withLock { $0 }?.source.sleep(answer.withLock { $0 })
            return FakeUplink.accept(sent)
        }
        time.withLock { $0 = bench.clock }
        bench.log.add([stored(1, lane: "new")], to: lane("new"))
        try await bench.run {
            await bench.log.waitForSettled(1)
            let old = (0..<20).map { lane("old-\($0)") }
            for (table, lane) in old.enumerated() {
                bench.log.add((0..<400).map { stored(1000 * (table + 1) + $0, lane: lane.text) }, to: lane)
            }
            bench.delivery.scansArrived(in: old)
            try await eventually("sixteen to be under way") { bench.uplink.mostAtOnce == 16 }
            // Batches become smaller once one goes at a time. How many are under way says less: that all answers are there may
            // be seen before what follows them is sent.
            while bench.uplink.sent.last?.scans.count == 40 { await bench.clock.advanceToNextSleeper() }
            #expect(bench.uplink.underWay <= 4)

            bench.log.add([stored(2, lane: "new")], to: lane("new"))
            bench.delivery.scansArrived(in: [lane("new")])
            try await eventually("the live scan to be judged, though the clock stands still") {
                bench.log.settled[2] != nil
            }

            answer.withLock { $0 = .seconds(36_000) }
            for _ in 0..<8 {
                let before = bench.uplink.sent.count
                try await eventually("another to go") {
                    bench.clock.advance(by: BacklogShare.patience / 4)
                    return bench.uplink.sent.count > before
                }
            }
            #expect(bench.uplink.underWay >= 6)
        }
    }

    @Test func `the last batches of backlogs do not make a new scan wait for others`() async throws {
        let bench = DevicesBench(maxScans: 40) { FakeUplink.accept($0) }
        try await bench.run {
            // A batch and a half each: as many scans a second as many busy tables bring.
            let old = (1...8).map { lane("old-\($0)") }
            for (table, lane) in old.enumerated() {
                bench.log.add((0..<60).map { stored(1000 * (table + 1) + $0, lane: lane.text) }, to: lane)
            }
            bench.delivery.scansArrived(in: old)
            await bench.log.waitForSettled(8 * 60)
            bench.clock.advance(by: .milliseconds(150))
            bench.log.add([stored(1, lane: "new")], to: lane("new"))
            bench.delivery.scansArrived(in: [lane("new")])
            try await eventually("it to be judged, though the clock stands still") { bench.log.settled[1] != nil }
        }
    }

    @Test func `a backlog's request that hangs keeps another's waiting for two seconds, and no longer`() async throws {
        let backend = Backend()
        let begun = Mutex<Set<LaneID>>([])
        let bench = DevicesBench(maxScans: 8) { sent in
            if backend.isDown { return .failure("connection refused", retryAfter: nil) }
            // The first of each lane is not known to be of a backlog.
            if sent.lane == lane("live") || begun.withLock({ $0.insert(sent.lane).inserted }) {
                return FakeUplink.accept(sent)
            }
            let (answer, end) = AsyncStream.makeStream(of: Void.self)
            for await _ in answer {}
            end.finish()
            return .cancelled
        }
        var scans = 0
        func scan() {
            scans += 1
            bench.log.add([stored(scans, lane: "live")], to: lane("live"))
            bench.delivery.scansArrived(in: [lane("live")])
        }
        try await bench.run {
            // Two failures, a second apart, are an outage: backlogs have one request after it.
            scan()
            for _ in 0..<2 { #expect(await bench.clock.advanceToNextSleeper() == .milliseconds(500)) }
            await bench.clock.waitForSleepers()
            backend.comeBack()
            await bench.clock.advanceToNextSleeper()
            await bench.log.waitForSettled(1)
            // Whoever scans has more than one again.
            for _ in 0..<20 {
                bench.clock.advance(by: RequestWindow.step)
                scan()
                await bench.log.waitForSettled(scans)
            }
            let old = (1...4).map { lane("old-\($0)") }
            for (table, lane) in old.enumerated() {
                bench.log.add((0..<40).map { stored(1000 * (table + 1) + $0, lane: lane.text) }, to: lane)
            }
            bench.delivery.scansArrived(in: old)
            await bench.log.waitForSettled(scans + 4 * 8)
            for hanging in 1...4 {
                try await eventually("another lane's to go") { bench.uplink.underWay == hanging }
                bench.clock.advance(by: BacklogShare.patience - .milliseconds(1))
                scan()
                await bench.log.waitForSettled(scans + 4 * 8)
                #expect(bench.uplink.underWay == hanging)
                bench.clock.advance(by: .milliseconds(1))
            }
        }
    }
}
