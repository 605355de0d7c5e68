import Crypto
import Model
import Testing

@testable import Uplinks

@Suite struct RelayQueueTests {
    private static let key = HMACKey([UInt8](repeating: 1, count: 32))
    private static let second = Duration.seconds(1).nanoseconds

    private func batch(_ n: UInt64, of gateway: String = "dock-1", bytes: Int = 10, at: Int64 = 0) -> RelayBatch {
        RelayBatch(
            gateway: gatewayID(gateway), id: UUID(high: 1, low: n), payload: [UInt8](repeating: 0, count: bytes),
            isCompressed: false, isTooLarge: false, traceparent: "", ackKey: Self.key, arrivedNs: at)
    }

    private func queue(inFlight: Int = 2, count: Int = 3, bytes: Int = 1000) -> RelayQueue {
        RelayQueue(.init(inFlight: inFlight, count: count, bytes: bytes, age: .seconds(15)))
    }

    private func sent(_ next: RelayQueue.Next) -> UInt64? {
        if case .send(let batch) = next { batch.id.low } else { nil }
    }

    @Test func `no more requests are under way than allowed, and what is over the window is dropped`() {
        var queue = queue()
        for n in 1...2 { #expect(queue.offer(batch(UInt64(n)), nowNs: 0) == .taken) }
        #expect(sent(queue.next(nowNs: 0)) == 1)
        #expect(sent(queue.next(nowNs: 0)) == 2)
        for n in 3...5 { #expect(queue.offer(batch(UInt64(n)), nowNs: 0) == .taken) }
        #expect(queue.offer(batch(6), nowNs: 0) == .full)
        #expect(sent(queue.next(nowNs: 0)) == nil)
        queue.done(batch(1), .success, nowNs: 0)
        #expect(sent(queue.next(nowNs: 0)) == 3)
        #expect(queue.offer(batch(6), nowNs: 0) == .taken)
    }

    @Test func `the window has a bound in bytes, and one for each gateway`() {
        var queue = queue(count: 10_000, bytes: 100_000)
        #expect(queue.offer(batch(1, bytes: 60_000), nowNs: 0) == .taken)
        #expect(queue.offer(batch(2, bytes: 60_000), nowNs: 0) == .full)
        for n in 0..<255 { #expect(queue.offer(batch(UInt64(100 + n)), nowNs: 0) == .taken) }
        #expect(queue.offer(batch(1000), nowNs: 0) == .full)
        #expect(queue.offer(batch(1001, of: "dock-2"), nowNs: 0) == .taken)
    }

    @Test func `a batch that waits or is under way is not taken again`() {
        var queue = queue()
        #expect(queue.offer(batch(1), nowNs: 0) == .taken)
        #expect(queue.offer(batch(1), nowNs: 0) == .repeated)
        #expect(sent(queue.next(nowNs: 0)) == 1)
        #expect(queue.offer(batch(1), nowNs: 0) == .repeated)
        queue.done(batch(1), .success, nowNs: 0)
        #expect(queue.offer(batch(1), nowNs: 0) == .taken)
    }

    @Test func `a batch that has waited as long as its gateway does is dropped`() {
        var queue = queue()
        #expect(queue.offer(batch(1), nowNs: 0) == .taken)
        #expect(queue.offer(batch(2, at: 10 * Self.second), nowNs: 10 * Self.second) == .taken)
        #expect(sent(queue.next(nowNs: 16 * Self.second)) == 2)
        #expect(queue.expired == 1)
        // Gone, so that it may come again.
        #expect(queue.offer(batch(1, at: 16 * Self.second), nowNs: 16 * Self.second) == .taken)
    }

    @Test func `after five failures nothing goes out for 30 s, then one`() {
        var queue = queue(inFlight: 8)
        for n in 1...5 {
            let now = Int64(n) * Self.second
            #expect(queue.offer(batch(UInt64(n), at: now), nowNs: now) == .taken)
            #expect(sent(queue.next(nowNs: now)) == UInt64(n))
            queue.done(batch(UInt64(n)), .failure("503"), nowNs: now)
        }
        let now = 6 * Self.second
        #expect(queue.offer(batch(6, at: now), nowNs: now) == .taken)
        guard case .wait(let until) = queue.next(nowNs: now) else {
            Issue.record("it goes on sending")
            return
        }
        #expect(until == 35 * Self.second)
        for n in 7...8 { #expect(queue.offer(batch(UInt64(n), at: until), nowNs: until) == .taken) }
        #expect(sent(queue.next(nowNs: until)) == 7)
        #expect(sent(queue.next(nowNs: until)) == nil)
        queue.done(batch(7), .success, nowNs: until)
        #expect(sent(queue.next(nowNs: until)) == 8)
    }

    @Test func `a blocked gateway's batches wait while others go`() {
        var queue = queue()
        let isNews = [0, 0].map { _ in queue.block(gatewayID("dock-1"), untilNs: 10 * Self.second) }
        #expect(isNews == [true, false])
        #expect(queue.offer(batch(1), nowNs: 0) == .taken)
        guard case .wait(let until) = queue.next(nowNs: 0) else {
            Issue.record("it goes out")
            return
        }
        #expect(until == 10 * Self.second)
        #expect(queue.offer(batch(2, of: "dock-2"), nowNs: 0) == .taken)
        #expect(sent(queue.next(nowNs: 0)) == 2)
        #expect(sent(queue.next(nowNs: 10 * Self.second)) == 1)
    }
}
