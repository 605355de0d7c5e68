import Model
import Testing

@testable import Uplinks

struct RequestWindowTests {
    private let second: Int64 = 1_000_000_000

    // As many answers as may be under way, every tenth of a second, for so long; the limits seen, each once.
    private func answer(_ window: inout RequestWindow, for seconds: Int64) -> [Int] {
        var limits = [window.limit]
        for tenth in 0...(seconds * 10) {
            for _ in 0..<window.limit { window.succeeded(tenth * second / 10) }
            if window.limit != limits.last { limits.append(window.limit) }
        }
        return limits
    }

    @Test func `after an outage one request goes, then two, four, to the limit, half a second apart`() {
        var window = RequestWindow(16)
        #expect(window.limit == 16)
        window.restart(0)
        for tenth: Int64 in 0..<5 {
            for _ in 0..<100 { window.succeeded(tenth * second / 10) }
            #expect(window.limit == 1)
        }
        window.restart(0)
        #expect(answer(&window, for: 3) == [1, 2, 4, 8, 16])
        #expect(!window.isStarting)
    }

    @Test func `what is not answered lets no more go`() {
        var window = RequestWindow(16)
        window.restart(0)
        window.succeeded(second)
        #expect(window.limit == 2)
        window.succeeded(10 * second)
        #expect(window.limit == 2)
        window.succeeded(10 * second)
        #expect(window.limit == 4)
    }

    @Test func `a limit that is no power of two is reached and not passed`() {
        var window = RequestWindow(5)
        window.restart(0)
        #expect(answer(&window, for: 3) == [1, 2, 4, 5])
    }

    @Test func `slowing down ends the doubling`() {
        var window = RequestWindow(16)
        window.restart(0)
        _ = answer(&window, for: 1)
        window.halve()
        let limit = window.limit
        for _ in 0..<20 { window.succeeded(100 * second) }
        #expect(window.limit == limit + 1)
    }

    @Test func `the first success after an outage begins with one request, after a cut connection with all`() {
        var health = UplinkHealth(limit: 16)
        health.on(.failure("cut"), nowNs: second)
        health.on(.success, nowNs: 2 * second)
        #expect(health.limit == 16)
        for count: Int64 in 1...5 { health.on(.failure("down"), nowNs: (10 + count) * second) }
        health.beginProbe()
        health.on(.success, nowNs: 46 * second)
        #expect(health.limit == 1)
        health.on(.success, nowNs: 47 * second)
        #expect(health.limit == 2)
        health.on(.failure("down again"), nowNs: 47 * second)
        #expect(health.limit == 1)
    }

    @Test func `a probe that another way allowed, and a 429 that ends an outage, begin with one request too`() {
        for event in [UplinkHealth.Event.recovered, .slowDown("429", untilNs: 0)] {
            var health = UplinkHealth(limit: 16)
            for count: Int64 in 1...5 { health.on(.failure("down"), nowNs: count * second) }
            health.beginProbe()
            health.on(event, nowNs: 36 * second)
            #expect(health.limit == 1)
        }
    }

    @Test func `an open breaker asks no sooner than the backend has said`() {
        var health = UplinkHealth(limit: 16)
        for count: Int64 in 1...5 {
            health.on(.failure("503", notBeforeNs: (count + 120) * second), nowNs: count * second)
        }
        #expect(health.permission(6 * second) == .wait(untilNs: 125 * second))
        health.beginProbe()
        health.on(.failure("503", notBeforeNs: 126 * second), nowNs: 125 * second)
        #expect(health.permission(126 * second) == .wait(untilNs: 155 * second))
    }
}

struct LaneQueueTests {
    @Test func `a lane that scans goes before those with a backlog, which go every fourth time`() {
        var queue = LaneQueue()
        for table in 1...4 { queue.add(lane("old-\(table)"), isBehind: true) }
        for table in 1...6 { queue.add(lane("new-\(table)"), isBehind: false) }
        var order: [String] = []
        while let next = queue.next() { order.append(next.lane.text) }
        #expect(
            order == ["new-1", "new-2", "new-3", "old-1", "new-4", "new-5", "new-6", "old-2", "old-3", "old-4"])
        #expect(queue.isEmpty)
    }

    @Test func `who waited when nothing could go has a backlog`() {
        var queue = LaneQueue()
        queue.add(lane("old"), isBehind: false)
        queue.fallBehind()
        queue.add(lane("new"), isBehind: false)
        #expect(queue.next()?.lane == lane("new"))
        let last = queue.next()
        #expect(last?.lane == lane("old") && last?.isBehind == true)
    }

    @Test func `where no backlog may go, lanes that scan now go all the same`() {
        var queue = LaneQueue()
        queue.add(lane("old"), isBehind: true)
        for table in 1...5 { queue.add(lane("new-\(table)"), isBehind: false) }
        for table in 1...5 {
            let next = queue.next(orBehind: false)
            #expect(next?.lane == lane("new-\(table)") && next?.isBehind == false)
        }
        #expect(queue.next(orBehind: false)?.lane == nil)
        let last = queue.next()
        #expect(last?.lane == lane("old") && last?.isBehind == true)
    }
}
