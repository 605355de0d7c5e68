internal import Model

/// When the next attempt to connect comes. A state machine.
///
/// At least 1 s apart (AWS IoT Core's limit for one client id), with full jitter over a growing backoff of at most 30 s; 5 min
/// where only a person can mend it. A broker that is set up anew just then refuses whom it takes a moment later: it is
/// believed the fifth time, with no connection between that lasted. That another client uses the id is believed at once,
/// or both would put each other out for ever.
struct AttemptPace {
    static let attention: Duration = .seconds(300)
    static let refusalsToBelieve = 5
    private static let longest = 30

    /// Since a connection that has lasted, as the refusals are.
    private(set) var attempts = 0
    private var refusals = 0

    mutating func attempted() { attempts += 1 }

    /// A connection ends that was no short one. One that the broker takes and then refuses proves nothing.
    mutating func lasted() { (attempts, refusals) = (0, 0) }

    /// Credentials were replaced: what was refused before says nothing of them.
    mutating func renewed() { refusals = 0 }

    /// How long to wait now.
    mutating func delay(after kind: MQTTFailure.Kind, random: UInt64) -> Duration {
        switch kind {
        // Somebody else's certificate may be a portal's, and asking costs nobody anything.
        case .network, .tls, .busy, .closed: break
        case .takenOver: return Self.attention
        case .badCredentials, .notAuthorised, .misconfigured:
            refusals += 1
            if refusals >= Self.refusalsToBelieve { return Self.attention }
        }
        let most = min(Self.longest, 1 << min(attempts, 5))
        return .seconds(1) + .milliseconds(Int64(random % UInt64(most * 1000)))
    }
}
