import Crypto
import Model
import Spool
import Testing
import Wire

@testable import Gateway

struct ScanEncodingTests {
    @Test(arguments: [1, 32, 33, ScanEncoding.worthHelp - 1, ScanEncoding.worthHelp, 1000])
    func `each scan has the bytes that it has alone, in order, whoever makes them`(count: Int) throws {
        let key = HMACKey(Array(0..<32))
        let template = ScanTemplate(
            gateway: try #require(GatewayID("dock-7")), device: try #require(DeviceID("scanner-3")),
            kid: try #require(KeyID("cc8abed72e46ea38")), log: try #require(LogID("9f2c4a1be07d6358")),
            lane: try #require(LaneID("table-1")), boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", algorithm: .hs256)
        let drafts = (1...count).map { number in
            ScanDraft(
                id: UUID(high: 7, low: UInt64(number)), seq: Int64(number), laneSeq: Int64(number) + 5,
                capturedAt: Moment(uptimeNs: Int64(number), wallMs: Int64(number), synced: true), role: .child,
                parent: "SB\"\\1", symbology: .qr, aim: "]Q1", data: Array("\(number)\t".utf8), raw: [0xFF, 0])
        }
        for _ in 0..<20 {
            let encoding = ScanEncoding(
                drafts.map { .init(draft: $0, signer: 0) }, [ScanSigner(template, sign: key.authenticate)])
            var made: [[UInt8]] = []
            var index = 0
            while made.count < count {
                let block = encoding.block(index)
                index += 1
                var start = 0
                for end in block.ends {
                    made.append(Array(block.bytes[start..<end]))
                    start = end
                }
            }
            let alone = drafts.map { draft in
                var wire: [UInt8] = []
                template.encode(draft, sign: key.authenticate, to: &wire)
                return wire
            }
            #expect(made == alone)
            for wire in made {
                let received = try WireScan.decode(wire, gateway: "dock-7")
                #expect(key.isValid(received.signature, for: received.signingText(algorithm: .hs256)))
            }
        }
    }
}
