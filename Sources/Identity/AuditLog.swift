internal import Crypto
public import Database
internal import Model

/// Who changed what: rows in a chain of authentication codes, and the place of the last one, under a key that is derived
/// from the sealing key. A row that was changed, cut out, added or cut off at the end by somebody without that key is
/// seen. Not seen: the whole file put back as it was at an earlier time, and what somebody with the sealing key does.
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
    private let key: HMACKey

    init(_ connection: Connection, key: HMACKey) {
        self.connection = connection
        self.key = key
    }

    /// Keeps that there are no rows yet, in a new file.
    func begin() throws(DatabaseError) {
        let end = End(n: 0, code: [])
        try connection.run("INSERT OR IGNORE INTO meta VALUES ('audit', ?)", .text(end.text(key)))
    }

    /// Adds a row, in the caller's transaction.
    public func append(at wallMs: Int64, actor: String, action: String, subject: String, detail: String)
        throws(DatabaseError)
    {
        let last = try connection.first("SELECT max(n) FROM audit") { $0.integer(0) } ?? 0
        // By the kept end, not by the last row: a row that goes on where others were cut off would hide the cut. After
        // an end that was tampered with the row fits nothing, for good.
        let end = try end() ?? End(n: last, code: Array("no end".utf8))
        let entry = Entry(
            n: max(end.n, min(last, .max - 1)) + 1, atMs: wallMs, actor: actor, action: action, subject: subject,
            detail: detail)
        let code = key.authenticate(Self.message(entry, after: end.code))
        try connection.run(
            "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)", .integer(entry.n), .integer(wallMs), .text(actor),
            .text(action), .text(subject), .text(detail), .blob(code))
        try connection.run(
            "INSERT OR REPLACE INTO meta VALUES ('audit', ?)", .text(End(n: entry.n, code: code).text(key)))
    }

    /// The newest rows, the newest last.
    public func latest(_ count: Int) throws(DatabaseError) -> [Entry] {
        try connection.rows(
            "SELECT n, at_ms, actor, action, subject, detail FROM audit ORDER BY n DESC LIMIT ?",
            .integer(Int64(count)), row: Self.entry
        ).reversed()
    }

    /// The place of the first row that is missing or does not fit the chain, or nil where all are as they were written.
    public func firstFault() throws(DatabaseError) -> Int64? {
        let rows = try connection.rows("SELECT n, at_ms, actor, action, subject, detail, hash FROM audit ORDER BY n") {
            (Self.entry($0), $0.blob(6))
        }
        var previous: [UInt8] = []
        for (index, (entry, code)) in rows.enumerated() {
            guard entry.n == Int64(index + 1), key.isValid(code, for: Self.message(entry, after: previous)) else {
                return Int64(index + 1)
            }
            previous = code
        }
        guard let end = try end(), end.n == Int64(rows.count), end.code == previous else {
            return Int64(rows.count + 1)
        }
        return nil
    }

    /// Where the chain ends: kept apart from the rows, with a code of its own.
    private struct End {
        let n: Int64
        /// The last row's code; none where there is no row.
        let code: [UInt8]

        init(n: Int64, code: [UInt8]) { (self.n, self.code) = (n, code) }

        /// Nil for what this key did not make.
        init?(_ text: String, _ key: HMACKey) {
            let parts = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 3, let n = Int64(parts[0]), let code = Base64URL.decode(parts[1]),
                let seal = Base64URL.decode(parts[2])
            else { return nil }
            self.init(n: n, code: code)
            guard key.isValid(seal, for: message) else { return nil }
        }

        func text(_ key: HMACKey) -> String {
            "\(n) \(Base64URL.encode(code)) \(Base64URL.encode(key.authenticate(message)))"
        }

        private var message: [UInt8] { Array("end \(n)\n".utf8) + code }
    }

    private func end() throws(DatabaseError) -> End? {
        try connection.first("SELECT value FROM meta WHERE key = 'audit'") { $0.text(0) }.flatMap { End($0, key) }
    }

    private static func entry(_ row: Statement) -> Entry {
        Entry(
            n: row.integer(0), atMs: row.integer(1), actor: row.text(2), action: row.text(3), subject: row.text(4),
            detail: row.text(5))
    }

    private static func message(_ entry: Entry, after previous: [UInt8]) -> [UInt8] {
        // Each text by its own digest: two rows that differ only in where one text ends and the next begins differ.
        let texts = [entry.actor, entry.action, entry.subject, entry.detail]
        return Array("row \(entry.n) \(entry.atMs)\n".utf8) + previous
            + texts.flatMap { SHA256.digest(Array($0.utf8)) }
    }
}
