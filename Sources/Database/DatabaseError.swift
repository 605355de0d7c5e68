internal import CSQLite

/// What SQLite said no to.
public struct DatabaseError: Error, Sendable, Equatable, CustomStringConvertible {
    /// SQLite's extended result code (sqlite.org/rescode.html).
    public let code: Int32
    /// SQLite's own words.
    public let message: String
    /// The file.
    public let path: String
    /// The statement, or empty.
    public let sql: String

    /// A sentence for people.
    public var description: String {
        "\(path): \(message) (SQLite \(code))" + (sql.isEmpty ? "" : " in: \(sql)")
    }

    /// What kind of trouble it is, by the primary result code.
    public enum Kind: Sendable {
        /// No room left on the filesystem.
        case full
        /// The filesystem reads or writes wrongly, or refuses to.
        case inputOutput
        /// The file is damaged, or no database.
        case corrupt
        /// The file or filesystem is read-only, or may not be opened.
        case denied
        /// Another connection holds the lock.
        case busy
        /// A statement broke a constraint, or anything else: a mistake of ours.
        case other
    }

    /// What kind of trouble it is.
    public var kind: Kind {
        // The latter: the shared memory, a file beside the database, could not be given its length.
        switch code == SQLITE_FULL || code == SQLITE_IOERR | 19 << 8 ? SQLITE_FULL : code & 0xFF {
        case SQLITE_FULL: .full
        case SQLITE_IOERR: .inputOutput
        case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
        case SQLITE_READONLY, SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .denied
        case SQLITE_BUSY, SQLITE_LOCKED: .busy
        default: .other
        }
    }
}
