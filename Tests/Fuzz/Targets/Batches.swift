internal import Crypto
internal import Gzip
internal import JSON
internal import Model
internal import Wire

@testable internal import Uplinks

extension FuzzTarget {
    /// A batch as a backend or a relay receives it, or one scan as a spool has it.
    static let batch = FuzzTarget("batch") { choices, bytes in
        let isScan = choices.flag()
        if isScan {
            let stored = WebScan(StoredScan(n: 1, wire: bytes))
            guard let scan = try? WireScan.decode(bytes, gateway: "dock-7") else { return }
            if case .child(_, let parent) = stored.kind { try require(!parent.isEmpty, "a child of no bag") }
            return try expectSame(scan, gateway: "dock-7")
        }
        guard let batch = try? ReceivedBatch.decode(bytes) else { return }
        var taken: [ReceivedScan] = []
        for case (let id, .success(let scan)) in batch.scans {
            try require(id == scan.fields.id, "a scan with two ids")
            try expectSame(scan, gateway: batch.gateway)
            taken.append(scan)
        }
        // What a relay or a spool makes of it is read back as the same scans.
        guard let gateway = GatewayID(batch.gateway) else {
            throw FuzzFinding(description: "a gateway that cannot be called \(batch.gateway)")
        }
        let header = BatchHeader(
            batchID: batch.batchID, gateway: gateway, site: "", sentAt: Moment(uptimeNs: 1, wallMs: 1, synced: false),
            boot: "", clockErrorMs: 0, traceparent: "")
        let again = try ReceivedBatch.decode(Batch.encode(header, scans: taken.map(\.wire)))
        try require(again.batchID == batch.batchID, "another batch id")
        let read = try again.scans.map { try $0.scan.get() }
        try require(read == taken, "a batch that is not read as it was written")
    }

    private static func expectSame(_ scan: ReceivedScan, gateway: String) throws {
        let again = try WireScan.decode(scan.wire, gateway: gateway)
        try require(again == scan, "a scan that is not read as it was written")
        for algorithm in SignatureAlgorithm.allCases {
            try require(
                again.signingText(algorithm: algorithm) == scan.signingText(algorithm: algorithm),
                "another text to sign")
            try require(scan.signingText(algorithm: algorithm).count { $0 == 10 } == 23, "a field of several lines")
        }
    }

    /// A scan of bytes of any value: made, stored, read by a verifier.
    static let scan = FuzzTarget("scan") { choices, bytes in
        var script = FuzzBytes(bytes)
        let parent = String(decoding: script.take(Int(script.byte())), as: UTF8.self)
        let badge = String(decoding: script.take(Int(script.byte()) & 63), as: UTF8.self)
        let raw = script.take(Int(script.byte()))
        guard let gateway = GatewayID("dock-7"), let device = DeviceID("scanner-1"), let lane = LaneID("table-1"),
            let kid = KeyID("0123456789abcdef"), let log = LogID("fedcba9876543210"), !script.isAtEnd
        else { return }
        let place = Int64(choices.number(below: 200)) << Int64(choices.number(below: 45))
        let scan = Scan(
            id: UUID(version7At: place, random: (1, 2)), gateway: gateway, device: device, kid: kid, log: log,
            seq: place, lane: lane, laneSeq: place,
            capturedAt: Moment(uptimeNs: place << 10, wallMs: place, synced: choices.flag()),
            boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", action: choices.one(of: ScanAction.allCases),
            role: choices.one(of: ScanRole.allCases), parent: parent, operatorBadge: badge,
            symbology: choices.one(of: Symbology.allCases), aim: choices.one(of: ["", "]Q1"]), data: Array(script.rest),
            raw: raw.isEmpty ? nil : raw)
        let key = HMACKey([UInt8](0..<32))
        let wire = WireScan.encode(scan) { key.authenticate($0) }
        try require(WireScan.id(of: wire) == scan.id, "an id that is not found")
        // A NUL in a text is JSON, and none of this reader's.
        guard !parent.utf8.contains(0), !badge.utf8.contains(0) else { return }
        let received = try WireScan.decode(wire, gateway: "dock-7")
        try require(received.data == scan.data && received.raw == scan.raw, "another label")
        try require(received.fields.parent == parent, "another bag")
        try require(
            key.isValid(received.signature, for: received.signingText(algorithm: .hs256)), "a signature that is not one"
        )
        try require(
            received.signingText(algorithm: .hs256) == WireScan.signingText(of: scan), "signer and verifier differ")
    }

    /// The encodings that batches and answers are made of.
    static let encodings = FuzzTarget("encodings") { choices, bytes in
        let text = String(decoding: bytes, as: UTF8.self)
        switch choices.number(below: 6) {
        case 0:
            guard let value = try? JSONValue.parse(bytes) else { return }
            var writer = JSONWriter()
            writer.value(value)
            let again = try JSONValue.parse(writer.bytes)
            try require(withoutReals(again) == withoutReals(value), "JSON that is not read as it was written")
        case 1:
            if let out = try? Gzip.decompress(bytes, limit: 65_536) {
                try require(out.count <= 65_536, "more bytes than were allowed")
            }
            try require(try Gzip.decompress(Gzip.compress(bytes), limit: 1 << 20) == bytes, "gzip and back")
        case 2:
            try require(Base64URL.decode(Base64URL.encode(bytes)) == bytes, "base64url and back")
            try require(Base64.decode(Base64.encode(bytes)) == bytes, "base64 and back")
            if let read = Base64URL.decode(text) {
                try require(Base64URL.encode(read) == text, "two texts of one signature")
            }
            if let read = Base64.decode(text) {
                try require(Base64.encode(read) == text, "two texts of one signature: \(text.debugDescription)")
            }
        case 3:
            if let time = Timestamp.parse(text) { try require(Timestamp.text(time) == text, "a time, and back") }
            if let id = UUID(text) { try require(id.description == text, "a UUID, and back") }
            if let date = HTTPDate.parse(text) { try require(date >= 0, "a date before 1970") }
            if let wait = HTTPDate.retryAfter(text, nowMs: 1_795_233_600_000) {
                try require((.zero ... .seconds(3600)).contains(wait), "a wait of \(wait)")
            }
        case 4:
            let shown = Safe.text(bytes, limit: 4096)
            try require(isPrintable(shown), "bytes that are no text: \(shown.debugDescription)")
            let field = Safe.csv(text)
            // By scalars, as a spreadsheet reads it: to Swift a quote with a combining mark is another character.
            let scalars = Array(field.unicodeScalars)
            try require(isPrintable(field) && scalars.first == "\"" && scalars.last == "\"", "no CSV field: \(field)")
            try require(
                scalars.dropFirst().dropLast().count { $0 == "\"" }.isMultiple(of: 2), "it ends early: \(field)")
        default:
            if let read = EscapedBytes.parse(text, atMost: 256) {
                try require(read.count <= 256, "more bytes than were allowed")
                let escaped = read.map { "\\x" + Hex.encode([$0]) }.joined()
                try require(EscapedBytes.parse(escaped, atMost: 256) == read, "escaped bytes, and back")
            }
            if let read = Hex.decode(text) { try require(Hex.encode(read) == text.lowercased(), "hex, and back") }
        }
    }

    // They are written with three digits.
    private static func withoutReals(_ value: JSONValue) -> JSONValue {
        switch value {
        case .real: .null
        case .integer(let number): abs(Double(number)) < 9e15 ? value : .null
        case .array(let values): .array(values.map(withoutReals))
        case .object(let members): .object(members.map { ($0.key, withoutReals($0.value)) })
        default: value
        }
    }

    /// The headers of a signed request: the second line is `Signature-Input`, the third `Signature`.
    static let signature = FuzzTarget("signature") { choices, bytes in
        var script = FuzzBytes(bytes)
        let input = String(decoding: script.line(), as: UTF8.self)
        let given = String(decoding: script.line(), as: UTF8.self)
        let key = HMACKey([UInt8](0..<32))
        let required = choices.one(of: [[], ["@method"], ["@method", "content-digest"]])
        let read = RequestSignature.verify(
            input: input, signature: given, required: required, key: { $0.isEmpty ? nil : key }, value: { _ in "v" })
        if let read {
            try require(required.allSatisfy { name in read.components.contains { $0.name == name } }, "not covered")
        }
        // What is signed is verified, whatever the key's name.
        let name = String(
            decoding: script.line().filter { (33...126).contains($0) && !"\";,=\\()".utf8.contains($0) }, as: UTF8.self)
        guard !name.isEmpty else { return }
        let own = RequestSignature(
            components: [("@method", "POST"), ("content-digest", "x")], created: Int64(choices.number(below: 200)),
            keyID: name)
        let headers = own.headers(key: key)
        let back = RequestSignature.verify(
            input: headers.input, signature: headers.signature, required: ["@method"], key: { $0 == name ? key : nil },
            value: { $0 == "@method" ? "POST" : "x" })
        try require(back == own, "a signature that its own verifier does not take: \(headers)")
    }
}

/// Whether a text may be shown to people: no control character, but for the line feeds of a list.
func isPrintable(_ text: String) -> Bool {
    text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control || $0 == "\n" }
}
