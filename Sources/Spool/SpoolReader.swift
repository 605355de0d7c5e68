internal import Database
public import Model
internal import Posix

/// What is read from the spool: batches, lists, searches. A connection of its own, beside the writer's.
///
/// Confined to its owner. The file must be there; nothing is written but checkpoints.
public final class SpoolReader {
    private let connection: Connection
    private var laneIDs: [LaneID: Int64] = [:]
    private var isOpen = true
    private var readAhead = ReadAhead()

    /// One scan with what became of it for one group.
    public struct Entry: Sendable, Equatable {
        /// The scan.
        public let scan: StoredScan
        /// The group that this is said of.
        public let group: GroupID
        /// Its lane.
        public let lane: String
        /// Nil for an ordinary scan.
        public let exception: ExceptionState?
        /// Why it is an exception, or empty.
        public let reason: String
        /// How often that was said.
        public let attempts: Int64
        /// Whether the group's cursor is past it.
        public let isSettled: Bool
        /// Whether the scan is this group's; a lane that was cut over is another's from a place on.
        public let isIts: Bool
    }

    private let groups: SpoolGroups

    /// Opens the spool's file in a directory, to be read as these groups see it.
    public init(directory: String, groups: SpoolGroups) throws(SpoolError) {
        self.groups = groups
        do { connection = try Connection(path: directory + "/spool.db", mode: .readWrite) } catch {
            throw SpoolError(error)
        }
    }

    /// Ends the use of the file.
    public func close() {
        isOpen = false
        connection.close()
    }

    /// The file's random id, another one with each start of a writer.
    public func log() throws(SpoolError) -> LogID {
        do {
            let text = try connection.first("SELECT value FROM meta WHERE key = 'log'") { $0.text(0) }
            guard let log = text.flatMap(LogID.init) else {
                throw SpoolError(.damaged, "\(connection.path): the log id is not readable")
            }
            return log
        } catch { throw SpoolError(wrapping: error) }
    }

    /// Folds the WAL into the file as far as nobody reads it; in steps with commits going on beside it.
    public func checkpoint() throws(SpoolError) -> (frames: Int, done: Int) {
        guard isOpen else { return (0, 0) }
        do {
            let result = try connection.checkpoint()
            return (result.logFrames, result.checkpointed)
        } catch { throw SpoolError(error) }
    }

    /// Which scans are which primary's.
    public func assignments() throws(SpoolError) -> Assignments {
        do { return try Assignments.load(connection, groups) } catch { throw SpoolError(error) }
    }

    /// The place of the lane's scan that is `count` behind a place, or of its last one.
    public func number(of lane: LaneID, after n: Int64, count: Int64) throws(SpoolError) -> Int64? {
        do {
            guard count > 0, let id = try id(of: lane) else { return nil }
            return try connection.first(
                "SELECT max(n) FROM (SELECT n FROM scan WHERE lane = ? AND n > ? ORDER BY n LIMIT ?)", .integer(id),
                .integer(n), .integer(count)
            ) { $0.isNull(0) ? nil : $0.integer(0) } ?? nil
        } catch { throw SpoolError(error) }
    }

    /// The cursor of a group in every lane, with the lane's count of scans; 0 where it has not begun.
    public func cursors(of group: GroupID) throws(SpoolError) -> [(
        lane: LaneID, n: Int64, settled: Int64, appended: Int64
    )] {
        do {
            return try connection.rows(
                "SELECT l.name, ifnull(c.n, 0), ifnull(c.settled, 0), l.appended FROM lane l"
                    + " LEFT JOIN cursor c ON c.lane = l.id AND c.grp = ?", .text(group.text)
            ) { ($0.text(0), $0.integer(1), $0.integer(2), $0.integer(3)) }
            .compactMap { row in LaneID(row.0).map { ($0, row.1, row.2, row.3) } }
        } catch { throw SpoolError(error) }
    }

    /// The scans of a lane behind a place and up to another, in order, with whether an exception says that they need no
    /// asking.
    public func scans(of lane: LaneID, after n: Int64, upTo last: Int64, group: GroupID, limit: Int) throws(SpoolError)
        -> [(scan: StoredScan, isSettled: Bool)]
    {
        do {
            guard let id = try id(of: lane) else { return [] }
            let blocks = Threads.blocksFromDisk()
            // A help: a page of another lane's that cannot be read is no reason not to read this one's.
            let isAhead = (try? bringIn(id, after: n, upTo: last, count: limit)) ?? false
            defer { readAhead.note(stretch: isAhead, fromDisk: Threads.blocksFromDisk() > blocks) }
            return try connection.rows(
                """
                SELECT s.n, s.wire, e.state FROM scan s LEFT JOIN exception e ON e.grp = ? AND e.n = s.n
                WHERE s.lane = ? AND s.n > ? AND s.n <= ? ORDER BY s.n LIMIT ?
                """, .text(group.text), .integer(id), .integer(n), .integer(last), .integer(Int64(limit))
            ) {
                // One that was sent back waits in its place.
                (StoredScan(n: $0.integer(0), wire: $0.blob(1)), !$0.isNull(2) && $0.text(2) != "requeued")
            }
        } catch { throw SpoolError(wrapping: error) }
    }

    // Brings the pages of a lane's next scans into memory in the order of the file; false where that is not called for.
    private func bringIn(_ lane: Int64, after n: Int64, upTo end: Int64, count: Int) throws(DatabaseError) -> Bool {
        guard readAhead.isCold else { return false }
        let batch = try connection.first(
            """
            SELECT min(n), max(n), count(*) FROM
            (SELECT n FROM scan WHERE lane = ? AND n > ? AND n <= ? ORDER BY n LIMIT ?)
            """, .integer(lane), .integer(n), .integer(end), .integer(Int64(count))
        ) { ($0.integer(0), $0.integer(1), Int($0.integer(2))) }
        guard let batch, batch.2 > 0,
            let stretch = readAhead.stretch(from: batch.0, to: batch.1, holding: batch.2)
        else { return false }
        // `lane` is in the page of its scan; counting the rows would read the index instead.
        _ = try connection.first(
            "SELECT max(lane) FROM scan NOT INDEXED WHERE n BETWEEN ? AND ?", .integer(stretch.lowerBound),
            .integer(stretch.upperBound)
        ) { $0.integer(0) }
        return true
    }

    /// The scans of these places, in order.
    public func scans(_ numbers: [Int64]) throws(SpoolError) -> [StoredScan] {
        do {
            var out: [StoredScan] = []
            for n in numbers.sorted() {
                let wire = try connection.first("SELECT wire FROM scan WHERE n = ?", .integer(n)) { $0.blob(0) }
                if let wire { out.append(StoredScan(n: n, wire: wire)) }
            }
            return out
        } catch { throw SpoolError(error) }
    }

    /// The scans that a person sent back, by lane.
    public func requeued(for group: GroupID) throws(SpoolError) -> [LaneID: [Int64]] {
        do {
            let rows = try connection.rows(
                "SELECT l.name, e.n FROM exception e JOIN lane l ON l.id = e.lane WHERE e.grp = ?"
                    + " AND e.state = 'requeued' ORDER BY e.n", .text(group.text)
            ) { ($0.text(0), $0.integer(1)) }
            var out: [LaneID: [Int64]] = [:]
            for (name, n) in rows { if let lane = LaneID(name) { out[lane, default: []].append(n) } }
            return out
        } catch { throw SpoolError(error) }
    }

    /// How many scans of a group are in each state of exception.
    public func exceptionCounts(of group: GroupID) throws(SpoolError) -> [ExceptionState: Int64] {
        do {
            let rows = try connection.rows(
                "SELECT state, count(*) FROM exception WHERE grp = ? GROUP BY state", .text(group.text)
            ) { ($0.text(0), $0.integer(1)) }
            return Dictionary(
                uniqueKeysWithValues: rows.compactMap { row in
                    ExceptionState(rawValue: row.0).map { ($0, row.1) }
                })
        } catch { throw SpoolError(error) }
    }

    /// Scans in a state of exception, in order, from behind a place; at most `limit`.
    public func exceptions(_ state: ExceptionState, of group: GroupID, after n: Int64, limit: Int) throws(SpoolError)
        -> [Entry]
    {
        try entries("WHERE e.state = ? AND s.n > ?", [.text(state.rawValue), .integer(n)], group: group, limit: limit)
    }

    /// Scans that wait, in order, from behind a place; at most `limit`.
    public func waiting(for group: GroupID, after n: Int64, limit: Int) throws(SpoolError) -> [Entry] {
        try entries(
            "WHERE s.n > ? AND ((e.state IS NULL AND s.n > ifnull(c.n, 0) AND \(try isIts(group)))"
                + " OR e.state = 'requeued')", [.integer(n)],
            group: group, limit: limit)
    }

    /// Scans whose bytes hold a text, in order, from behind a place; at most `limit`. Reads every scan: an index
    /// would cost each scan more than a search costs once.
    public func containing(_ text: [UInt8], group: GroupID, after n: Int64, limit: Int) throws(SpoolError) -> [Entry] {
        try entries("WHERE s.n > ? AND instr(s.wire, ?) > 0", [.integer(n), .blob(text)], group: group, limit: limit)
    }

    /// Every scan in order, from behind a place; at most `limit`.
    public func all(group: GroupID, after n: Int64, limit: Int) throws(SpoolError) -> [Entry] {
        try entries("WHERE s.n > ?", [.integer(n)], group: group, limit: limit)
    }

    /// One scan by its place.
    public func entry(_ n: Int64, group: GroupID) throws(SpoolError) -> Entry? {
        try entries("WHERE s.n = ?", [.integer(n)], group: group, limit: 1).first
    }

    /// The oldest scan that waits for a group, or nil.
    public func oldestWaiting(for group: GroupID) throws(SpoolError) -> StoredScan? {
        let assignments = try assignments()
        var oldest: Int64?
        for cursor in try cursors(of: group) {
            guard let share = assignments.share(of: group, in: cursor.lane),
                let n = try number(of: cursor.lane, after: cursor.n, count: 1), n <= share.until ?? .max
            else { continue }
            oldest = min(oldest ?? n, n)
        }
        return try oldest.flatMap { n throws(SpoolError) in try scans([n]).first }
    }

    // Whether scan `s` is the group's, as SQL. Names hold nothing that SQL would have to be protected from.
    private func isIts(_ group: GroupID) throws(SpoolError) -> String {
        guard groups.primaries.contains(group) else { return "1" }
        let isMain = try assignments().mainGroup == group
        return """
            (EXISTS (SELECT 1 FROM assignment a WHERE a.lane = s.lane AND a.grp = '\(group.text)'
                AND s.n > a.since AND (a.until IS NULL OR s.n <= a.until))
            OR (\(isMain ? 1 : 0) AND NOT EXISTS (SELECT 1 FROM assignment a WHERE a.lane = s.lane)))
            """
    }

    private func entries(_ condition: String, _ values: [Value], group: GroupID, limit: Int) throws(SpoolError)
        -> [Entry]
    {
        let isIts = try isIts(group)
        do {
            let statement = try connection.statement(
                """
                SELECT s.n, s.wire, l.name, e.state, ifnull(e.reason, ''), ifnull(e.attempts, 0), s.n <= ifnull(c.n, 0),
                \(isIts) FROM scan s JOIN lane l ON l.id = s.lane LEFT JOIN exception e ON e.grp = ? AND e.n = s.n
                LEFT JOIN cursor c ON c.grp = ? AND c.lane = s.lane \(condition) ORDER BY s.n LIMIT ?
                """)
            statement.bind([.text(group.text), .text(group.text)] + values + [.integer(Int64(limit))])
            defer { statement.reset() }
            var out: [Entry] = []
            while try statement.step() {
                out.append(
                    Entry(
                        scan: StoredScan(n: statement.integer(0), wire: statement.blob(1)), group: group,
                        lane: statement.text(2),
                        exception: ExceptionState(rawValue: statement.text(3)), reason: statement.text(4),
                        attempts: statement.integer(5), isSettled: statement.integer(6) != 0,
                        isIts: statement.integer(7) != 0))
            }
            return out
        } catch { throw SpoolError(error) }
    }

    private func id(of lane: LaneID) throws(DatabaseError) -> Int64? {
        if let id = laneIDs[lane] { return id }
        let id = try connection.first("SELECT id FROM lane WHERE name = ?", .text(lane.text)) { $0.integer(0) }
        laneIDs[lane] = id
        return id
    }
}
