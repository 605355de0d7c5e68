internal import Glibc

/// Debian's mosquitto as a process of its own on a free port of 127.0.0.1, with AWS IoT Core's limits unless told
/// otherwise. Killed when the value goes.
public final class MosquittoBroker {
    /// How it is to behave.
    public struct Options {
        /// TLS with this certificate of `makeCertificates` (`server`, `expired`, `elsewhere`); nil for none.
        public var certificate: String?
        /// Only clients with a certificate by the authority; its name is the user's.
        public var wantsClientCertificate = false
        /// Users and passwords; empty lets everybody in.
        public var users: [String: String] = [:]
        /// Lines of the ACL file; empty allows everything.
        public var rules: [String] = []
        /// The largest packet in bytes.
        public var maxPacketBytes = 131_072
        /// Unacknowledged publishes a client.
        public var maxInFlight = 100
        /// Further lines of the configuration.
        public var lines: [String] = []

        /// The defaults.
        public init() {}
    }

    /// The port.
    public let port: Int
    /// What it wrote.
    public let logFile: String
    private let configuration: String
    private var process: ChildProcess?

    /// Starts it and returns when it listens.
    ///
    /// - Parameter directory: for its files; with TLS, the one where `makeCertificates` has made its.
    public init(in directory: String, _ options: Options = Options(), port: Int? = nil) async throws {
        self.port = try port ?? freePort()
        configuration = "\(directory)/mosquitto-\(self.port).conf"
        logFile = "\(directory)/mosquitto-\(self.port).log"
        let stem = "\(directory)/mosquitto-\(self.port)"
        var lines = [
            // As root mosquitto would become another user, who cannot read the test's directory.
            "user root", "listener \(self.port) 127.0.0.1", "max_qos 1", "max_topic_alias 8", "max_keepalive 1200",
            "max_packet_size \(options.maxPacketBytes)", "max_inflight_messages \(options.maxInFlight)",
            "persistence false", "log_type all", "log_dest stderr", "set_tcp_nodelay true",
        ]
        if let certificate = options.certificate {
            lines += [
                "cafile \(directory)/ca.pem", "certfile \(directory)/\(certificate).pem",
                "keyfile \(directory)/\(certificate).key",
            ]
            if options.wantsClientCertificate {
                lines += ["require_certificate true", "use_identity_as_username true"]
            }
        }
        if options.users.isEmpty {
            lines.append("allow_anonymous \(options.wantsClientCertificate ? "false" : "true")")
        } else {
            lines += ["allow_anonymous false", "password_file \(stem).users"]
            try write([], to: "\(stem).users")
            for (user, password) in options.users {
                _ = try shell("mosquitto_passwd -b \(stem).users '\(user)' '\(password)' 2>&1")
            }
        }
        if !options.rules.isEmpty {
            try write(Array((options.rules.joined(separator: "\n") + "\n").utf8), to: "\(stem).acl")
            lines.append("acl_file \(stem).acl")
        }
        try write(Array(((lines + options.lines).joined(separator: "\n") + "\n").utf8), to: configuration)
        try await start()
    }

    /// Starts it again on the same port; returns when it listens.
    public func start() async throws {
        process = try ChildProcess("/usr/sbin/mosquitto", ["-c", configuration], output: logFile)
        try await eventually("mosquitto listens on \(port); see \(logFile)") { canConnect(port) }
    }

    /// Signal 9, or a gentler one; returns when it has ended.
    public func stop(_ signal: Int32 = 9) {
        process?.end(signal)
        process = nil
    }

    /// What it wrote so far.
    public func log() throws -> String { String(decoding: try read(logFile), as: UTF8.self) }
}

private func canConnect(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
    }
}
