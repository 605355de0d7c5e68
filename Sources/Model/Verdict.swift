/// What became of one scan that was sent.
public enum Verdict: Sendable, Equatable {
    /// The backend has it. The text is for people ("SB00860 7/30"), the count is the bag's, where the backend tells.
    case accepted(text: String, childCount: Int?)
    /// The backend had it already.
    case duplicate
    /// Judged no, for good: kept with its reason.
    case rejected(code: String, text: String)
    /// Nobody can say: kept until a person has looked.
    case held(reason: String)
    /// Not judged: ask again, after this long where the backend says so.
    case retry(after: Duration?, reason: String)
    /// The backend does not take this device's scans now (`bad_signature`, `unknown_device`, `not_permitted`): the
    /// lane pauses and asks again.
    case identity(code: String, text: String)
}

/// One stored scan: its place in the spool and its bytes, made once at capture.
public struct StoredScan: Sendable, Equatable {
    /// The scan's place: rises over all lanes, never used twice within a log.
    public let n: Int64
    /// The scan's JSON object as it is sent.
    public let wire: [UInt8]

    /// Both parts.
    public init(n: Int64, wire: [UInt8]) {
        self.n = n
        self.wire = wire
    }
}
