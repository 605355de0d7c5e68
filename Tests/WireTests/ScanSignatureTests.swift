import Crypto
import JSON
import Model
import Testing
import Wire

/// The contract's own example, whose signature two independent implementations agree on.
enum Vector {
    static func scan() throws -> Scan {
        Scan(
            id: try #require(UUID("019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b")), gateway: try #require(GatewayID("dock-7")),
            device: try #require(DeviceID("scanner-3")), kid: try #require(KeyID("cc8abed72e46ea38")),
            log: try #require(LogID("9f2c4a1be07d6358")), seq: 100_017, lane: try #require(LaneID("table-1")),
            laneSeq: 240_011,
            capturedAt: Moment(
                uptimeNs: 8_123_456_000_000, wallMs: try #require(Timestamp.parse("2026-11-21T03:59:58.004Z")),
                synced: true),
            boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", role: .child, parent: "SB00860", operatorBadge: "OP-0042",
            symbology: .qr, aim: "]Q1", data: Array("0016586".utf8), raw: Array("LABEL NO. 0016586 LOT NO. 77".utf8))
    }

    static let key = HMACKey(Array(0..<32))
    static let signature = "KqNquttZs6-RdLnADnwdep7v7YOIvgZEMizVTZhzlPE"
}

@Suite struct ScanSignatureTests {
    @Test func `the contract's test vector is reproduced`() throws {
        let text = WireScan.signingText(of: try Vector.scan())
        #expect(text.count == 323)
        #expect(
            String(decoding: text, as: UTF8.self).hasSuffix(
                "gJVKgBmnf_eoG2NsOy6Mg3c_C-SBub9Wct1ekOXE-hg\nHuLG03MhLV-dJUIYZC2074rwGz_kcenwlnjQCE7gUX0\n"))
        #expect(Base64URL.encode(Vector.key.authenticate(text)) == Vector.signature)
    }

    @Test func `a stored scan decodes to what was signed, and its id is found by place`() throws {
        let scan = try Vector.scan()
        let wire = WireScan.encode(scan, sign: Vector.key.authenticate)
        let received = try WireScan.decode(wire, gateway: "dock-7")
        #expect(received.signingText(algorithm: .hs256) == WireScan.signingText(of: scan))
        #expect(Vector.key.isValid(received.signature, for: received.signingText(algorithm: .hs256)))
        #expect(WireScan.id(of: wire) == scan.id)
        #expect(WireScan.id(of: Array("{\"di\":\"019aa0c2-7a10-7f00-8000-5b1d2e3f4a5b\"}".utf8)) == nil)
    }

    @Test(arguments: [[0x53, 0x00, 0x42], [0xFF, 0xFE], [0xC3, 0x28]] as [[UInt8]])
    func `bytes that are not UTF-8 or hold NUL survive the wire`(data: [UInt8]) throws {
        var scan = try Vector.scan()
        scan.data = data
        let wire = WireScan.encode(scan, sign: Vector.key.authenticate)
        #expect(try WireScan.decode(wire, gateway: "dock-7").data == data)
        #expect(String(decoding: wire, as: UTF8.self).contains("\"data_b64\""))
    }

    @Test(arguments: [
        ("\"seq\":100017", "\"seq\":-1"), ("\"seq\":100017", "\"seq\":1.0"), ("\"seq\":100017", "\"seq\":1e3"),
        ("\"seq\":100017", "\"seq\":\"1\""), ("\"seq\":100017", "\"seq\":9007199254740992"),
        ("scanner-3", "scanner 3"), ("scanner-3", "-scanner"), ("cc8abed72e46ea38", "CC8ABED72E46EA38"),
        ("019aa0c2-7a10", "019AA0C2-7A10"), ("03:59:58.004Z", "03:59:58Z"), ("2026-11-21", "2026-02-30"),
        ("\"clk\":\"s\"", "\"clk\":\"x\""), ("\"action\":\"scan\"", "\"action\":\"eat\""),
        ("\"role\":\"child\"", "\"role\":\"uncle\""), ("]Q1", "]Q"), ("]Q1", "Q11"), ("\"QR\"", "\"qr\""),
        ("\"hs256\"", "\"none\""), ("\"sig\":\"Kq", "\"sig\":\"K="), ("\"sig\":\"Kq", "\"sig\":\""),
        ("\"dev\":", "\"dev\":\"x\",\"dev\":"), ("\"raw\":\"", "\"raw\":\"*"), ("\"data\":", "\"date\":"),
    ])
    func `syntax outside the contract is malformed`(good: String, bad: String) throws {
        let wire = WireScan.encode(try Vector.scan(), sign: Vector.key.authenticate)
        let text = String(decoding: wire, as: UTF8.self)
        let range = try #require(text.firstRange(of: good))
        let changed = text.replacingCharacters(in: range, with: bad)
        #expect(throws: WireError.self) { try WireScan.decode(Array(changed.utf8), gateway: "dock-7") }
    }
}

extension String {
    func firstRange(of part: String) -> Range<Index>? {
        let count = part.count
        var at = startIndex
        while let end = index(at, offsetBy: count, limitedBy: endIndex) {
            if self[at..<end] == part { return at..<end }
            guard at < endIndex else { return nil }
            at = index(after: at)
        }
        return nil
    }

    func replacingCharacters(in range: Range<Index>, with part: String) -> String {
        String(self[..<range.lowerBound]) + part + String(self[range.upperBound...])
    }
}
