internal import Crypto
public import Database
internal import Model

/// Who changed what: rows in a chain of hashes, so that one that was changed or cut out is seen.
public struct AuditLog {
    /// One row.
    public struct Entry: Sendable, Equatable {
        /// Its place, from 1.
        public let n: Int64
        /// When, milliseconds since 1970.
        public let atMs: Int64
        /// Who: user, number, process.
        public let actor: String
        /// What, as the command is named: `device add`.
        public let action: String
        /// To what.
        public let subject: String
        /// With what arguments; never a secret.
        public let detail: String
    }

    private let connection: Connection

    init(_ connection: Connection) { self.connection = connection }

    /// Adds a row; part of the caller's transaction where there is one.
    public func append(at wallMs: Int64, actor: String, action: String, subject: String, detail: String)
        throws(DatabaseError)
    {
        let last = try connection.first("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1") {
            ($0.integer(0), $0.blob(1))
        }
        let entry = Entry(
            n: (last?.0 ?? 0) + 1, atMs: wallMs, actor: actor, action: action, subject: subject, detail: detail)
        try connection.run(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", .integer(entry.n), .integer(wallMs), .text(actor),
            .text(action), .text(subject), .text(detail), .blob(Self.hash(entry, after: last?.1 ?? [])))
    }

    /// The newest rows, the newest last.
    public func latest(_ count: Int) throws(DatabaseError) -> [Entry] {
        try connection.rows(
            "SELECT n, at_ms, actor, action, subject, detail FROM audit ORDER BY n DESC LIMIT ?",
            .integer(Int64(count)), row: Self.entry
        ).reversed()
    }

    /// The place of the first row that does not fit the chain, or nil where all do.
    public func firstFault() throws(DatabaseError) -> Int64? {
        let rows = try connection.rows("SELECT n, at_ms, actor, action, subject, detail, hash FROM audit ORDER BY n") {
            (Self.entry($0), $0.blob(6))
        }
        var previous: [UInt8] = []
        for (index, (entry, hash)) in rows.enumerated() {
            guard entry.n == Int64(index + 1), hash == Self.hash(entry, after: previous) else {
                return Int64(index + 1)
            }
            previous = hash
        }
        return nil
    }

    private static func entry(_ row: Statement) -> Entry {
        Entry(
            n: row.integer(0), atMs: row.integer(1), actor: row.text(2), action: row.text(3), subject: row.text(4),
            detail: row.text(5))
    }

    private static func hash(_ entry: Entry, after previous: [UInt8]) -> [UInt8] {
        // Each text by its own digest: two rows that differ only in where one text ends and the next begins differ.
        let texts = [entry.actor, entry.action, entry.subject, entry.detail]
        return SHA256.digest(
            previous + Array("\(entry.n) \(entry.atMs)\n".utf8) + texts.flatMap { SHA256.digest(Array($0.utf8)) })
    }
}
