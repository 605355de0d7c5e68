internal import CSQLite

/// One connection to an SQLite file, with its prepared statements.
///
/// Opened without SQLite's own mutexes (`SQLITE_OPEN_NOMUTEX`): a connection belongs to one thread at a time, and its
/// owner (an actor, or a lock) sees to that. Extended result codes are on.
public final class Connection {
    /// The file.
    public let path: String
    private let busyTimeoutMs: Int32
    private var handle: OpaquePointer?
    private var statements: [String: Statement] = [:]

    // Before the first connection only; a failure means that counting goes on, and nothing else.
    private static let isConfigured = scangate_sqlite_stop_counting() == SQLITE_OK

    /// How a file is opened.
    public enum Mode: Sendable {
        /// Made where it is missing, 0600 by the process's umask.
        case create
        /// Must be there.
        case readWrite
        /// Must be there; nothing is written.
        case readOnly
    }

    /// Opens the file; waits up to `busyTimeoutMs` for other connections' locks.
    public init(path: String, mode: Mode = .create, busyTimeoutMs: Int32 = 5000) throws(DatabaseError) {
        (self.path, self.busyTimeoutMs) = (path, busyTimeoutMs)
        let flags =
            switch mode {
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly: SQLITE_OPEN_READONLY
            }
        _ = Self.isConfigured
        let status = sqlite3_open_v2(path, &handle, flags | SQLITE_OPEN_NOMUTEX, nil)
        guard status == SQLITE_OK, let handle else {
            let error = DatabaseError(
                code: handle.map(sqlite3_extended_errcode) ?? status,
                message: handle.map { String(cString: sqlite3_errmsg($0)) } ?? "cannot be opened", path: path, sql: "")
            sqlite3_close_v2(handle)
            self.handle = nil
            throw error
        }
        sqlite3_extended_result_codes(handle, 1)
        sqlite3_busy_timeout(handle, busyTimeoutMs)
    }

    deinit { close() }

    /// Closes the file. Statements of this connection must not be used afterwards.
    public func close() {
        for statement in statements.values { statement.finalize() }
        statements.removeAll()
        sqlite3_close_v2(handle)
        handle = nil
    }

    /// Runs statements that return nothing of interest, one after the other.
    public func execute(_ sql: String) throws(DatabaseError) {
        let status = sqlite3_exec(handle, sql, nil, nil, nil)
        guard status == SQLITE_OK else { throw error(sql) }
    }

    /// The prepared statement for this text, reset and with nothing bound; prepared once a connection.
    public func statement(_ sql: String) throws(DatabaseError) -> Statement {
        if let cached = statements[sql] {
            cached.reset()
            return cached
        }
        var prepared: OpaquePointer?
        let status = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard status == SQLITE_OK, let prepared else { throw error(sql) }
        let statement = Statement(prepared, sql: sql, connection: self)
        statements[sql] = statement
        return statement
    }

    /// Runs one statement with these values.
    public func run(_ sql: String, _ values: Value...) throws(DatabaseError) {
        let statement = try statement(sql)
        statement.bind(values)
        try statement.run()
    }

    /// The rows of a query, each made by `row`.
    public func rows<T>(_ sql: String, _ values: Value..., row: (Statement) -> T) throws(DatabaseError) -> [T] {
        let statement = try statement(sql)
        statement.bind(values)
        defer { statement.reset() }
        var out: [T] = []
        while try statement.step() { out.append(row(statement)) }
        return out
    }

    /// The first row of a query, made by `row`, or nil.
    public func first<T>(_ sql: String, _ values: Value..., row: (Statement) -> T) throws(DatabaseError) -> T? {
        let statement = try statement(sql)
        statement.bind(values)
        defer { statement.reset() }
        return try statement.step() ? row(statement) : nil
    }

    /// Runs `body` between BEGIN IMMEDIATE and COMMIT; rolls back where it throws.
    public func transaction<T>(_ body: () throws -> T) throws -> T {
        try execute("BEGIN IMMEDIATE")
        do {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            rollback()
            throw error
        }
    }

    /// Ends a transaction without effect; does nothing outside one.
    public func rollback() {
        // SQLite ends the transaction by itself after some errors; a ROLLBACK then fails, which changes nothing.
        if sqlite3_get_autocommit(handle) == 0 { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    }

    /// The rowid of the last row inserted.
    public var lastInsertedRow: Int64 { sqlite3_last_insert_rowid(handle) }

    /// The rows that the last INSERT, UPDATE or DELETE touched.
    public var changes: Int { Int(sqlite3_changes(handle)) }

    /// What a checkpoint did.
    public struct CheckpointResult: Sendable, Equatable {
        /// Frames in the WAL.
        public let logFrames: Int
        /// Frames that are in the database file now.
        public let checkpointed: Int
    }

    /// Moves committed pages from the WAL into the file, as far as readers allow (`SQLITE_CHECKPOINT_PASSIVE`), or
    /// to the end with the WAL cut to nothing (`truncating`).
    ///
    /// - Parameter patienceMs: how long the latter waits for readers; nil for as long as all else does. It does not wait for
    ///   another connection's checkpoint (sqlite.org/c3ref/wal_checkpoint_v2.html): kind `busy` in either case.
    @discardableResult
    public func checkpoint(truncating: Bool = false, patienceMs: Int32? = nil) throws(DatabaseError)
        -> CheckpointResult
    {
        if let patienceMs { sqlite3_busy_timeout(handle, patienceMs) }
        defer { if patienceMs != nil { sqlite3_busy_timeout(handle, busyTimeoutMs) } }
        var log: Int32 = 0
        var done: Int32 = 0
        let mode = truncating ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let status = sqlite3_wal_checkpoint_v2(handle, nil, mode, &log, &done)
        guard status == SQLITE_OK else { throw error("checkpoint") }
        return CheckpointResult(logFrames: Int(log), checkpointed: Int(done))
    }

    /// Writes the WAL's bytes back to where they are, and syncs them. Whatever is read from this connection afterwards is on
    /// stable storage; takes the lock of writers.
    ///
    /// After a sync that failed the kernel takes what it could not write for written: it is read, and no later sync writes it
    /// (wiki.postgresql.org/wiki/Fsync_Errors). A commit behind such a gap would go with the power. What a killed process
    /// wrote and did not sync is read as well.
    public func makeLogDurable() throws(DatabaseError) {
        try execute("BEGIN IMMEDIATE")
        defer { rollback() }
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) == SQLITE_OK, let file,
            let methods = file.pointee.pMethods?.pointee
        else { return }
        var size: Int64 = 0
        var status = methods.xFileSize(file, &size)
        // SQLite writes less than 128 KiB at a time.
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var place: Int64 = 0
        while status == SQLITE_OK, place < size {
            let count = Int32(min(Int64(bytes.count), size - place))
            status = methods.xRead(file, &bytes, count, place)
            if status == SQLITE_OK { status = methods.xWrite(file, bytes, count, place) }
            place += Int64(count)
        }
        if status == SQLITE_OK && size > 0 { status = methods.xSync(file, SQLITE_SYNC_NORMAL) }
        guard status == SQLITE_OK else {
            throw DatabaseError(code: status, message: "the WAL cannot be written again", path: path, sql: "")
        }
    }

    func error(_ sql: String) -> DatabaseError {
        DatabaseError(
            code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)), path: path,
            sql: sql)
    }
}
