internal import MQTTClient
internal import Model

/// `[relay]` of the configuration, checked: whose batches are taken from which broker, and how many at once.
public struct RelaySettings: Sendable, Equatable {
    /// How the relay signs in at the broker.
    public enum Authentication: Sendable, Equatable {
        /// The client certificate of `tls`, or nothing at all.
        case certificate
        /// A user of the broker, the password being the first line of this file.
        case password(username: String, passwordFile: String)
    }

    /// The broker: `mqtts://` or `mqtt://`, host and port.
    public var url: String
    /// How the relay signs in at the broker.
    public var authentication = Authentication.certificate
    /// Files for TLS to the broker.
    public var tls = UplinkSettings.TLSFiles()
    /// The protocol name offered in the TLS handshake.
    public var alpn: String?
    /// Seconds of silence after which the broker is asked whether it is there: 30 to 1200.
    public var keepAlive: Duration = .seconds(60)
    /// Unique among the relays of a broker; a random one for each run where nil.
    public var id: String?
    /// Relays with the same word share the batches.
    public var share = "relay"
    /// What topics begin with, without a slash at its end.
    public var topicPrefix = "scan/v1"
    /// A file for each gateway, named like it, with that gateway's key.
    public var keysDirectory: String
    /// tracetrack-web: the devices' keys, as `scangate device export --reveal` prints them.
    public var devicesFile: String?
    /// Requests to the backend under way at once: 1 to 256.
    public var inFlight = 64
    /// Batches that wait for their turn: 1 to 100,000.
    public var queue = 1024
    /// The bytes of those batches, as they came.
    public var queueBytes = 64 << 20
    /// tracetrack-web: after this long a batch is answered with what is known of its scans by then.
    public var answerWithin: Duration = .seconds(10)

    /// The rest has its default.
    public init(url: String, keysDirectory: String) {
        self.url = url
        self.keysDirectory = keysDirectory
    }
}

/// What a relay has done so far. Everything that it drops is in here, and nothing of it is lost: whoever sent it has it
/// on disk and asks again.
public struct RelayCounts: Sendable, Equatable {
    /// Batches that came in and proved whose they are.
    public var admitted = 0
    /// Messages that did not: no code or a wrong one, an unknown gateway, no batch.
    public var refused = 0
    /// Batches that wait here or are under way already.
    public var repeated = 0
    /// Batches dropped because the window was full, or while the relay stops.
    public var dropped = 0
    /// Batches dropped because they had waited so long that their gateway asks again anyway.
    public var expired = 0
    /// Batches of gateways that another relay handles (tracetrack-web).
    public var others = 0
    /// Batches answered with results.
    public var answered = 0
    /// Batches answered with a refusal (400, 413, 415, 422).
    public var turnedDown = 0
    /// Batches not answered because of the backend or the way to it.
    public var failed = 0
    /// Answers that could not be published.
    public var unsaid = 0

    /// Nothing counted.
    public init() {}

    /// One line for `systemctl status`.
    public var text: String {
        "\(answered) batches answered, \(turnedDown) turned down, \(failed) failed, \(dropped + expired) dropped, "
            + "\(refused) refused"
    }
}

extension RelaySettings {
    /// The broker, without user and password.
    func broker(clientID: String) throws(UplinkError) -> MQTTSettings {
        guard let name = GatewayID("relay") else { throw UplinkError("\"relay\" is no name") }
        var broker = UplinkSettings(name: "relay", urls: [url], backend: "", authentication: .mutualTLS)
        broker.tls = tls
        broker.mqtt.clientID = clientID
        broker.mqtt.alpn = alpn
        broker.mqtt.keepAlive = keepAlive
        // Codes travel as user properties.
        broker.mqtt.version = "5"
        return try MQTTSettings(broker, url: url, gateway: name)
    }
}
