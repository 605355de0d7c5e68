internal import Database
public import Model

extension Spool {
    /// Makes the configured groups known, before the first commit.
    ///
    /// One that is new where exactly one of its kind has gone is that one under another name, and takes over all it had. A further
    /// primary has no scans before a lane is cut over to it. Any other new one begins where the group that is furthest
    /// behind stands, among those that have gone if any has: it gets what still waits or was rejected or held there (a
    /// mirror: what still waits), and nothing that has been judged.
    public func use(_ configured: SpoolGroups) throws(SpoolError) {
        groups = configured
        do {
            let known = try knownGroups()
            let gone = known.filter { !configured.all.contains($0) }
            let new = configured.all.filter { !known.contains($0) }
            try connection.transaction {
                if new.count == 1 && gone.count == 1
                    && mayBeRenamed(gone[0], isPrimary: configured.primaries.contains(new[0]))
                {
                    try rename(gone[0], to: new[0])
                } else {
                    for group in new {
                        let isFurther = known.contains { configured.primaries.contains($0) }
                        if configured.primaries.contains(group), isFurther {
                            try connection.run("INSERT INTO grp VALUES (?)", .text(group.text))
                        } else {
                            try add(group, behind: gone.isEmpty ? known : gone)
                        }
                    }
                }
                if let lost = lostAssignments { try restore(lost) }
            }
            lostAssignments = nil
            try loadAssignments()
            try connection.transaction {
                try settleMain(known)
                try adoptOrphans()
            }
        } catch {
            throw SpoolError(wrapping: error)
        }
        try loadAssignments()
    }

    // A mirror that comes when a primary goes is another thing, and must not have its rejected scans.
    private func mayBeRenamed(_ gone: GroupID, isPrimary: Bool) -> Bool {
        let wasPrimary = assignments.main == gone || assignments.lanes.values.contains { $0[gone] != nil }
        return assignments.main == nil || wasPrimary == isPrimary
    }

    private func rename(_ old: GroupID, to new: GroupID) throws {
        for (table, column) in [
            ("cursor", "grp"), ("exception", "grp"), ("grp", "name"), ("assignment", "grp"), ("cutover", "source"),
            ("cutover", "target"),
        ] {
            try connection.run(
                "UPDATE \(table) SET \(column) = ? WHERE \(column) = ?", .text(new.text), .text(old.text))
        }
        try connection.run(
            "UPDATE meta SET value = ? WHERE key = 'primary' AND value = ?", .text(new.text), .text(old.text))
    }

    private func add(_ group: GroupID, behind others: [GroupID]) throws {
        try connection.run("INSERT INTO grp VALUES (?)", .text(group.text))
        for lane in lanes.values {
            // A group without a cursor in the lane has not begun there: it is the furthest behind.
            var furthest: (group: GroupID, n: Int64, settled: Int64)?
            for other in others {
                let place =
                    try connection.first(
                        "SELECT n, settled FROM cursor WHERE grp = ? AND lane = ?", .text(other.text), .integer(lane.id)
                    ) { ($0.integer(0), $0.integer(1)) } ?? (0, 0)
                if place.0 < furthest?.n ?? .max { furthest = (other, place.0, place.1) }
            }
            guard let furthest else { continue }
            try connection.run(
                "INSERT INTO cursor VALUES (?, ?, ?, ?)", .text(group.text), .integer(lane.id), .integer(furthest.n),
                .integer(furthest.settled))
            // A mirror asks nobody to look at anything.
            guard !groups.mirrors.contains(group) else { continue }
            try connection.run(
                "INSERT INTO exception SELECT ?, n, lane, state, reason, attempts FROM exception WHERE grp = ? AND lane = ?",
                .text(group.text), .text(furthest.group.text), .integer(lane.id))
        }
    }

    /// The groups that the file knows, configured or not.
    public func knownGroups() throws(SpoolError) -> [GroupID] {
        do {
            return try connection.rows("SELECT name FROM grp ORDER BY name") { $0.text(0) }.compactMap(GroupID.init)
        } catch {
            throw SpoolError(error)
        }
    }

    /// How many scans wait for a group that the configuration has no more and for nobody else: another primary has what
    /// came after them.
    public func leftBehind(_ group: GroupID) throws(SpoolError) -> Int64 {
        guard !groups.all.contains(group) else { return 0 }
        do {
            return try connection.first(
                "SELECT count(*) FROM assignment a LEFT JOIN cursor c ON c.grp = a.grp AND c.lane = a.lane"
                    + " JOIN scan s ON s.lane = a.lane AND s.n > ifnull(c.n, 0) AND s.n <= a.until WHERE a.grp = ?",
                .text(group.text)
            ) { $0.integer(0) } ?? 0
        } catch { throw SpoolError(error) }
    }

    /// The last scan stored before a time, or nil where that is not known for sure: only marks made with a synced
    /// clock count, or a clock that jumped would age everything at once.
    public func lastNumber(before wallMs: Int64) throws(SpoolError) -> Int64? {
        do {
            return try connection.first(
                "SELECT max(n) FROM mark WHERE synced = 1 AND wall_ms < ?", .integer(wallMs)
            ) { $0.isNull(0) ? nil : $0.integer(0) }
                ?? nil
        } catch {
            throw SpoolError(error)
        }
    }

    /// Removes scans that every configured group has settled, the oldest first: those up to `cutoff`, or regardless of
    /// age where that is nil. Scans with an exception that is not `discarded` stay. A group that the configuration has
    /// no more keeps its place, but nothing is kept for it alone.
    ///
    /// - Returns: how many went; as many as `atMost` means there may be more.
    @discardableResult
    public func prune(olderThan cutoff: Int64?, atMost: Int) throws(SpoolError) -> Int {
        guard !groups.all.isEmpty else { return 0 }
        // Names hold nothing that SQL would have to be protected from.
        let configured = groups.all.map { "'\($0.text)'" }.joined(separator: ", ")
        do {
            var removed = 0
            for (name, lane) in lanes where removed < atMost {
                let settled = try settled(in: name, lane.id)
                let last = min(settled, cutoff ?? settled)
                guard last > 0 else { continue }
                // By group and number, which is the exceptions' key: without the group each look would read them all.
                try connection.run(
                    """
                    DELETE FROM scan WHERE n IN (SELECT s.n FROM scan s WHERE s.lane = ? AND s.n <= ? AND NOT EXISTS
                    (SELECT 1 FROM exception e WHERE e.grp IN (\(configured)) AND e.n = s.n AND e.state <> 'discarded')
                    ORDER BY s.n LIMIT ?)
                    """, .integer(lane.id), .integer(last), .integer(Int64(atMost - removed)))
                removed += connection.changes
            }
            if removed > 0 { try connection.execute("PRAGMA incremental_vacuum(256)") }
            return removed
        } catch {
            throw SpoolError(wrapping: error)
        }
    }

    // The last scan of the lane that no configured group has any business with. One that has not begun with the lane
    // has no cursor there: nothing of the lane may go. One that the lane was taken from has business up to its
    // watermark only; what came later is kept for `keep_accepted` in case the lane is taken back.
    private func settled(in name: LaneID, _ lane: Int64) throws(DatabaseError) -> Int64 {
        var last = Int64.max
        for group in groups.all {
            guard let share = assignments.share(of: group, in: name) else { continue }
            let n =
                try connection.first(
                    "SELECT n FROM cursor WHERE lane = ? AND grp = ?", .integer(lane), .text(group.text)
                ) { $0.integer(0) } ?? 0
            // Numbers run through all lanes: the watermark may be another lane's scan, which the cursor never comes to.
            if let until = share.until, try !hasScans(lane, after: n, upTo: until) { continue }
            last = min(last, n)
        }
        return last == .max ? 0 : last
    }

    private func hasScans(_ lane: Int64, after n: Int64, upTo last: Int64) throws(DatabaseError) -> Bool {
        try connection.first(
            "SELECT 1 FROM scan WHERE lane = ? AND n > ? AND n <= ? LIMIT 1", .integer(lane), .integer(n),
            .integer(last)
        ) { _ in true } ?? false
    }
}
