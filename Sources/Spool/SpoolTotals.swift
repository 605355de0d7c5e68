internal import Model
internal import Synchronization

/// What the reading side counts, and what the writer tells it; any thread may ask.
final class Totals: Sendable {
    private let state: Mutex<SpoolTotals>

    init(_ totals: SpoolTotals) { state = Mutex(totals) }
    var value: SpoolTotals { state.withLock { $0 } }
    func set(_ totals: SpoolTotals) { state.withLock { $0 = totals } }
    func change(_ body: (inout SpoolTotals) -> Void) { state.withLock { body(&$0) } }

    // Without copying, since each commit asks.
    var unjudged: Int64 { state.withLock { $0.unjudged } }
    func counts(of group: GroupID) -> SpoolCounts { state.withLock { $0.counts(of: group) } }

    func lanes(of group: GroupID, among lanes: [LaneID]) -> [LaneID] {
        state.withLock { state in lanes.filter { state.assignments.share(of: group, in: $0) != nil } }
    }

    func takeMoves() -> (Assignments, [CursorMove]) {
        state.withLock { state in
            guard !state.moves.isEmpty else { return (state.assignments, []) }
            defer { state.moves = [] }
            return (state.assignments, state.moves)
        }
    }
}

/// The numbers themselves. Bounded by lanes and groups.
struct SpoolTotals: Sendable {
    /// Scans ever stored.
    var appended: [LaneID: Int64] = [:]
    /// Scans that need no further asking, those settled ahead of the cursor included.
    var settled: [GroupID: [LaneID: Int64]] = [:]
    var exceptions: [GroupID: [ExceptionState: Int64]] = [:]
    var assignments: Assignments
    /// Not applied to the cursors yet.
    var moves: [CursorMove] = []
    var isPressed = false

    init(assignments: Assignments) { self.assignments = assignments }

    mutating func count(_ state: ExceptionState, _ group: GroupID, by change: Int64) {
        exceptions[group, default: [:]][state, default: 0] += change
    }

    /// Scans of the lane that the group has not settled, without those that were sent back.
    func open(_ group: GroupID, _ lane: LaneID) -> Int64 {
        guard let share = assignments.share(of: group, in: lane) else { return 0 }
        let all = share.until == nil ? appended[lane] ?? 0 : share.total
        return max(0, all - (settled[group]?[lane] ?? 0))
    }

    func waiting(_ group: GroupID) -> Int64 {
        appended.keys.reduce(exceptions[group]?[.requeued] ?? 0) { $0 + open(group, $1) }
    }

    func counts(of group: GroupID) -> SpoolCounts {
        SpoolCounts(
            waiting: waiting(group), rejected: exceptions[group]?[.rejected] ?? 0,
            held: exceptions[group]?[.held] ?? 0)
    }

    /// Of all primaries, whose scans are not the same; mirrors have a bound of their own.
    var unjudged: Int64 {
        let primaries = assignments.groups.primaries
        guard !primaries.isEmpty else { return appended.values.reduce(0, +) }
        return primaries.reduce(0) { sum, group in
            let counts = counts(of: group)
            return sum + counts.waiting + counts.rejected + counts.held
        }
    }
}
