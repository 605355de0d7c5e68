import Crypto
import JSON
import Model
import Testing
import Wire

@Suite struct BatchTests {
    private func header() throws -> BatchHeader {
        BatchHeader(
            batchID: try #require(UUID("019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a10")),
            gateway: try #require(GatewayID("dock-7")),
            site: "jaipur", sentAt: Moment(uptimeNs: 8_125_000_000_000, wallMs: 1_795_233_600_123, synced: true),
            boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", clockErrorMs: 12,
            traceparent: Batch.traceparent(unixMs: 1_795_233_600_123, random: (1, 2, 4)))
    }

    @Test func `a batch holds the stored bytes as they are`() throws {
        let wire = WireScan.encode(try Vector.scan(), sign: Vector.key.authenticate)
        let body = Batch.encode(try header(), scans: [wire, wire])
        let text = String(decoding: body, as: UTF8.self)
        #expect(
            text.hasSuffix(
                "\"scans\":[" + String(decoding: wire, as: UTF8.self) + "," + String(decoding: wire, as: UTF8.self)
                    + "]}"))
        let received = try ReceivedBatch.decode(body)
        #expect(received.scans.count == 2)
        #expect(try received.scans[1].scan.get().fields.gateway == "dock-7")
    }

    @Test func `one malformed scan does not spoil the others`() throws {
        let wire = WireScan.encode(try Vector.scan(), sign: Vector.key.authenticate)
        let received = try ReceivedBatch.decode(
            Batch.encode(try header(), scans: [Array("{\"id\":\"x\"}".utf8), wire]))
        #expect(received.scans[0].id == "x")
        #expect(throws: WireError.self) { try received.scans[0].scan.get() }
        #expect(throws: Never.self) { try received.scans[1].scan.get() }
    }

    @Test func `a trace id begins with Unix seconds`() {
        let trace = Batch.traceparent(unixMs: 1_795_233_600_123, random: (.max, .max, 0))
        #expect(trace == "00-6b011740ffffffffffffffffffffffff-0000000000000001-01")
    }

    @Test func `a reply survives encoding, and results without an id are left out`() throws {
        let id = try #require(UUID("019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b"))
        let reply = BatchReply(
            batchID: try header().batchID, serverTime: "2026-11-21T04:00:00.123Z",
            results: [
                .init(id: id, status: "accepted", feedbackText: "SB00860 7/30", childCount: 7),
                .init(id: id, status: "deferred", retryAfterMs: 5000),
                .init(id: id, status: "rejected", code: "business_rule", text: "Parent bag is full"),
            ])
        #expect(try BatchReply.parse(reply.encode()) == reply)
        let damaged =
            "{\"v\":1,\"batch_id\":\"\(reply.batchID)\",\"results\":[{\"status\":\"accepted\"},7,{\"id\":\"\(id)\"}]}"
        #expect(try BatchReply.parse(Array(damaged.utf8)).results.isEmpty)
    }

    @Test func `a scan that was received can be written again, and says and proves the same`() throws {
        for raw: [UInt8]? in [nil, [0, 255]] {
            var scan = try Vector.scan()
            scan.raw = raw
            if raw != nil { scan.data = [0, 1, 255] }
            let received = try WireScan.decode(WireScan.encode(scan, sign: Vector.key.authenticate), gateway: "dock-7")
            #expect(try WireScan.decode(received.wire, gateway: "dock-7") == received)
        }
    }

    @Test func `a reply tells why a batch was refused as a whole`() throws {
        let reply = BatchReply(
            batchID: try header().batchID, serverTime: "", results: [], refusal: .init(status: 413, text: "too large"))
        #expect(try BatchReply.parse(reply.encode()) == reply)
        let plain = BatchReply(batchID: try header().batchID, serverTime: "", results: [])
        #expect(!String(decoding: plain.encode(), as: UTF8.self).contains("error"))
    }

    @Test(arguments: [
        "", "<html>", "[]", "{\"results\":[]}", "{\"batch_id\":\"019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a10\"}",
    ])
    func `what is no reply is refused`(body: String) {
        #expect(throws: WireError.self) { try BatchReply.parse(Array(body.utf8)) }
    }
}
