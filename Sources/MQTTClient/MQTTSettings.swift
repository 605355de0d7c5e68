/// Where the broker is, who we are to it, and how the connection behaves.
///
/// No session is kept over connections (clean start): what was not acknowledged is published again by whoever has it on
/// disk, and a shared subscription must not queue for a relay that has gone.
public struct MQTTSettings: Sendable, Equatable {
    /// Files in PEM form, read anew at each connection.
    public struct TLS: Sendable, Equatable {
        /// Authorities that are trusted instead of the system's.
        public var caFile: String?
        /// The client certificate with its chain; together with `keyFile`.
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

    /// The protocol's version.
    public enum Version: String, Sendable, CaseIterable {
        /// MQTT 5, and 3.1.1 where the broker refuses 5 (CONNACK 0x84, or 1 of an old broker).
        case automatic = "auto"
        /// MQTT 5 only.
        case v5 = "5"
        /// MQTT 3.1.1 only: without properties and without reason codes.
        case v311 = "3.1.1"
    }

    /// The broker's host name or address; the certificate must be for it.
    public var host: String
    /// The broker's port.
    public var port: UInt16
    /// Nil for a connection without TLS.
    public var tls: TLS?
    /// The protocol name offered in the TLS handshake (AWS IoT Core on port 443: `x-amzn-mqtt-ca`).
    public var alpn: String?
    /// The user's name, or nil where the certificate says who we are.
    public var username: String?
    /// The password.
    public var password: String?
    /// Unique at the broker: a second client with the same id ends the connection of the first. 1 to 128 bytes.
    public var clientID: String
    /// Seconds without traffic after which the broker is asked whether it is there: 30 to 1200.
    public var keepAliveSeconds = 60
    /// The protocol's version.
    public var version = Version.automatic
    /// What the broker publishes for us when the connection is lost.
    public var will: MQTTMessage?
    /// Messages that the broker may have sent without our acknowledgement: 1 to 65,535.
    public var receiveMaximum: UInt16 = 100
    /// Publishes that libmosquitto has out at the broker at once; the rest wait in its memory. The broker's own limit
    /// wins where it is smaller. AWS IoT Core: 100.
    public var sendMaximum: UInt16 = 100

    /// Everything else has its default.
    public init(host: String, port: UInt16, tls: TLS?, clientID: String) {
        self.host = host
        self.port = port
        self.tls = tls
        self.clientID = clientID
    }

    /// Host and port for people.
    public var place: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The longest client id that AWS IoT Core takes, in bytes.
    public static let longestClientID = 128
    /// What AWS IoT Core takes; outside of it brokers differ.
    public static let keepAliveRange = 30...1200
}
