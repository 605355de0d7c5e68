internal import Crypto
public import JSON
public import Model

/// One scan's JSON object: made once at capture, read by whoever sends, shows or verifies it.
public enum WireScan {
    /// The bytes to store and send, signed by `key`.
    public static func encode(_ scan: Scan, sign: ([UInt8]) -> [UInt8]) -> [UInt8] {
        var wire: [UInt8] = []
        ScanTemplate(scan).encode(ScanDraft(scan), sign: sign, to: &wire)
        return wire
    }

    /// The text that `encode` has signed.
    public static func signingText(of scan: Scan) -> [UInt8] { ScanTemplate(scan).signingText(ScanDraft(scan)) }

    /// The id of bytes that `encode` made, found by its place; nil for anything else.
    public static func id(of wire: [UInt8]) -> UUID? {
        let lead = Array("{\"id\":\"".utf8)
        guard wire.count > lead.count + 36, wire.starts(with: lead) else { return nil }
        return UUID(String(decoding: wire[lead.count..<(lead.count + 36)], as: UTF8.self))
    }

    /// Reads a scan as strictly as a verifier must: everything that the contract's syntax excludes is an error.
    ///
    /// - Parameter gateway: the batch's gateway, which is part of what was signed.
    public static func decode(_ wire: [UInt8], gateway: String = "") throws(WireError) -> ReceivedScan {
        let value: JSONValue
        do { value = try JSONValue.parse(wire) } catch { throw WireError("scan", error.description) }
        return try decode(value, gateway: gateway)
    }

    /// The same for a scan inside a batch that has been parsed.
    public static func decode(_ value: JSONValue, gateway: String) throws(WireError) -> ReceivedScan {
        guard case .object = value else { throw WireError("scan", "is no object") }
        var fields = ScanFields()
        fields.gateway = gateway
        fields.id = try text(value, "id", uuidSyntax)
        fields.dev = try text(value, "dev") { DeviceID($0) != nil }
        fields.kid = try text(value, "kid") { KeyID($0) != nil }
        fields.log = try text(value, "log") { LogID($0) != nil }
        fields.seq = try number(value, "seq")
        fields.lane = try text(value, "lane") { LaneID($0) != nil }
        fields.laneSeq = try number(value, "lane_seq")
        fields.ts = try text(value, "ts") { Timestamp.parse($0) != nil }
        fields.clk = try text(value, "clk") { $0 == "s" || $0 == "u" }
        fields.boot = try text(value, "boot", uuidSyntax)
        fields.monoMs = try number(value, "mono_ms")
        fields.action = try text(value, "action") { ScanAction(rawValue: $0) != nil }
        fields.role = try text(value, "role") { ScanRole(rawValue: $0) != nil }
        fields.parent = try text(value, "parent") { _ in true }
        fields.operatorBadge = try text(value, "operator") { _ in true }
        fields.corrects = try text(value, "corrects") { $0.isEmpty || uuidSyntax($0) }
        fields.sym = try text(value, "sym") { Symbology(rawValue: $0) != nil }
        fields.aim = try text(value, "aim", aimSyntax)
        fields.data = try data(value)
        fields.raw = try encoded(value, "raw")
        fields.alg = try text(value, "alg") { SignatureAlgorithm(rawValue: $0) != nil }
        guard let signature = try encoded(value, "sig"), [32, 64].contains(signature.count) else {
            throw WireError("sig", "must be 43 or 86 characters of base64url")
        }
        return ReceivedScan(fields: fields, signature: signature)
    }

    private static func uuidSyntax(_ text: String) -> Bool { UUID(text) != nil }

    private static func aimSyntax(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return true }
        guard bytes.count == 3, bytes[0] == UInt8(ascii: "]") else { return false }
        let (letter, digit) = (bytes[1] | 0x20, bytes[2] | 0x20)
        return (97...122).contains(letter) && bytes[1] > 64
            && ((97...122).contains(digit) && bytes[2] > 64
                || (48...57).contains(bytes[2]))
    }

    private static func text(_ value: JSONValue, _ name: String, _ isValid: (String) -> Bool) throws(WireError)
        -> String
    {
        guard let text = value[name]?.string else { throw WireError(name, "must be a string") }
        guard isValid(text) else { throw WireError(name, "does not match the contract's syntax") }
        return text
    }

    private static func number(_ value: JSONValue, _ name: String) throws(WireError) -> Int64 {
        guard let number = value[name]?.integer, (0...maximumInteger).contains(number) else {
            throw WireError(name, "must be an integer from 0 to 2^53 - 1")
        }
        return number
    }

    private static func encoded(_ value: JSONValue, _ name: String) throws(WireError) -> [UInt8]? {
        guard let member = value[name] else { return nil }
        guard let text = member.string, let bytes = Base64URL.decode(text) else {
            throw WireError(name, "must be base64url without padding")
        }
        return bytes
    }

    private static func data(_ value: JSONValue) throws(WireError) -> [UInt8] {
        switch (value["data"], try encoded(value, "data_b64")) {
        case (let member?, nil):
            guard let text = member.string, !text.utf8.contains(0) else {
                throw WireError("data", "must be a string without NUL")
            }
            return Array(text.utf8)
        case (nil, let bytes?): return bytes
        default: throw WireError("data", "one of data and data_b64 must be there")
        }
    }

    /// The largest integer that every JSON reader keeps: 2^53 - 1 (RFC 8259, section 6).
    static let maximumInteger: Int64 = 1 << 53 - 1
}

/// A scan as it was received: strings of valid syntax, and a signature that nobody has verified yet.
public struct ReceivedScan: Sendable, Equatable {
    /// What was signed.
    public let fields: ScanFields
    /// The signature's 32 (hs256) or 64 (ed25519) bytes.
    public let signature: [UInt8]
    /// The label after the lane's rule.
    public var data: [UInt8] { fields.data }
    /// The bytes as read, where they differ from `data`.
    public var raw: [UInt8]? { fields.raw }

    /// The text to verify the signature over, with the algorithm of the registry, never the message's.
    public func signingText(algorithm: SignatureAlgorithm) -> [UInt8] {
        var fields = fields
        fields.alg = algorithm.rawValue
        return fields.signingText()
    }
}
