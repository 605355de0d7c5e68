public import Model

/// How an uplink does, in one word for people and monitors.
public enum UplinkState: String, Sendable, CaseIterable {
    /// Nothing is in the way.
    case ok
    /// The last attempt failed; it is tried again.
    case backingOff = "backing off"
    /// Five failures in a row: nothing is sent for 30 s, then one probe.
    case open
    /// Paused, by an admin or by an answer that time alone does not mend; asked again every 5 min in the second case.
    case paused
    /// The backend answers as if the url were wrong.
    case misconfigured
    /// tracetrack-web: two logins in a row failed; tried again after a long pause, lest the account be locked.
    case loginFailed = "login failed"
    /// Not running.
    case stopped
}

/// A picture of one uplink: `status --json` and the metrics are made of it.
public struct UplinkStatus: Sendable, Equatable {
    /// The uplink's name in the configuration.
    public var name: String
    /// How it speaks to the backend.
    public var contract: UplinkSettings.Contract
    /// What it is for.
    public var use: UplinkSettings.Use
    /// How it does.
    public var state: UplinkState = .stopped
    /// Whether an admin has paused it; `state` is `paused` for other reasons too.
    public var isPausedByAdmin = false
    /// Scans in requests under way.
    public var inFlight = 0
    /// Scans that the backend took, duplicates included.
    public var accepted = 0
    /// Scans that the backend had already.
    public var duplicates = 0
    /// Scans judged no, for good.
    public var rejected = 0
    /// Scans that nobody can judge.
    public var held = 0
    /// Requests that were repeated, or whose scans were asked about again.
    public var retries = 0
    /// Requests whose outcome is unknown: the backend may have acted on them (tracetrack-web).
    public var ambiguous = 0
    /// Parents posted once more for their children, a scan row each (tracetrack-web).
    public var extraParentPosts = 0
    /// Results for scans that were not in the batch (tracetrack-devices).
    public var foreignResults = 0
    /// Scans that a mirror has given up: over its bound, or not taken by its backend.
    public var skipped = 0
    /// Bytes of the batches that went out, repetitions included, before compression (tracetrack-devices).
    public var plainBytes = 0
    /// The same as they went out, without headers and TLS.
    public var sentBytes = 0
    /// What, where, and how to mend it; nil since the last success.
    public var lastError: String?
    /// When the backend last took a scan; nil since the start.
    public var lastAcceptedAt: Moment?
    /// Lanes that stand still until a person has looked, with the reason.
    public var frozenLanes: [LaneID: String] = [:]

    /// A picture with nothing counted.
    public init(name: String, contract: UplinkSettings.Contract, use: UplinkSettings.Use) {
        self.name = name
        self.contract = contract
        self.use = use
    }

    /// Counts one settled scan.
    mutating func count(_ judged: Judged, at now: Moment) {
        switch judged.settlement {
        case .done:
            accepted += 1
            if judged.isDuplicate { duplicates += 1 }
            lastAcceptedAt = now
        case .rejected: rejected += 1
        case .held: held += 1
        }
    }
}

/// What became of one scan, before it is recorded.
struct Judged: Equatable {
    var n: Int64
    var id: UUID
    var settlement: Settlement
    /// What to show the operator, or empty.
    var text = ""
    /// The bag's count where the backend tells.
    var childCount: Int?
    var isDuplicate = false
}

/// What an observer hears of an uplink. Called on the uplink's actor: it must return at once.
public enum UplinkEvent: Sendable, Equatable {
    /// One scan has its answer.
    case judged(
        lane: LaneID, n: Int64, id: UUID, settlement: Settlement, text: String, childCount: Int?,
        isDuplicate: Bool = false)
    /// The state changed; the text says why and how to mend it.
    case stateChanged(UplinkState, text: String)
    /// One attempt to deliver is over (tracetrack-devices); failed where it says nothing of the scans.
    case attempted(took: Duration, failed: Bool)
    /// A lane stands still until a person has looked: its scans wait, other lanes go on.
    case laneFrozen(LaneID, reason: String)
}
