internal import Database
public import Model
internal import Posix

/// The durable log of scans: one SQLite file, one writer.
///
/// Invariants:
/// 1. When `commit` returns, what it was given is on stable storage (WAL, `synchronous = FULL`), all of it or nothing.
/// 2. A scan's bytes never change; a scan goes only when every group has settled it and it is older than
///    `keepAccepted`, or the file is over `maxBytes`.
/// 3. Numbers (`n`, lane and device sequences) handed out are never handed out again, not even after a commit whose
///    outcome is unknown: the marks live in memory over a reopen, and the file's own are believed where higher.
/// 4. At a bound of `SpoolLimits` `room` throws and nothing is stored; nothing is ever dropped to make room but judged
///    scans that are only kept for `scans find`.
/// 5. After a failed commit the file is closed and opened again, and what it says is believed.
/// 6. While a part of the `Ballast` is given up no scan is stored: it is for what waits.
///
/// Confined to its owner (the intake actor). Readers have connections of their own (`SpoolReader`).
public final class Spool {
    /// The file.
    public let path: String
    /// A random id, another one with each start and each new file: within it, no number is used twice.
    public private(set) var log: LogID
    /// What every lane has, by name.
    public private(set) var lanes: [LaneID: Lane] = [:]
    /// Scans that wait, are rejected or held, for their primaries.
    public var unjudged: Int64 = 0
    let limits: SpoolLimits
    /// The configured groups: what all of them have settled may go.
    var groups = SpoolGroups()
    /// Which scans are which primary's.
    public internal(set) var assignments = Assignments(SpoolGroups())
    /// Those of a file that was set aside, until they are in the one made anew.
    var lostAssignments: Assignments?
    /// The file is near its bound although everything judged is gone: mirrors have to give up what waits for them.
    public private(set) var isPressed = false
    var connection: Connection
    let ballast: Ballast
    var keepsBallast = false
    /// The WAL was folded in for want of room, and nothing was committed since.
    var hasFolded = false
    /// It was said that there is room for the ballast, and no ballast.
    var hasWarnedOfBallast = false
    var lastMark: Int64 = .min
    private var lastNumber: Int64
    /// False after a file was closed on a failure and could not be opened again.
    private var isOpen = true
    /// The last numbers handed out in this log, committed or not: never cleared but for another log.
    private var laneMarks: [LaneID: Int64] = [:]
    private var deviceMarks: [DeviceID: Int64] = [:]
    private var bytesAtLastLook: Int64 = 0
    private var commitsSinceLook = 64

    /// A lane as the file has it.
    public struct Lane: Sendable, Equatable {
        /// The row.
        public let id: Int64
        /// The last sequence number.
        public var sequence: Int64
        /// Scans ever stored.
        public var appended: Int64
        /// The gate's state, as it encoded it; empty for a new lane.
        public var state: [UInt8]
    }

    /// Opens the file in a directory, or makes it. A damaged file throws `SpoolError` with code `damaged`:
    /// `SpoolRecovery.setAside` then makes way for a new one.
    ///
    /// - Throws: `SpoolError`, `Migrations.NewerSchema`.
    public init(directory: String, limits: SpoolLimits) throws {
        path = directory + "/spool.db"
        self.limits = limits
        ballast = Ballast(directory: directory, minFree: limits.minFree)
        connection = try Self.open(path)
        log = try Self.identifyAnew(connection)
        lastNumber = try Self.highestNumber(connection)
        try load()
    }

    /// Ends the use of the file. The WAL is folded into it where nobody else reads.
    public func close() {
        if isOpen { _ = try? connection.checkpoint(truncating: true) }
        isOpen = false
        connection.close()
    }

    /// The next place in the log; used up whatever becomes of the commit.
    public func nextNumber() -> Int64 {
        lastNumber += 1
        return lastNumber
    }

    /// The place handed out last.
    public var lastHandedOut: Int64 { lastNumber }

    /// The last sequence number of a lane.
    public func sequence(of lane: LaneID) -> Int64 { max(lanes[lane]?.sequence ?? 0, laneMarks[lane] ?? 0) }

    /// The last sequence number of a device.
    public func sequence(of device: DeviceID) -> Int64 { deviceMarks[device] ?? 0 }

    /// Remembers sequence numbers that are handed out now, before their commit is tried.
    public func handOut(lane: LaneID, _ laneSequence: Int64, device: DeviceID, _ deviceSequence: Int64) {
        laneMarks[lane] = laneSequence
        deviceMarks[device] = deviceSequence
    }

    /// How many scans these lanes have ever been given.
    public func appended(in names: some Sequence<LaneID>) -> [LaneID: Int64] {
        var appended: [LaneID: Int64] = [:]
        for name in names { appended[name] = lanes[name]?.appended }
        return appended
    }

    /// Makes sure that a lane has a row, and returns it. A commit of its own: it happens once a lane.
    @discardableResult
    public func prepare(_ lane: LaneID) throws(SpoolError) -> Int64 {
        if let known = lanes[lane] { return known.id }
        do {
            try connection.run("INSERT INTO lane(name, seq, appended, state) VALUES (?, 0, 0, x'')", .text(lane.text))
            let row = connection.lastInsertedRow
            lanes[lane] = Lane(id: row, sequence: 0, appended: 0, state: [])
            return row
        } catch {
            throw SpoolError(error)
        }
    }

    /// Throws `SpoolError` with code `full` where no further scan may be stored, and says which bound it is.
    public func room() throws(SpoolError) {
        guard unjudged < limits.maxScans else {
            throw SpoolError(
                .full, "the spool holds \(unjudged) scans, max_scans is \(limits.maxScans)",
                hint: "see `scangate uplink list`, or raise [spool] max_scans")
        }
        if commitsSinceLook >= 64 { try look() }
        guard bytesAtLastLook < limits.maxBytes else {
            // Looked at again at once next time, so that room is seen as soon as there is some.
            commitsSinceLook = 64
            throw SpoolError(
                .full, "\(path) has \(bytesAtLastLook) bytes of live pages and WAL, max_bytes is \(limits.maxBytes)",
                hint: "see `scangate uplink list`, or raise [spool] max_bytes")
        }
        try roomOnBallast()
        guard let free = try? Files.freeBytes(path) else { return }
        guard free >= limits.minFree else {
            throw SpoolError(
                .full, "the filesystem of \(path) has \(free) bytes free, min_free is \(limits.minFree)",
                hint: "free room there; scanning goes on by itself")
        }
    }

    /// Stores a change, all of it or nothing. When it returns, the change is on stable storage.
    ///
    /// After an error the outcome is unknown: call `reopen` before anything else.
    ///
    /// - Parameter blocks: the bytes of the scans, where they are not in the change: asked for block after block, from
    ///   0 on, inside the transaction, until every scan has its own.
    public func commit(_ change: SpoolChange, blocks: ((Int) -> WireBlock)? = nil) throws(SpoolError) {
        guard isOpen else { throw closed }
        let counts: [Int64: Int64]
        do {
            try connection.execute("BEGIN IMMEDIATE")
            counts = try store(change, blocks)
            try storeCutovers(change)
            for record in change.settlements { try store(record) }
            try mark(change)
            try connection.execute("COMMIT")
        } catch {
            connection.rollback()
            throw SpoolError(wrapping: error)
        }
        commitsSinceLook += 1
        hasFolded = false
        if !change.cutovers.isEmpty { assignments = applying(change).assignments }
        for (lane, state) in change.laneStates { lanes[lane]?.state = state }
        for (lane, sequence) in change.laneSequences { lanes[lane]?.sequence = sequence }
        for lane in change.laneStates.keys {
            if let row = lanes[lane]?.id, let count = counts[row] { lanes[lane]?.appended += count }
        }
    }

    /// Closes the file, opens it again, and believes what it says, except that no number is handed out twice.
    ///
    /// - Throws: `SpoolError`; with code `damaged` the file has to be set aside. With code `full` a step of the ballast is
    ///   given up for the next time.
    public func reopen() throws(SpoolError) {
        isOpen = false
        connection.close()
        do {
            connection = try Self.open(path)
            isOpen = true
            let found = try Self.identify(connection, anew: false)
            if found != log {
                // A new file's sequences count from the start: they are told apart by its log id. Places go on: an
                // uplink may have some of the old file in hand, and what it says of them must fit none of the new one.
                (laneMarks, deviceMarks, lastMark) = ([:], [:], .min)
                lostAssignments = assignments
                log = found
            }
            lastNumber = max(try Self.highestNumber(connection), lastNumber)
            lanes.removeAll()
            try load()
        } catch {
            let error = SpoolError(wrapping: error)
            if error.code == .full { _ = ballast.giveUp() }
            throw error
        }
    }

    /// Folds what readers leave free of the WAL into the file. Between commits only.
    public func checkpoint() throws(SpoolError) {
        guard isOpen else { throw closed }
        do { try connection.checkpoint() } catch { throw SpoolError(error) }
    }

    /// Bytes of live pages and WAL.
    public func bytes() throws(SpoolError) -> Int64 {
        // Whoever asks how the spool does asks most while it does badly.
        guard isOpen else { return (Files.status(path)?.size ?? 0) + (Files.status(path + "-wal")?.size ?? 0) }
        do {
            func pragma(_ name: String) throws(DatabaseError) -> Int64 {
                try connection.first("PRAGMA \(name)") { $0.integer(0) } ?? 0
            }
            let live = try (pragma("page_count") - pragma("freelist_count")) * pragma("page_size")
            return live + (Files.status(path + "-wal")?.size ?? 0)
        } catch {
            throw SpoolError(error)
        }
    }

    private var closed: SpoolError {
        SpoolError(
            .failing, "\(path) was closed after a failure", hint: "look at the disk: dmesg, and `scangate doctor`")
    }

    private func look() throws(SpoolError) {
        bytesAtLastLook = try bytes()
        if bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16 {
            // The WAL first: it may be most of it, and what is kept for `scans find` should not pay for it.
            try fold()
            bytesAtLastLook = try bytes()
        }
        if bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16 {
            // What was removed is in the WAL now, all of it: that must not count as full.
            if try prune(olderThan: nil, atMost: 4096) > 0 { try fold() }
            bytesAtLastLook = try bytes()
        }
        isPressed = bytesAtLastLook >= limits.maxBytes - limits.maxBytes / 16
        if keepsBallast && !ballast.isThere { ballast.layDown() }
        commitsSinceLook = 0
    }

    // Who reads a large list, or folds the WAL in just now, keeps the WAL from being cut. That is no failure of the file, and
    // no scan waits for it: where the spool counts as full because of it, the next look is with the next scan.
    private func fold() throws(SpoolError) {
        do { try connection.checkpoint(truncating: true, patienceMs: 100) } catch {
            guard error.kind == .busy else { throw SpoolError(error) }
        }
    }

    // Returns how many scans each lane was given, by the lane's row.
    private func store(_ change: SpoolChange, _ blocks: ((Int) -> WireBlock)?) throws(DatabaseError) -> [Int64: Int64] {
        var counts: [Int64: Int64] = [:]
        let insert = try connection.statement("INSERT INTO scan(n, lane, wire) VALUES (?, ?, ?)")
        func store(_ append: SpoolChange.Append, _ wire: UnsafeBufferPointer<UInt8>) throws(DatabaseError) {
            guard let row = append.row ?? lanes[append.lane]?.id else { return }
            insert.bind(1, append.n)
            insert.bind(2, row)
            try insert.run(3, wire)
            counts[row, default: 0] += 1
        }
        if let blocks {
            var (next, index) = (0, 0)
            while next < change.appends.count {
                let block = blocks(index)
                index += 1
                precondition(
                    !block.ends.isEmpty && block.ends.count <= change.appends.count - next,
                    "blocks that are not those of the change's scans")
                try block.bytes.withUnsafeBufferPointer { bytes throws(DatabaseError) in
                    var start = 0
                    for end in block.ends {
                        try store(change.appends[next], UnsafeBufferPointer(rebasing: bytes[start..<end]))
                        (start, next) = (end, next + 1)
                    }
                }
            }
        } else {
            for append in change.appends {
                try append.wire.withUnsafeBufferPointer { wire throws(DatabaseError) in try store(append, wire) }
            }
        }
        for (name, state) in change.laneStates {
            guard let lane = lanes[name] else { continue }
            try connection.run(
                "UPDATE lane SET seq = ?, appended = ?, state = ? WHERE id = ?",
                .integer(change.laneSequences[name] ?? lane.sequence),
                .integer(lane.appended + counts[lane.id, default: 0]),
                .blob(state), .integer(lane.id))
        }
        for (name, sequence) in change.deviceSequences {
            try connection.run(
                "INSERT INTO device VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq",
                .text(name.text), .integer(sequence))
        }
        return counts
    }

    private func store(_ record: SettlementRecord) throws(DatabaseError) {
        // Numbers of a file that was set aside mean other scans here: a cursor moved by them would skip scans.
        guard record.log == log, let lane = lanes[record.lane] else { return }
        try connection.run(
            "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT(grp, lane) DO UPDATE SET n = excluded.n,"
                + " settled = excluded.settled WHERE excluded.n > n",
            .text(record.group.text), .integer(lane.id), .integer(record.cursor), .integer(record.settled))
        for exception in record.exceptions {
            guard let state = exception.state else {
                try connection.run(
                    "DELETE FROM exception WHERE grp = ? AND n = ?", .text(record.group.text), .integer(exception.n))
                continue
            }
            try connection.run(
                "INSERT INTO exception VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT(grp, n) DO UPDATE SET"
                    + " state = excluded.state, reason = excluded.reason, attempts = attempts + 1",
                .text(record.group.text), .integer(exception.n), .integer(lane.id), .text(state.rawValue),
                .text(exception.reason))
        }
    }

    private func mark(_ change: SpoolChange) throws(DatabaseError) {
        guard let last = change.appends.last else { return }
        guard lastMark == .min || change.now.uptimeNs - lastMark > 600_000_000_000 else { return }
        try connection.run(
            "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", .integer(last.n), .integer(change.now.wallMs),
            .integer(change.now.synced ? 1 : 0))
        lastMark = change.now.uptimeNs
    }

    private static func open(_ path: String) throws -> Connection {
        try SpoolSchema.migrations.refuseNewer(path)
        do {
            let connection = try Connection(path: path)
            try SpoolSchema.prepare(connection)
            // Before anything of it is believed: a failed commit, or a killed process, may have left it in the cache only.
            try connection.makeLogDurable()
            try SpoolSchema.migrations.apply(to: connection)
            return connection
        } catch let error as DatabaseError {
            throw SpoolError(error)
        }
    }

    // A new id with each start: the file may be an older copy that was put back, in which numbers are free that a backend
    // knows. Scans keep the id that they were signed with.
    private static func identify(_ connection: Connection, anew: Bool) throws(SpoolError) -> LogID {
        do {
            try connection.run(
                "INSERT OR \(anew ? "REPLACE" : "IGNORE") INTO meta VALUES ('log', ?)",
                .text(Hex.encode(bytes(of: Random.word()))))
            let text = try connection.first("SELECT value FROM meta WHERE key = 'log'") { $0.text(0) }
            guard let log = text.flatMap(LogID.init) else {
                throw SpoolError(.damaged, "\(connection.path): the log id is not readable")
            }
            return log
        } catch {
            throw SpoolError(wrapping: error)
        }
    }

    // A killed process leaves a WAL behind which there may be no room. Folded in, it is written from its beginning again.
    private static func identifyAnew(_ connection: Connection) throws(SpoolError) -> LogID {
        do { return try identify(connection, anew: true) } catch {
            guard error.code == .full else { throw error }
            _ = try? connection.checkpoint()
            return try identify(connection, anew: true)
        }
    }

    private static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }

    private static func highestNumber(_ connection: Connection) throws(SpoolError) -> Int64 {
        do {
            return try connection.first(
                "SELECT max(ifnull((SELECT max(n) FROM scan), 0), ifnull((SELECT max(n) FROM cursor), 0),"
                    + " ifnull((SELECT max(n) FROM mark), 0), ifnull((SELECT max(n) FROM exception), 0))"
            ) { $0.integer(0) } ?? 0
        } catch {
            throw SpoolError(error)
        }
    }

    private func load() throws(SpoolError) {
        do {
            let rows = try connection.rows("SELECT id, name, seq, appended, state FROM lane") {
                (
                    $0.text(1),
                    Lane(id: $0.integer(0), sequence: $0.integer(2), appended: $0.integer(3), state: $0.blob(4))
                )
            }
            for (name, lane) in rows { if let name = LaneID(name) { lanes[name] = lane } }
            let devices = try connection.rows("SELECT name, seq FROM device") { ($0.text(0), $0.integer(1)) }
            for (name, sequence) in devices {
                if let name = DeviceID(name) { deviceMarks[name] = max(sequence, deviceMarks[name] ?? 0) }
            }
        } catch {
            throw SpoolError(error)
        }
        try loadAssignments()
    }
}
