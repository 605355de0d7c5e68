import Model
import Testing

@testable import Uplinks

struct RequestPaceTests {
    private let lanes = (1...16).compactMap { LaneID("table-\($0)") }
    private let ms: Int64 = 1_000_000

    // One scan of each lane, `everyMs` apart, for half a second; the time afterwards.
    private func send(_ pace: inout RequestPace, _ lanes: some Sequence<LaneID>, everyMs: Int64) -> Int64 {
        var now = 1000 * ms
        while now < 1500 * ms {
            for lane in lanes { pace.note(1, of: lane, at: now) }
            now += everyMs * ms
        }
        return now
    }

    @Test func `a few lanes, or slow ones, send at once`() {
        var pace = RequestPace()
        #expect(pace.due(at: send(&pace, lanes.prefix(3), everyMs: 1)) == nil)
        pace = RequestPace()
        #expect(pace.due(at: send(&pace, lanes, everyMs: 80)) == nil)
    }

    @Test func `many busy lanes go together, three hundred milliseconds later at the most`() throws {
        var pace = RequestPace()
        let now = send(&pace, lanes, everyMs: 8)
        let found = pace.due(at: now)
        let due = try #require(found)
        #expect(now < due && due <= now + 300 * ms)
        #expect(pace.due(at: now + 1) == due)
    }

    @Test func `a burst after a standstill waits for twenty milliseconds at the most`() throws {
        var pace = RequestPace()
        for step in 0..<11 { for lane in lanes { pace.note(1, of: lane, at: (1000 + Int64(step) * 10) * ms) } }
        let found = pace.due(at: 1100 * ms)
        let due = try #require(found)
        #expect(1100 * ms < due && due <= 1120 * ms)
    }

    @Test func `lanes that gather stay gathering while the load lasts, and stop with it`() throws {
        var pace = RequestPace()
        var now = send(&pace, lanes, everyMs: 8)
        for _ in 0..<20 {
            let due = pace.due(at: now)
            now = try #require(due)
            for lane in lanes { pace.note(37, of: lane, at: now) }
        }
        #expect(pace.due(at: now) != nil)
        #expect(pace.due(at: now + 3000 * ms) == nil)
    }
}
