internal import JSON
public import Model

/// What a batch says besides its scans.
public struct BatchHeader: Sendable, Equatable {
    /// Also the idempotency key: one batch id, one text, for ever.
    public var batchID: UUID
    /// The gateway that sends.
    public var gateway: GatewayID
    /// The site's name, or empty.
    public var site: String
    /// The clocks when the batch was made.
    public var sentAt: Moment
    /// The kernel's boot id.
    public var boot: String
    /// The wall clock's estimated error in milliseconds.
    public var clockErrorMs: Int64
    /// W3C Trace Context.
    public var traceparent: String

    /// All parts.
    public init(
        batchID: UUID, gateway: GatewayID, site: String, sentAt: Moment, boot: String, clockErrorMs: Int64,
        traceparent: String
    ) {
        self.batchID = batchID
        self.gateway = gateway
        self.site = site
        self.sentAt = sentAt
        self.boot = boot
        self.clockErrorMs = clockErrorMs
        self.traceparent = traceparent
    }
}

/// The body of a request: a header and a concatenation of stored scans.
public enum Batch {
    /// The media type of a batch.
    public static let contentType = "application/vnd.scan-batch+json;v=1"

    /// The body's bytes, not compressed. The scans' bytes are copied as they are.
    public static func encode(_ header: BatchHeader, scans: [[UInt8]]) -> [UInt8] {
        var json = JSONWriter(reserving: 512 + scans.reduce(0) { $0 + $1.count + 1 })
        json.object {
            $0.member("v", 1)
            $0.member("batch_id", header.batchID.description)
            $0.member("gateway", header.gateway.text)
            $0.member("site", header.site)
            $0.member("sent_at", Timestamp.text(header.sentAt.wallMs))
            $0.member("sent_boot", header.boot)
            $0.member("sent_mono_ms", header.sentAt.uptimeMs)
            $0.key("clock")
            $0.object {
                $0.member("synced", header.sentAt.synced)
                $0.member("err_ms", header.clockErrorMs)
            }
            $0.member("traceparent", header.traceparent)
            $0.key("scans")
            $0.array { for scan in scans { $0.raw(scan) } }
        }
        return json.bytes
    }

    /// A new trace: first 4 bytes Unix seconds, so that it is valid for W3C and for X-Ray alike.
    public static func traceparent(unixMs: Int64, random: (UInt64, UInt64, UInt64)) -> String {
        let seconds = UInt64(truncatingIfNeeded: UInt32(truncatingIfNeeded: unixMs / 1000))
        func hex(_ word: UInt64, _ count: Int) -> String {
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: max(0, count - digits.utf8.count)) + digits.suffix(count)
        }
        let high = seconds << 32 | random.0 & 0xFFFF_FFFF
        return "00-\(hex(high, 16))\(hex(random.1, 16))-\(hex(random.2 | 1, 16))-01"
    }
}

/// A batch as it was received. A scan that is malformed does not spoil the others.
public struct ReceivedBatch: Sendable {
    /// The batch's id, of valid syntax.
    public let batchID: UUID
    /// The gateway's name, of valid syntax.
    public let gateway: String
    /// When it was sent, 24 characters, or empty.
    public let sentAt: String
    /// The scans in order, each with its id as received (empty where it has none).
    public let scans: [(id: String, scan: Result<ReceivedScan, WireError>)]

    /// Reads a body, decompressed.
    public static func decode(_ body: [UInt8]) throws(WireError) -> ReceivedBatch {
        let value: JSONValue
        do {
            value = try JSONValue.parse(body)
        } catch {
            guard error.isRepeatedKey, let batch = decodeRepeated(body) else {
                throw WireError("batch", error.description)
            }
            return batch
        }
        guard value["v"]?.integer == 1 else { throw WireError("v", "must be 1") }
        guard let batchID = value["batch_id"]?.string.flatMap(UUID.init) else {
            throw WireError("batch_id", "must be a lower-case UUID")
        }
        guard let gateway = value["gateway"]?.string, GatewayID(gateway) != nil else {
            throw WireError("gateway", "must be \(GatewayID.rule)")
        }
        guard let scans = value["scans"]?.array else { throw WireError("scans", "must be an array") }
        return ReceivedBatch(
            batchID: batchID, gateway: gateway, sentAt: value["sent_at"]?.string ?? "",
            scans: scans.map { scan in
                (
                    scan["id"]?.string ?? "",
                    Result { () throws(WireError) in try WireScan.decode(scan, gateway: gateway) }
                )
            })
    }
}
