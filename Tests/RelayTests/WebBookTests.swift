import Crypto
import Model
import Testing
import Wire

@testable import Uplinks

@Suite struct WebBookTests {
    private func batch(_ n: UInt64) -> RelayBatch {
        RelayBatch(
            gateway: gatewayID("dock-1"), id: UUID(high: 1, low: n), payload: [], isCompressed: false,
            isTooLarge: false, traceparent: "", ackKey: HMACKey([1]), arrivedNs: 0)
    }

    private func scan(_ n: UInt64) -> UUID { UUID(high: 2, low: n) }

    private func accepted(_ n: UInt64) -> BatchReply.Result { .init(id: scan(n), status: "accepted") }

    @Test func `a batch is answered once its last scan is settled`() {
        var book = WebBook()
        #expect([1, 2].map { book.begin(scan($0)) } == [1, 2])
        #expect(book.wait(batch(7), ids: [scan(1), scan(2)], results: [:]) == nil)
        #expect(book.settle(1, accepted(1), nowNs: 0).isEmpty)
        let done = book.settle(2, accepted(2), nowNs: 0)
        #expect(done.map(\.batch.id) == [batch(7).id])
        #expect(done.first?.results.count == 2)
        #expect(book.openCount == 0)
        #expect(book.waitingCount == 0)
    }

    @Test func `a scan that is asked about again while it is under way is not posted again`() {
        var book = WebBook()
        #expect(book.begin(scan(1)) == 1)
        #expect(book.wait(batch(7), ids: [scan(1)], results: [:]) == nil)
        // The first answer has gone without it.
        #expect(book.take(batch(7).id)?.results.isEmpty == true)
        #expect(book.begin(scan(1)) == nil)
        #expect(book.wait(batch(8), ids: [scan(1)], results: [:]) == nil)
        #expect(book.settle(1, accepted(1), nowNs: 0).map(\.batch.id) == [batch(8).id])
        #expect(book.verdict(scan(1), nowNs: .max / 2) == accepted(1))
    }

    @Test func `a refusal is forgotten after a minute, so that an admin can send the scan again`() {
        var book = WebBook()
        #expect(book.begin(scan(1)) == 1)
        let refused = BatchReply.Result(id: scan(1), status: "rejected", code: "business_rule")
        #expect(book.settle(1, refused, nowNs: 0).isEmpty)
        #expect(book.verdict(scan(1), nowNs: Duration.seconds(59).nanoseconds) == refused)
        #expect(book.verdict(scan(1), nowNs: Duration.seconds(61).nanoseconds) == nil)
    }

    @Test func `a batch whose scans are given up is answered with the rest`() {
        var book = WebBook()
        #expect([1, 2].map { book.begin(scan($0)) } == [1, 2])
        #expect(book.wait(batch(7), ids: [scan(1), scan(2)], results: [:]) == nil)
        #expect(book.settle(1, accepted(1), nowNs: 0).isEmpty)
        let done = book.abandon([2])
        #expect(done.first?.results.keys.map { $0 } == [scan(1)])
        #expect(book.begin(scan(2)) == 3)
    }

    @Test func `no more verdicts are kept than its bound and a thousand`() {
        var book = WebBook()
        for n in 1...UInt64(WebBook.maxKept + 5000) {
            _ = book.begin(scan(n))
            _ = book.settle(Int64(n), accepted(n), nowNs: 0)
        }
        #expect(book.verdict(scan(1), nowNs: 0) == nil)
        #expect(book.verdict(scan(UInt64(WebBook.maxKept + 5000)), nowNs: 0) != nil)
        #expect(book.keptCount <= WebBook.maxKept + 1000)
    }
}
