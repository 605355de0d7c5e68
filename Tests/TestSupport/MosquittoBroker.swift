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
    public var logFile: String { "\(stem).log" }
    private let stem: String
    private var process: ChildProcess?

    /// Starts it and returns when it listens.
    ///
    /// - Parameter directory: for its files; with TLS, the one where `makeCertificates` has made its.
    public init(in directory: String, _ options: Options = Options()) async throws {
        var port = 0
        for attempt in 1...5 {
            // Between the look and the use another test may take the port.
            port = try freePort()
            try Self.configure(directory, options, port)
            process = try await Self.start("\(directory)/mosquitto-\(port)")
            if process != nil { break }
            guard attempt < 5 else { throw SetupError("mosquitto found no free port") }
        }
        self.port = port
        stem = "\(directory)/mosquitto-\(port)"
    }

    private static func configure(_ directory: String, _ options: Options, _ port: Int) throws {
        let stem = "\(directory)/mosquitto-\(port)"
        var lines = [
            // As root mosquitto would become another user, who cannot read the test's directory.
            "user root", "listener \(port) 127.0.0.1", "max_qos 1", "max_topic_alias 8", "max_keepalive 1200",
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
        try write(Array(((lines + options.lines).joined(separator: "\n") + "\n").utf8), to: "\(stem).conf")
    }

    /// Starts it again on the same port; returns when it listens.
    public func start() async throws {
        for _ in 0..<20 {
            process = try await Self.start(stem)
            if process != nil { return }
        }
        throw SetupError("mosquitto does not start: see \(logFile)")
    }

    // Nil where the port is taken.
    private static func start(_ stem: String) async throws -> ChildProcess? {
        func lines() -> [Substring] {
            let log = (try? read("\(stem).log")) ?? []
            return String(decoding: log, as: UTF8.self).split(separator: "\n")
        }
        let before = lines().count
        let process = try ChildProcess("/usr/sbin/mosquitto", ["-c", "\(stem).conf"], output: "\(stem).log")
        var isListening = false
        try await eventually("mosquitto starts or gives up; see \(stem).log") {
            let new = lines().dropFirst(before)
            isListening = new.contains { $0.hasSuffix(" running") }
            return isListening || new.contains { $0.contains("Error:") }
        }
        return isListening ? process : nil
    }

    /// Signal 9, or a gentler one; returns when it has ended.
    public func stop(_ signal: Int32 = 9) {
        process?.end(signal)
        process = nil
    }

    /// What it wrote so far.
    public func log() throws -> String { String(decoding: try read(logFile), as: UTF8.self) }
}
