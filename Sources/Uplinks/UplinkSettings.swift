/// One `[[uplink]]` of the configuration, checked: a way out.
public struct UplinkSettings: Sendable, Equatable {
    /// Which of the two ways to speak to `/api/fast_parent_scan`.
    public enum Contract: String, Sendable, CaseIterable {
        /// TraceTrack as it stands: a form post a scan, in a login session.
        case web = "tracetrack-web"
        /// Signed batches, each scan answered.
        case devices = "tracetrack-devices"
    }

    /// What the uplink is for.
    public enum Use: String, Sendable, CaseIterable {
        case primary, fallback, mirror
    }

    /// A user of the backend, for the login of tracetrack-web.
    public struct Account: Sendable, Equatable {
        /// The user's name.
        public var username: String
        /// A file whose first line is the password; mode 0600 or a systemd credential.
        public var passwordFile: String
        /// Login sessions of this user side by side: 1 to 16. Each serves a lane at a time and logs in for itself.
        public var sessions: Int

        /// All parts.
        public init(username: String, passwordFile: String, sessions: Int = 1) {
            self.username = username
            self.passwordFile = passwordFile
            self.sessions = sessions
        }
    }

    /// How the gateway proves who it is.
    public enum Authentication: Sendable, Equatable {
        /// tracetrack-web: the sessions of these users.
        case login([Account])
        /// tracetrack-devices: RFC 9421 with the gateway's key, 32 bytes as base64url or 64 hex digits, in this file.
        case signature(keyFile: String)
        /// tracetrack-devices: `Authorization: Bearer`, the token being the first line of this file.
        case bearer(tokenFile: String)
        /// The client certificate of `tls` alone.
        case mutualTLS
        /// MQTT: a user of the broker, the password being the first line of this file.
        case password(username: String, passwordFile: String)
    }

    /// Files in PEM form; nil means the system's own authorities, no client certificate.
    public struct TLSFiles: Sendable, Equatable {
        /// Authorities that are trusted instead of the system's.
        public var caFile: String?
        /// The client certificate, with its chain.
        public var certFile: String?
        /// The client certificate's key.
        public var keyFile: String?

        /// The three files.
        public init(caFile: String? = nil, certFile: String? = nil, keyFile: String? = nil) {
            self.caFile = caFile
            self.certFile = certFile
            self.keyFile = keyFile
        }
    }

    /// Bounds of one batch and of the batches under way.
    public struct Batching: Sendable, Equatable {
        /// Scans in a batch: 1 to 1000.
        public var maxScans = 250
        /// Bytes of a batch before compression: 1,000 to 130,000 (AWS IoT Core's cap).
        public var maxBytes = 120_000
        /// How long an idle lane waits for more scans before it sends.
        public var linger: Duration = .zero
        /// Batches of different lanes under way at once: 1 to 256.
        public var inFlight = 16

        /// The defaults.
        public init() {}
    }

    /// The paths of tracetrack-web.
    public struct WebPaths: Sendable, Equatable {
        /// Where a bag is posted.
        public var parent = "/api/fast_parent_scan"
        /// Where a child is posted.
        public var child = "/process_child_scan_fast"
        /// Where the login page is.
        public var login = "/login"
        /// What the label of a bag is appended to, to read its children back; empty where the backend has no such page.
        public var children = "/api/parent-children"
        /// What is asked, while another url is in use, whether this one is well again: any 2xx.
        public var health = "/health"

        /// The defaults.
        public init() {}
    }

    /// The requests that tracetrack-web allows itself at one host, `/login` aside, so that the backend's own limit for
    /// an address (500 a minute, 10,000 an hour) is not met.
    public struct RequestLimits: Sendable, Equatable {
        /// In any 60 s: 1 to 1,000,000.
        public var perMinute = 450
        /// In any hour: 1 to 100,000,000.
        public var perHour = 9000
        /// Whether posts of children count; the backend exempts them.
        public var countsChildren = false

        /// The defaults.
        public init() {}
    }

    /// When lanes that were cut over to this uplink go back by themselves.
    public struct Rollback: Sendable, Equatable {
        /// The primary that they came from.
        public var to: String
        /// An answer that takes longer is slow.
        public var slow: Duration = .milliseconds(500)
        /// They go back after most answers were slow for this long.
        public var slowFor: Duration = .seconds(300)
        /// Of a hundred requests this many may fail: 1 to 99.
        public var errorPercent = 10
        /// They go back after more failed for this long.
        public var errorsFor: Duration = .seconds(120)

        /// The defaults.
        public init(to: String) { self.to = to }
    }

    /// What holds for urls of MQTT.
    public var mqtt = MQTT()
    /// The uplink's name, unique in the configuration.
    public var name: String
    /// Regions of one backend, tried in order: `https://` or `http://`, host, port, and a path or none; or
    /// `mqtts://` or `mqtt://`, host and port.
    public var urls: [String]
    /// How the uplink speaks to the backend.
    public var contract: Contract = .web
    /// What the uplink is for.
    public var use: Use = .primary
    /// Uplinks with the same backend share one group and its deduplication.
    public var backend: String
    /// How the gateway proves who it is.
    public var authentication: Authentication
    /// Files for TLS.
    public var tls = TLSFiles()
    /// Bounds of batches.
    public var batching = Batching()
    /// The paths of tracetrack-web.
    public var paths = WebPaths()
    /// The requests that tracetrack-web allows itself.
    public var requests = RequestLimits()
    /// How long tracetrack-web's session stays with a lane that has run dry inside a bag, before another lane gets
    /// it; less where the other has waited five times as long.
    public var blockLinger: Duration = .seconds(2)
    /// Send cookies marked Secure over plain http too; only where an admin says so.
    public var insecureCookies = false
    /// The whole of one request: 1 s to 5 min.
    public var timeout: Duration = .seconds(15)
    /// Connections older than this are not used again, so that a DNS switch is followed.
    public var maxConnectionAge: Duration = .seconds(60)

    /// A mirror's: how many scans may wait for it before it gives up the oldest; 1 to 10,000,000.
    public var maxBacklog = 100_000
    /// When lanes that were cut over to it go back by themselves; nil means never.
    public var rollback: Rollback?

    /// Everything else has its default.
    public init(name: String, urls: [String], backend: String, authentication: Authentication) {
        self.name = name
        self.urls = urls
        self.backend = backend
        self.authentication = authentication
    }
}
