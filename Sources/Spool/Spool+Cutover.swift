internal import Database
public import Model

extension Spool {
    /// Writes down that lanes go from one primary to another: each with its next bag, which is the business of
    /// `SpoolChange.cutovers`. A commit of its own; lanes that are not the source's are left alone.
    ///
    /// - Parameter isMain: lanes that have not scanned yet go to the target from the start.
    /// - Returns: the lanes that are on their way now.
    public func planCutover(of names: [LaneID], from source: GroupID, to target: GroupID, isMain: Bool)
        throws(SpoolError) -> [LaneID]
    {
        let moving = names.filter { assignments.receiver(of: $0) == source }
        do {
            try connection.transaction {
                for name in moving {
                    guard let lane = lanes[name] else { continue }
                    try connection.run(
                        "INSERT OR IGNORE INTO assignment VALUES (?, ?, NULL, 0, 0)", .integer(lane.id),
                        .text(source.text)
                    )
                    try connection.run(
                        "INSERT OR REPLACE INTO cutover VALUES (?, ?, ?)", .integer(lane.id), .text(source.text),
                        .text(target.text))
                }
                // Lanes to come are another's where the source is not the main one.
                if isMain && assignments.mainGroup == source {
                    // Lanes that stay with another primary have that written already, or they would follow.
                    for (name, lane) in lanes where assignments.lanes[name] == nil && !moving.contains(name) {
                        guard let group = assignments.mainGroup else { continue }
                        try connection.run(
                            "INSERT OR IGNORE INTO assignment VALUES (?, ?, NULL, 0, 0)", .integer(lane.id),
                            .text(group.text))
                    }
                    try setMain(target, before: source)
                }
            }
            try loadAssignments()
        } catch { throw SpoolError(wrapping: error) }
        return moving
    }

    /// Takes lanes back from `target` to `source` at once: what the source has not seen, from the watermark on, it gets
    /// now, in order; the target gets nothing more. A commit of its own.
    ///
    /// - Parameter isMain: lanes that have not scanned yet go to the source as well.
    /// - Returns: for each lane that was the target's how many scans the source gets, and how many of those that it
    ///   should get are kept no more; where the reading side goes on; and how many scans, held by the label rules, are
    ///   held for the source from now on.
    public func cutBack(of names: [LaneID], to source: GroupID, from target: GroupID, isMain: Bool)
        throws(SpoolError) -> (lanes: [LaneID: (replayed: Int64, gone: Int64)], moves: [CursorMove], held: Int)
    {
        var results: [LaneID: (replayed: Int64, gone: Int64)] = [:]
        var moves: [CursorMove] = []
        var held = 0
        do {
            try connection.transaction {
                for name in names {
                    guard let lane = lanes[name] else { continue }
                    if assignments.cutovers[name] == .init(source: source, target: target) {
                        try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
                        results[name] = (0, 0)
                    }
                    guard let watermark = assignments.part(of: source, in: name, takenBy: target)?.until else {
                        continue
                    }
                    let place = try place(of: target, lane.id)
                    try connection.run(
                        "INSERT INTO assignment VALUES (?, ?, ?, ?, 0) ON CONFLICT(lane, grp) DO UPDATE SET"
                            + " until = excluded.until, total = excluded.total",
                        .integer(lane.id), .text(target.text), .integer(place.n), .integer(place.settled))
                    try giveAll(of: lane.id, to: source)
                    let gone = try forgetGone(lane, source)
                    let kept = try count(lane.id, after: watermark)
                    // No backend has seen these; a person must, before any does.
                    try connection.run(
                        "UPDATE OR REPLACE exception SET grp = ? WHERE grp = ? AND lane = ? AND n > ? AND state = 'held'"
                            + " AND reason = ?", .text(source.text), .text(target.text), .integer(lane.id),
                        .integer(watermark), .text(SettlementRecord.Exception.unknownLabel))
                    held += connection.changes
                    moves.append(CursorMove(group: source, lane: name, n: 0, settled: 0, gone: gone))
                    results[name] = (kept, gone)
                }
                if isMain && assignments.mainGroup == target && assignments.mainBefore == source {
                    try setMain(source, before: nil)
                }
            }
            try loadAssignments()
        } catch { throw SpoolError(wrapping: error) }
        return (results, moves, held)
    }

    /// What the cutovers of a change make of the assignments: for the reading side, which has to know before the commit,
    /// or the old group might read a scan that is the new one's.
    public func applying(_ change: SpoolChange) -> (assignments: Assignments, moves: [CursorMove]) {
        var next = assignments
        var moves: [CursorMove] = []
        for (name, watermark) in change.cutovers {
            guard let cutover = next.cutovers.removeValue(forKey: name) else { continue }
            let total = total(of: name, upTo: watermark, change)
            next.lanes[name, default: [:]][cutover.source] = .init(until: watermark, total: total)
            next.lanes[name]?[cutover.target] = .init()
            moves.append(CursorMove(group: cutover.target, lane: name, n: watermark, settled: total))
        }
        return (next, moves)
    }

    /// The rows of a change's cutovers; in its transaction.
    func storeCutovers(_ change: SpoolChange) throws(DatabaseError) {
        for (name, watermark) in change.cutovers {
            guard let cutover = assignments.cutovers[name], let lane = lanes[name] else { continue }
            let total = total(of: name, upTo: watermark, change)
            try connection.run(
                "UPDATE assignment SET until = ?, total = ? WHERE lane = ? AND grp = ?", .integer(watermark),
                .integer(total), .integer(lane.id), .text(cutover.source.text))
            try connection.run(
                "INSERT INTO assignment VALUES (?, ?, NULL, 0, ?) ON CONFLICT(lane, grp) DO UPDATE SET until = NULL,"
                    + " total = 0, since = excluded.since",
                .integer(lane.id), .text(cutover.target.text), .integer(watermark))
            // In front of what it had before: that was taken back, and is the old one's.
            try connection.run(
                "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT(grp, lane) DO UPDATE SET n = excluded.n,"
                    + " settled = excluded.settled WHERE excluded.n > n",
                .text(cutover.target.text), .integer(lane.id), .integer(watermark), .integer(total))
            try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
        }
    }

    /// Gives every lane somebody who gets its scans, where the configuration has lost that group: the one it came from
    /// goes on from the watermark.
    func adoptOrphans() throws {
        let primaries = assignments.groups.primaries
        guard let first = primaries.first else { return }
        for (name, cutover) in assignments.cutovers where !primaries.contains(cutover.target) {
            guard let lane = lanes[name] else { continue }
            try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
        }
        for (name, shares) in assignments.lanes {
            guard let lane = lanes[name] else { continue }
            let receiver = assignments.receiver(of: name)
            if let receiver, primaries.contains(receiver) { continue }
            let heir = primaries.first { shares[$0] != nil } ?? first
            if let receiver {
                let place = try place(of: receiver, lane.id)
                try connection.run(
                    "UPDATE assignment SET until = ?, total = ? WHERE lane = ? AND grp = ?", .integer(place.n),
                    .integer(place.settled), .integer(lane.id), .text(receiver.text))
                if shares[heir] == nil {
                    try connection.run(
                        "INSERT OR IGNORE INTO cursor VALUES (?, ?, ?, ?)", .text(heir.text), .integer(lane.id),
                        .integer(place.n), .integer(place.settled))
                }
            }
            try giveAll(of: lane.id, to: heir)
            _ = try forgetGone(lane, heir)
            try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
        }
        guard let main = assignments.main, !primaries.contains(main) else { return }
        let heir = assignments.mainBefore.flatMap { primaries.contains($0) ? $0 : nil } ?? first
        for (name, lane) in lanes where assignments.lanes[name] == nil {
            if heir != assignments.mainBefore {
                let place = try place(of: main, lane.id)
                try connection.run(
                    "INSERT OR IGNORE INTO cursor VALUES (?, ?, ?, ?)", .text(heir.text), .integer(lane.id),
                    .integer(place.n), .integer(place.settled))
            }
            _ = try forgetGone(lane, heir)
        }
        try setMain(heir, before: nil)
    }

    /// Writes down who gets the lanes of which nothing is written, where nobody has yet: whatever is listed first from
    /// now on, they stay with the primary that had them.
    func settleMain(_ known: [GroupID]) throws(DatabaseError) {
        guard assignments.main == nil, let first = groups.primaries.first else { return }
        try setMain(groups.primaries.first(where: known.contains) ?? first, before: nil)
    }

    /// In a file made anew in place of a damaged one: every lane that had been cut over begins with whoever had it.
    func restore(_ lost: Assignments) throws {
        if let main = lost.main { try setMain(main, before: lost.mainBefore) }
        for name in lost.lanes.keys {
            guard let receiver = lost.receiver(of: name) else { continue }
            let lane = try prepare(name)
            try giveAll(of: lane, to: receiver)
            guard let cutover = lost.cutovers[name] else { continue }
            try connection.run(
                "INSERT OR REPLACE INTO cutover VALUES (?, ?, ?)", .integer(lane), .text(cutover.source.text),
                .text(cutover.target.text))
        }
    }

    func loadAssignments() throws(SpoolError) {
        do { assignments = try Assignments.load(connection, groups) } catch { throw SpoolError(error) }
    }

    private func setMain(_ group: GroupID, before: GroupID?) throws(DatabaseError) {
        try connection.run("INSERT OR REPLACE INTO meta VALUES ('primary', ?)", .text(group.text))
        try connection.run("DELETE FROM meta WHERE key = 'primary_before'")
        if let before { try connection.run("INSERT INTO meta VALUES ('primary_before', ?)", .text(before.text)) }
    }

    private func giveAll(of lane: Int64, to group: GroupID) throws(DatabaseError) {
        try connection.run(
            "INSERT INTO assignment VALUES (?, ?, NULL, 0, 0) ON CONFLICT(lane, grp) DO UPDATE SET until = NULL,"
                + " total = 0", .integer(lane), .text(group.text))
    }

    // Counts what a group should still get of a lane, and what is kept no more, as settled: it would wait for it for ever.
    // How many those are.
    private func forgetGone(_ lane: Lane, _ group: GroupID) throws(DatabaseError) -> Int64 {
        let place = try place(of: group, lane.id)
        let gone = try max(0, lane.appended - place.settled - count(lane.id, after: place.n))
        guard gone > 0 else { return 0 }
        try connection.run(
            "INSERT INTO cursor VALUES (?, ?, 0, ?) ON CONFLICT(grp, lane) DO UPDATE SET"
                + " settled = settled + excluded.settled", .text(group.text), .integer(lane.id), .integer(gone))
        return gone
    }

    private func count(_ lane: Int64, after n: Int64) throws(DatabaseError) -> Int64 {
        try connection.first(
            "SELECT count(*) FROM scan WHERE lane = ? AND n > ?", .integer(lane), .integer(n)
        ) { $0.integer(0) } ?? 0
    }

    private func place(of group: GroupID, _ lane: Int64) throws(DatabaseError) -> (n: Int64, settled: Int64) {
        try connection.first(
            "SELECT n, settled FROM cursor WHERE grp = ? AND lane = ?", .text(group.text), .integer(lane)
        ) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
    }

    private func total(of lane: LaneID, upTo watermark: Int64, _ change: SpoolChange) -> Int64 {
        let before = lanes[lane]?.appended ?? 0
        return before + Int64(change.appends.count { $0.lane == lane && $0.n <= watermark })
    }
}
