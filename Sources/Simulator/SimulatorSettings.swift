public import HTTPServer

/// How one version of the web backend behaves where versions differ (contract `tracetrack-web`).
public struct WebVariant: Sendable, Equatable {
    /// What the replies to a child scan are worded like.
    public enum Wording: String, Sendable {
        /// "already linked to parent bag P", "Maximum 30 child bags", "Not authenticated".
        case first = "R1"
        /// "was already linked to this parent", "Parent bag is full", "Session expired".
        case second = "R2"
        /// "DUPLICATE: …", "already completed (30/30", "Session expired".
        case third = "R3"
    }

    /// Whether the scan routes want `X-CSRFToken`; `/login` always wants the token.
    public var wantsTokenOnScans: Bool
    /// The session cookie's name.
    public var cookieName: String
    /// Whether a child label must be `^[A-Z0-9]{4,20}$`; else any text of 3 characters or more.
    public var hasStrictChildLabels: Bool
    /// Whether the session lives in the cookie itself (signed), else on the server under a random id.
    public var keepsSessionInCookie: Bool
    /// Whether a rate limit turns into an HTML 500, else it is an HTML 429.
    public var hidesRateLimit: Bool
    /// Whether a full bag is told before a child's being in it already.
    public var tellsFullFirst: Bool
    /// The words of the replies.
    public var wording: Wording

    /// About October 2025.
    public static let r1 = WebVariant(
        wantsTokenOnScans: false, cookieName: "tracetrack_session", hasStrictChildLabels: false,
        keepsSessionInCookie: true, hidesRateLimit: true, tellsFullFirst: true, wording: .first)
    /// About November 2025.
    public static let r2 = WebVariant(
        wantsTokenOnScans: true, cookieName: "traitortrack_session", hasStrictChildLabels: false,
        keepsSessionInCookie: false, hidesRateLimit: false, tellsFullFirst: true, wording: .second)
    /// December 2025 and later.
    public static let r3 = WebVariant(
        wantsTokenOnScans: true, cookieName: "traitortrack_session", hasStrictChildLabels: true,
        keepsSessionInCookie: true, hidesRateLimit: false, tellsFullFirst: true, wording: .third)

    /// The variant of that name (`R1`, `R2`, `R3`), or nil.
    public static func named(_ name: String) -> WebVariant? {
        switch name.uppercased() {
        case "R1": r1
        case "R2": r2
        case "R3": r3
        default: nil
        }
    }
}

/// Requests a client address may make in an hour, a day or a minute before it is told 429; nil is no limit.
public struct RateLimits: Sendable, Equatable {
    /// On `/login`, GET and POST counted alike, in an hour (20 in production).
    public var loginsPerHour: Int?
    /// On everything but `/login`, `/process_child_scan_fast` and `/health`, in a minute.
    public var requestsPerMinute: Int?
    /// The same in an hour.
    public var requestsPerHour: Int?
    /// The same in a day.
    public var requestsPerDay: Int?

    /// Limits; none where not given.
    public init(
        loginsPerHour: Int? = nil, requestsPerMinute: Int? = nil, requestsPerHour: Int? = nil,
        requestsPerDay: Int? = nil
    ) {
        self.loginsPerHour = loginsPerHour
        self.requestsPerMinute = requestsPerMinute
        self.requestsPerHour = requestsPerHour
        self.requestsPerDay = requestsPerDay
    }
}

/// What a `Simulator` is made of.
public struct SimulatorSettings: Sendable {
    /// The contracts that are spoken.
    public enum Contract: String, Sendable, CaseIterable {
        /// `tracetrack-web` only.
        case web
        /// `tracetrack-devices` only.
        case devices
        /// Both, told apart by the content type.
        case both
    }

    /// How a gateway proves itself under the contract `tracetrack-devices`.
    public enum DeviceAuthentication: String, Sendable, CaseIterable {
        /// Nobody is asked (mutual TLS, or none).
        case none
        /// An RFC 9421 signature by a gateway key.
        case signature
        /// `Authorization: Bearer` with a registered token.
        case bearer
    }

    /// The listeners: the first one's address is `Simulator.url`. All of them serve everything.
    public var listeners: [WebServerSettings] = [WebServerSettings()]
    /// The SQLite file; nil makes one in a temporary directory that goes with the simulator.
    public var database: String?
    /// Whether a commit is on stable storage before its answer (`synchronous = FULL`); else it survives a killed
    /// process, not a lost machine.
    public var isDurable = false
    /// The contracts that are spoken.
    public var contract = Contract.both
    /// The web backend's version.
    public var variant = WebVariant.r3
    /// Accounts of the web contract: user name and password.
    public var accounts: [(username: String, password: String)] = []
    /// Limits per client address; none by default.
    public var limits = RateLimits()
    /// How gateways prove themselves under the contract `tracetrack-devices`.
    public var authentication = DeviceAuthentication.none
    /// Whether session cookies are marked `Secure` over plain HTTP too, as behind a badly set up proxy.
    public var marksCookiesSecure = false
    /// The children that a bag takes.
    public var childrenPerParent = 30
    /// The largest batch, decompressed; larger ones are answered 413. Default 1 MiB.
    public var maxBatchBytes = 1 << 20
    /// Called with one escaped line a judged scan, on the backend's thread.
    public var printEvent: (@Sendable (String) -> Void)?

    /// The defaults above: a free port of 127.0.0.1, plain HTTP, both contracts, variant R3.
    public init() {}
}

/// Why the simulator cannot start or do as it is told.
public struct SimulatorError: Error, Sendable, CustomStringConvertible {
    /// A sentence for people.
    public let description: String

    init(_ description: String) { self.description = description }
}
