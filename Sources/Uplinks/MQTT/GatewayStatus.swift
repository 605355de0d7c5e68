internal import JSON
internal import Model

/// What a gateway tells of itself on its topic `status`, retained.
public struct GatewayStatus: Sendable, Equatable {
    /// The program's version.
    public var version: String
    /// Names the configuration: the first 16 hex digits of a SHA-256 over its effective values.
    public var configuration: String
    /// Scans not yet judged.
    public var waiting: Int
    /// How long the oldest of them waits, in seconds; nil where none does.
    public var oldestAgeSeconds: Int64?
    /// Scans judged no.
    public var rejected: Int
    /// Scans that a person must look at.
    public var held: Int
    /// Scanners that should be there and are not; at most 100 names.
    public var scannersMissing: [String]

    /// All of it.
    public init(
        version: String, configuration: String, waiting: Int, oldestAgeSeconds: Int64?, rejected: Int, held: Int,
        scannersMissing: [String]
    ) {
        self.version = version
        self.configuration = configuration
        self.waiting = waiting
        self.oldestAgeSeconds = oldestAgeSeconds
        self.rejected = rejected
        self.held = held
        self.scannersMissing = Array(scannersMissing.prefix(100))
    }

    /// The payload of a gateway that is there; without `status` only that.
    static func online(_ gateway: GatewayID, _ status: GatewayStatus?, atMs: Int64) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("online", true)
            $0.member("gateway", gateway.text)
            $0.member("at", Timestamp.text(atMs))
            guard let status else { return }
            $0.member("version", status.version)
            $0.member("configuration", status.configuration)
            $0.member("waiting", status.waiting)
            $0.key("oldest_age_s")
            if let age = status.oldestAgeSeconds { $0.integer(age) } else { $0.null() }
            $0.member("rejected", status.rejected)
            $0.member("held", status.held)
            $0.key("scanners_missing")
            $0.array { for name in status.scannersMissing { $0.string(name) } }
        }
        return json.bytes
    }

    /// The payload of a gateway that has gone: by its own word, or by the broker's.
    static func offline(_ gateway: GatewayID, reason: String) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("online", false)
            $0.member("gateway", gateway.text)
            $0.member("reason", reason)
        }
        return json.bytes
    }
}
