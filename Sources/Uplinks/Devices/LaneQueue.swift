internal import Model

/// Which lane goes next: one whose worker scans now before one that works off what an outage has left, three times in a
/// row at the most, so that neither waits for long. In each of the two in turn.
///
/// Bound: each lane is in it once at most, which its caller sees to.
struct LaneQueue {
    /// So many lanes with new scans may go before one with a backlog.
    static let liveInARow = 3

    private var live: [LaneID] = []
    private var behind: [LaneID] = []
    private var inARow = 0

    /// - Parameter isBehind: whether more than a batch of the lane waits, as far as is known.
    mutating func add(_ lane: LaneID, isBehind: Bool) {
        if isBehind { behind.append(lane) } else { live.append(lane) }
    }

    var isEmpty: Bool { live.isEmpty && behind.isEmpty }

    /// Nothing may go now: whoever waits will have a backlog.
    mutating func fallBehind() {
        behind += live
        live.removeAll()
    }

    /// Takes the next lane out; nil where there is none.
    ///
    /// - Parameter orBehind: whether it may be one with a backlog.
    mutating func next(orBehind: Bool = true) -> (lane: LaneID, isBehind: Bool)? {
        if orBehind, !behind.isEmpty, live.isEmpty || inARow >= Self.liveInARow {
            inARow = 0
            return (behind.removeFirst(), true)
        }
        guard !live.isEmpty else { return nil }
        inARow += 1
        return (live.removeFirst(), false)
    }
}
