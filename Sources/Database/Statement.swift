internal import CSQLite

/// One value bound to a statement.
public enum Value: Sendable, Equatable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
}

/// One prepared statement. Belongs to its connection's thread; made and cached by `Connection.statement`.
public final class Statement {
    private var handle: OpaquePointer?
    private let sql: String
    private unowned let connection: Connection

    init(_ handle: OpaquePointer, sql: String, connection: Connection) {
        self.handle = handle
        self.sql = sql
        self.connection = connection
    }

    func finalize() {
        sqlite3_finalize(handle)
        handle = nil
    }

    /// Makes the statement ready to run again and forgets what was bound.
    public func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    /// Binds an integer; parameters count from 1.
    public func bind(_ index: Int32, _ value: Int64) { sqlite3_bind_int64(handle, index, value) }

    /// Binds text; SQLite copies it.
    public func bind(_ index: Int32, _ value: String) {
        var value = value
        value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                _ = scangate_bind_text(handle, index, $0.baseAddress, Int32($0.count))
            }
        }
    }

    /// Binds bytes; SQLite copies them.
    public func bind(_ index: Int32, _ value: [UInt8]) {
        value.withUnsafeBufferPointer { _ = scangate_bind_blob(handle, index, $0.baseAddress, Int32($0.count)) }
    }

    /// Binds bytes that SQLite reads where they are, and runs the statement, which returns no rows.
    public func run(_ index: Int32, _ bytes: UnsafeBufferPointer<UInt8>) throws(DatabaseError) {
        scangate_bind_static_blob(handle, index, bytes.baseAddress, Int32(bytes.count))
        // A statement that is kept must not point at memory that may go.
        defer {
            sqlite3_reset(handle)
            sqlite3_bind_null(handle, index)
        }
        guard sqlite3_step(handle) == SQLITE_DONE else { throw connection.error(sql) }
    }

    /// Binds values from the first parameter on.
    public func bind(_ values: [Value]) {
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            switch value {
            case .null: sqlite3_bind_null(handle, place)
            case .integer(let number): bind(place, number)
            case .text(let text): bind(place, text)
            case .blob(let bytes): bind(place, bytes)
            }
        }
    }

    /// Goes to the next row; false at the end, and the statement is then reset.
    public func step() throws(DatabaseError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            sqlite3_reset(handle)
            return false
        default:
            let error = connection.error(sql)
            sqlite3_reset(handle)
            throw error
        }
    }

    /// Runs the statement to its end.
    public func run() throws(DatabaseError) {
        while try step() {}
    }

    /// A column of the current row as an integer; columns count from 0.
    public func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    /// A column as text; empty for NULL.
    public func text(_ column: Int32) -> String {
        guard let start = sqlite3_column_text(handle, column) else { return "" }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// A column's bytes; none for NULL.
    public func blob(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    /// Whether a column is NULL.
    public func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }
}
