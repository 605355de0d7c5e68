internal import Database
public import Model

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
///
/// Here: numbers, lanes, the commit. `+Rows`: what a commit writes. `+File`: opening. `+Room`: the bounds.
public final class Spool {
    /// The file.
    public let path: String
    /// A random id, another one with each start and each new file: within it, no number is used twice.
    public internal(set) var log: LogID
    /// What every lane has, by name.
    public internal(set) var lanes: [LaneID: Lane] = [:]
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
    public internal(set) var isPressed = false
    var connection: Connection
    let ballast: Ballast
    var keepsBallast = false
    /// The WAL was folded in for want of room, and nothing was committed since.
    var hasFolded = false
    /// It was said that there is room for the ballast, and no ballast.
    var hasWarnedOfBallast = false
    var lastMark: Int64 = .min
    var lastNumber: Int64
    /// False after a file was closed on a failure and could not be opened again.
    var isOpen = true
    /// The last numbers handed out in this log, committed or not: never cleared but for another log.
    var laneMarks: [LaneID: Int64] = [:]
    var deviceMarks: [DeviceID: Int64] = [:]
    var bytesAtLastLook: Int64 = 0
    var commitsSinceLook = 64

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

    /// Folds what readers leave free of the WAL into the file. Between commits only.
    public func checkpoint() throws(SpoolError) {
        guard isOpen else { throw closed }
        do { try connection.checkpoint() } catch { throw SpoolError(error) }
    }

    private var closed: SpoolError {
        SpoolError(
            .failing, "\(path) was closed after a failure", hint: "look at the disk: dmesg, and `scangate doctor`")
    }
}
