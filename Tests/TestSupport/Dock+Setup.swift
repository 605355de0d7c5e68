internal import Model

extension Dock {
    /// How scans leave the dock.
    public enum Way: Sendable {
        /// HTTP, or HTTPS where `tls` is set.
        case http
        /// A broker and a relay.
        case relay
        /// A broker of the test's, with somebody behind it, at `brokerPort`.
        case broker
    }

    /// What a dock is to be.
    public struct Setup: Sendable {
        /// For files, and for certificates (`makeCertificates`) where `tls` is set.
        public var directory: String
        /// `tracetrack-devices` or `tracetrack-web`.
        public var contract: String
        /// How scans leave it.
        public var way = Way.http
        /// HTTPS, or MQTT over TLS.
        public var tls = false
        /// Tables, each with its worker and lane.
        public var tables = 3
        /// Bags of each worker.
        public var bags = 20_000
        /// Children of each bag.
        public var children = 5
        /// Scans a second of each worker.
        public var rate = 80
        /// Where the backend listens; a free port of 127.0.0.1 where nil.
        public var backendPort: Int?
        /// The address of the backend's port.
        public var backendHost = "127.0.0.1"
        /// Where the broker listens; a free port where nil.
        public var brokerPort: Int?
        /// Where daemon and relay look for backend or broker: a proxy's port; those themselves where nil.
        public var proxyPort: Int?
        /// How long an answer may take.
        public var timeout = "15 s"
        /// What the daemon's command line begins with: `ip netns exec NAME`.
        public var daemonPrefix: [String] = []

        /// HTTP, three tables.
        public init(_ directory: String, _ contract: String) {
            self.directory = directory
            self.contract = contract
        }

        func backendArguments(port: Int, control: Int) -> [String] {
            var words = [
                "--listen", "\(backendHost):\(port)", "--plain", "127.0.0.1:\(control)", "--db",
                directory + "/backend.db",
                "--account", "dock7:secret", "--auth", "bearer", "--bearer", "dock-7:secret",
            ]
            if tls && way == .http {
                words += ["--tls-cert", directory + "/server.pem", "--tls-key", directory + "/server.key"]
            }
            return words
        }

        func writeFiles(backendPort: Int, brokerPort: Int) throws {
            try write(Array("secret\n".utf8), to: directory + "/password")
            let configuration = """
                [gateway]
                id = "dock-7"
                state_dir = "\(directory)/state"
                control_socket = "\(directory)/control"
                [[uplink]]
                name = "tracetrack"
                timeout = "\(timeout)"
                \(way == .http ? web(backendPort) : mqtt(brokerPort))
                """
            try write(Array(configuration.utf8), to: directory + "/scangate.toml")
            if way == .relay { try writeRelay(backendPort, brokerPort) }
        }

        private func web(_ port: Int) -> String {
            let isWeb = contract == "tracetrack-web"
            let password = "password_file = \"\(directory)/password\""
            return """
                url = "\(tls ? "https" : "http")://\(backendHost):\(proxyPort ?? port)"
                contract = "\(contract)"
                \(isWeb
                    ? "auth = { kind = \"login\", accounts = [{ username = \"dock7\", \(password) }] }"
                    : "auth = { kind = \"bearer\", token_file = \"\(directory)/password\" }")
                \(authority)
                \(isWeb ? Self.budget : "")
                """
        }

        private var authority: String { tls ? "tls = { ca_file = \"\(directory)/ca.pem\" }" : "" }

        // Far more bags a minute than a dock has: the budget would make the test wait, not what it is about.
        private static let budget = "requests = { per_minute = 1_000_000, per_hour = 1_000_000 }"

        private func mqtt(_ port: Int) -> String {
            """
            url = "mqtt\(tls ? "s" : "")://127.0.0.1:\(proxyPort ?? port)"
            \(authority)
            auth = { kind = "signature", key_file = "\(directory)/gateway.key" }
            mqtt = { max_messages_per_s = 1000 }
            """
        }

        private func writeRelay(_ backendPort: Int, _ brokerPort: Int) throws {
            let key = Array(Base64URL.encode(Array(100..<132)).utf8)
            try write(key, to: directory + "/gateway.key")
            _ = try shell("mkdir -p -m 700 \(directory)/gateway-keys \(directory)/broker")
            try write(key, to: directory + "/gateway-keys/dock-7")
            let relay = """
                [relay]
                url = "mqtt\(tls ? "s" : "")://127.0.0.1:\(proxyPort ?? brokerPort)"
                \(authority)
                auth = { kind = "none" }
                keys_dir = "\(directory)/gateway-keys"
                [[uplink]]
                name = "tracetrack"
                url = "http://127.0.0.1:\(backendPort)"
                contract = "tracetrack-devices"
                auth = { kind = "bearer", token_file = "\(directory)/password" }
                """
            try write(Array(relay.utf8), to: directory + "/relay.toml")
            // Kept messages come again after a kill: old batches, which the backend has to know.
            let broker = """
                user root
                listener \(brokerPort) 127.0.0.1
                allow_anonymous true
                max_qos 1
                max_inflight_messages 100
                persistence true
                persistence_location \(directory)/broker/
                autosave_interval 1
                set_tcp_nodelay true
                \(tls ? "certfile \(directory)/server.pem\nkeyfile \(directory)/server.key" : "")

                """
            try write(Array(broker.utf8), to: directory + "/mosquitto.conf")
        }
    }
}
