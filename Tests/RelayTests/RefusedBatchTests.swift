import Model
import Testing
import Wire

@testable import Uplinks

/// What a relay was answered over HTTP reaches the gateway as if it had been answered itself.
@Suite struct RefusedBatchTests {
    private enum Kind: Sendable { case tooLarge, compression, refused, unreadable }

    private func kind(_ status: Int) -> Kind? {
        let id = UUID(high: 1, low: 2)
        let reply = BatchReply(
            batchID: id, serverTime: "", results: [], refusal: .init(status: status, text: "no\u{1B}[2J"))
        let ack = AckTable.Ack(payload: reply.encode(), isCompressed: false)
        switch MQTTAnswer.classify(ack, batchID: id, place: "tracetrack") {
        case .tooLarge(let text):
            // It comes from outside, and people see it.
            #expect(!text.unicodeScalars.contains("\u{1B}"))
            return .tooLarge
        case .compressionRefused: return .compression
        case .refused: return .refused
        case .unreadable: return .unreadable
        default: return nil
        }
    }

    @Test func `an ack with an HTTP status is worked in like that status`() {
        #expect([413, 415, 400, 422].map { kind($0) } == [.tooLarge, .compression, .refused, .refused])
    }

    @Test(arguments: [0, 200, 401, 404, 500, -1])
    func `a status that no relay passes on is no reason to give a scan up`(status: Int) {
        #expect(kind(status) == .unreadable)
    }
}
