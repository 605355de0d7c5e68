/// A set of uplinks that share one backend and its deduplication: a primary with its fallbacks, or one mirror.
public struct GroupID: Name {
    /// The name as written: that of the primary or mirror in the configuration.
    public let text: String
    /// Nil where the text is not a valid name.
    public init?(_ text: String) {
        guard isName(text) else { return nil }
        self.text = text
    }
}

/// What is recorded of a scan for one group once it needs no further asking.
public enum Settlement: Sendable, Equatable {
    /// Accepted, or a duplicate of what the backend has.
    case done
    /// Judged no, for good; kept with the reason.
    case rejected(reason: String)
    /// Nobody can say; kept with the reason until a person has looked.
    case held(reason: String)
}

/// The spool as an uplink sees it: what waits, and where verdicts go. Any thread.
///
/// One reader a (group, lane) at a time: an uplink has at most one unsettled batch there.
public protocol ScanLog: Sendable {
    /// The lanes with scans waiting for the group, and how many.
    func lanesWaiting(for group: GroupID) async throws -> [LaneID: Int]

    /// The lane's next scans for the group, in capture order; scans that a person sent back first.
    ///
    /// A scan that has been settled, durably or not, is not returned again. At least one scan where any waits, even
    /// if it alone is over `maxBytes` (bytes of the scans' JSON, without the batch's header).
    func waiting(for group: GroupID, lane: LaneID, maxScans: Int, maxBytes: Int) async throws -> [StoredScan]

    /// Records what became of scans; some of those that wait may be left out and stay waiting.
    ///
    /// - Parameter durable: true returns after the commit (tracetrack-web, before a lane's next request); false at
    ///   once, and the record rides the next commit or goes within 250 ms (losing it costs a duplicate answer).
    func settle(group: GroupID, lane: LaneID, _ outcomes: [(n: Int64, settlement: Settlement)], durable: Bool)
        async throws

    /// Whether scans that `waiting` returned are still the group's to send: a lane may have been taken back meanwhile, a
    /// mirror may have given them up.
    func areWaiting(_ numbers: [Int64], for group: GroupID, lane: LaneID) async -> Bool

    /// Gives up the group's oldest scans where more than `limit` wait: what a mirror does, whose scans are copies.
    ///
    /// - Returns: how many were given up. They are not returned by `waiting` again.
    func skipOldest(for group: GroupID, keeping limit: Int) async throws -> Int
}

extension ScanLog {
    /// What a log says from which nothing is ever taken.
    public func areWaiting(_ numbers: [Int64], for group: GroupID, lane: LaneID) async -> Bool { true }
}
