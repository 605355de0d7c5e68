public import Model

/// Why nobody can say which bag a lane has now: a label may have been missed, and it may have been a bag's.
///
/// Children are refused until a bag is stored at the lane, or an admin names one. Not stored with the lane: a start begins
/// with a doubt of its own.
public struct LaneDoubt: Sendable, Equatable {
    /// A sentence for people, without an end.
    public let reason: String
    /// When it was noticed.
    public let since: Moment

    /// Both parts.
    public init(_ reason: String, since: Moment) { (self.reason, self.since) = (reason, since) }
}
