extension UplinkSettings {
    /// `mqtt = { … }` of an uplink whose url begins with `mqtts://` or `mqtt://`.
    public struct MQTT: Sendable, Equatable {
        /// Whose word ends a scan's waiting.
        public enum Ack: String, Sendable, CaseIterable {
            /// The backend's, by a message on the topic `ack`.
            case application
            /// The broker's, by PUBACK: whoever keeps the broker keeps the scans.
            case broker
        }

        /// What an ack message must show.
        public enum AckProof: String, Sendable, CaseIterable {
            /// A code by the gateway's key (`MessageMAC`).
            case key
            /// Nothing: the broker's rules say who may publish acks.
            case brokerRules = "broker-acl"
        }

        /// What topics begin with, without a slash at its end.
        public var topicPrefix = "scan/v1"
        /// Whose word ends a scan's waiting.
        public var ack = Ack.application
        /// What an ack message must show.
        public var ackProof = AckProof.key
        /// A file with the gateway's key, where `authentication` names none; for the codes of batches and acks.
        public var ackKeyFile: String?
        /// The client id at the broker; nil for the gateway's name.
        public var clientID: String?
        /// Seconds: 30 to 1200.
        public var keepAlive: Duration = .seconds(60)
        /// The protocol name offered in the TLS handshake.
        public var alpn: String?
        /// The version of MQTT: `auto`, `5` or `3.1.1`.
        public var version = "auto"
        /// Publishes in a second: AWS IoT Core discards what is over 100 in both directions.
        public var maxMessagesPerSecond = 50
        /// Bytes in a second: AWS IoT Core delays what is over 512 KiB.
        public var maxBytesPerSecond = 400 * 1024

        /// The defaults.
        public init() {}
    }

    /// Whether a url is for MQTT.
    public static func isMQTT(_ url: String) -> Bool {
        let scheme = url.prefix { $0 != ":" }.lowercased()
        return scheme == "mqtts" || scheme == "mqtt"
    }

    /// Whether the uplink goes over MQTT: all its urls do, or none.
    public var isMQTT: Bool { urls.first.map(Self.isMQTT) ?? false }
}
