internal import Database
public import Model

extension Spool {
    /// Makes a group known: its cursors begin where the group that is furthest behind stands, so that a renamed
    /// backend gets what still waits, and nothing that has been judged.
    public func register(_ group: GroupID) throws(SpoolError) {
        do {
            let known = try connection.first("SELECT 1 FROM grp WHERE name = ?", .text(group.text)) { _ in true }
            guard known == nil else { return }
            try connection.transaction {
                try connection.run(
                    """
                    INSERT INTO cursor SELECT ?, id, ifnull((SELECT min(c.n) FROM cursor c WHERE c.lane = lane.id AND
                    (SELECT count(*) FROM cursor d WHERE d.lane = lane.id) = (SELECT count(*) FROM grp)), 0),
                    ifnull((SELECT min(c.settled) FROM cursor c WHERE c.lane = lane.id AND
                    (SELECT count(*) FROM cursor d WHERE d.lane = lane.id) = (SELECT count(*) FROM grp)), 0)
                    FROM lane
                    """, .text(group.text))
                try connection.run("INSERT INTO grp VALUES (?)", .text(group.text))
            }
        } catch {
            throw SpoolError(wrapping: error)
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

    /// Removes scans that every group has settled, the oldest first: those up to `cutoff`, or regardless of age where
    /// that is nil. Scans with an exception that is not `discarded` stay.
    ///
    /// - Returns: how many went; as many as `atMost` means there may be more.
    @discardableResult
    public func prune(olderThan cutoff: Int64?, atMost: Int) throws(SpoolError) -> Int {
        do {
            var removed = 0
            for lane in lanes.values where removed < atMost {
                // A lane that a known group has not begun with yet has no cursor there: nothing of it may go.
                let settled =
                    try connection.first(
                        "SELECT CASE WHEN count(*) = (SELECT count(*) FROM grp) AND count(*) > 0 THEN min(n) ELSE 0 END"
                            + " FROM cursor WHERE lane = ?", .integer(lane.id)
                    ) { $0.integer(0) } ?? 0
                let last = min(settled, cutoff ?? settled)
                guard last > 0 else { continue }
                try connection.run(
                    """
                    DELETE FROM scan WHERE n IN (SELECT s.n FROM scan s WHERE s.lane = ? AND s.n <= ? AND NOT EXISTS
                    (SELECT 1 FROM exception e WHERE e.n = s.n AND e.state <> 'discarded') ORDER BY s.n LIMIT ?)
                    """, .integer(lane.id), .integer(last), .integer(Int64(atMost - removed)))
                removed += connection.changes
            }
            if removed > 0 { try connection.execute("PRAGMA incremental_vacuum(256)") }
            return removed
        } catch {
            throw SpoolError(wrapping: error)
        }
    }
}
