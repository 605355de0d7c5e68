internal import Database
internal import Model
internal import Posix

/// Opening the file, and what is believed of it.
extension Spool {
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

    static func open(_ path: String) throws -> Connection {
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
    static func identifyAnew(_ connection: Connection) throws(SpoolError) -> LogID {
        do { return try identify(connection, anew: true) } catch {
            guard error.code == .full else { throw error }
            _ = try? connection.checkpoint()
            return try identify(connection, anew: true)
        }
    }

    private static func bytes(of word: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }

    static func highestNumber(_ connection: Connection) throws(SpoolError) -> Int64 {
        do {
            return try connection.first(
                "SELECT max(ifnull((SELECT max(n) FROM scan), 0), ifnull((SELECT max(n) FROM cursor), 0),"
                    + " ifnull((SELECT max(n) FROM mark), 0), ifnull((SELECT max(n) FROM exception), 0))"
            ) { $0.integer(0) } ?? 0
        } catch {
            throw SpoolError(error)
        }
    }

    func load() throws(SpoolError) {
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
