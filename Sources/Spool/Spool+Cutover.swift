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
                if isMain {
                    // Lanes that stay with another primary have that written already, or they would follow.
                    for (name, lane) in lanes where assignments.lanes[name] == nil && !moving.contains(name) {
                        guard let group = assignments.mainGroup else { continue }
                        try connection.run(
                            "INSERT OR IGNORE INTO assignment VALUES (?, ?, NULL, 0, 0)", .integer(lane.id),
                            .text(group.text))
                    }
                    try setMain(target)
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
    ///   should get are kept no more; and where the reading side goes on.
    public func cutBack(of names: [LaneID], to source: GroupID, from target: GroupID, isMain: Bool)
        throws(SpoolError) -> (lanes: [LaneID: (replayed: Int64, gone: Int64)], moves: [CursorMove])
    {
        var results: [LaneID: (replayed: Int64, gone: Int64)] = [:]
        var moves: [CursorMove] = []
        do {
            try connection.transaction {
                for name in names {
                    guard let lane = lanes[name] else { continue }
                    if assignments.cutovers[name] == .init(source: source, target: target) {
                        try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
                        results[name] = (0, 0)
                    }
                    guard assignments.receiver(of: name) == target,
                        let watermark = assignments.lanes[name]?[source]?.until,
                        let before = assignments.lanes[name]?[source]?.total
                    else { continue }
                    let kept =
                        try connection.first(
                            "SELECT count(*) FROM scan WHERE lane = ? AND n > ?", .integer(lane.id),
                            .integer(watermark)
                        ) { $0.integer(0) } ?? 0
                    let gone = max(0, lane.appended - before - kept)
                    let place = try place(of: target, lane.id)
                    try connection.run(
                        "UPDATE assignment SET until = ?, total = ? WHERE lane = ? AND grp = ?", .integer(place.n),
                        .integer(place.settled), .integer(lane.id), .text(target.text))
                    try connection.run(
                        "UPDATE assignment SET until = NULL, total = 0 WHERE lane = ? AND grp = ?", .integer(lane.id),
                        .text(source.text))
                    try connection.run(
                        "UPDATE cursor SET settled = settled + ? WHERE lane = ? AND grp = ?", .integer(gone),
                        .integer(lane.id), .text(source.text))
                    moves.append(CursorMove(group: source, lane: name, n: 0, settled: 0, gone: gone))
                    results[name] = (kept, gone)
                }
                if isMain { try setMain(source) }
            }
            try loadAssignments()
        } catch { throw SpoolError(wrapping: error) }
        return (results, moves)
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

    /// Gives every lane that has been cut over somebody who gets its scans, where the configuration has lost that group:
    /// the one it came from goes on from the watermark.
    func adoptOrphans() throws {
        for (name, cutover) in assignments.cutovers
        where !assignments.groups.primaries.contains(cutover.target) {
            guard let lane = lanes[name] else { continue }
            try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
        }
        for (name, shares) in assignments.lanes {
            guard let lane = lanes[name], let first = assignments.groups.primaries.first else { continue }
            let receiver = assignments.receiver(of: name)
            if let receiver, assignments.groups.primaries.contains(receiver) { continue }
            let heir = assignments.groups.primaries.first { shares[$0] != nil } ?? first
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
            try connection.run(
                "INSERT INTO assignment VALUES (?, ?, NULL, 0, 0) ON CONFLICT(lane, grp) DO UPDATE SET until = NULL,"
                    + " total = 0",
                .integer(lane.id), .text(heir.text))
            try connection.run("DELETE FROM cutover WHERE lane = ?", .integer(lane.id))
        }
    }

    func loadAssignments() throws(SpoolError) {
        do { assignments = try Assignments.load(connection, groups) } catch { throw SpoolError(error) }
    }

    private func setMain(_ group: GroupID) throws(DatabaseError) {
        try connection.run("INSERT OR REPLACE INTO meta VALUES ('primary', ?)", .text(group.text))
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
