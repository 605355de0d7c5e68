/// Why there is no connection: what happened, where, and what to do about it.
public struct MQTTFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What kind of trouble it is, for those who decide when to ask again.
    public enum Kind: Sendable, Equatable {
        /// No such host, nobody listens, the connection broke, no answer in time: time alone may mend it.
        case network
        /// The TLS handshake failed: certificates or files.
        case tls
        /// Wrong user name or password.
        case badCredentials
        /// The broker's rules do not allow the connection or a subscription.
        case notAuthorised
        /// Another client uses the same id.
        case takenOver
        /// The broker is busy or shutting down, or we were too fast.
        case busy
        /// The broker or the library refuses what the settings say.
        case misconfigured
        /// `close()` was called.
        case closed
    }

    /// The kind of trouble.
    public let kind: Kind
    /// The broker's reason code, where it gave one.
    public let reason: MQTTReason?
    /// What happened, naming the broker and, where one is to blame, the file.
    public let message: String
    /// What to do.
    public let hint: String

    init(_ kind: Kind, _ message: String, hint: String = "", reason: MQTTReason? = nil) {
        self.kind = kind
        self.message = message
        self.hint = hint
        self.reason = reason
    }

    /// Message and hint in one line.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }
}

/// What a publish came to.
public enum PublishOutcome: Sendable, Equatable {
    /// PUBACK with this reason, a success; under 3.1.1 always `.success`.
    case acknowledged(MQTTReason)
    /// PUBACK with this reason, a refusal.
    case refused(MQTTReason)
    /// The library did not send it: larger than the broker's Maximum Packet Size.
    case tooLarge
    /// The library did not send it, and will not: quality of service or retaining not offered by the broker, a topic
    /// that is no topic, properties under 3.1.1.
    case invalid(String)
    /// There is no connection; it was not sent. The failure that ended the last one, nil before the first.
    case notConnected(MQTTFailure?)
    /// The connection broke before PUBACK came: the message may have arrived.
    case lost(MQTTFailure)
    /// The caller's task was cancelled: the message may have arrived.
    case cancelled
}

/// A change of the connection's state, told on the client's thread.
public enum MQTTEvent: Sendable, Equatable {
    /// What the broker said when it took the connection.
    public struct Session: Sendable, Equatable {
        /// The broker had kept a session.
        public var isPresent: Bool
        /// Whether properties and reason codes are there; false under 3.1.1.
        public var isVersion5: Bool
        /// The largest packet the broker takes, in bytes; nil where it does not say.
        public var maximumPacketBytes: Int?
        /// How many publishes without PUBACK the broker allows; nil where it does not say.
        public var receiveMaximum: Int?
    }

    /// Connected, and every filter is subscribed.
    case connected(Session)
    /// Not connected any more, or an attempt failed. The next one comes by itself, unless `.closed`.
    case disconnected(MQTTFailure)
}
