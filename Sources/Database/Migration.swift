/// The schema's version, kept in `PRAGMA user_version`, and the way from each version to the next.
public struct Migrations: Sendable {
    /// A file made by a later version of the program: it is left untouched.
    public struct NewerSchema: Error, Sendable, Equatable, CustomStringConvertible {
        /// The file.
        public let path: String
        /// Its version.
        public let found: Int64
        /// The newest version known here.
        public let known: Int64
        /// A sentence for people, with the way out.
        public var description: String {
            "\(path): schema version \(found), this scangate knows up to \(known); "
                + "it was written by a later version: install that version again (nothing was changed)"
        }
    }

    private let steps: [String]

    /// `steps[0]` makes version 1 of an empty file, `steps[1]` version 2 of version 1, and so on.
    public init(_ steps: [String]) { self.steps = steps }

    /// Throws `NewerSchema` for a file of a later version, of which not a byte changes: it is opened for reading only, which
    /// neither folds its WAL in nor removes it. Call it before anything else opens the file; what else is wrong with it is
    /// left to that.
    public func refuseNewer(_ path: String) throws(NewerSchema) {
        guard let connection = try? Connection(path: path, mode: .readOnly),
            let found = (try? connection.first("PRAGMA user_version") { $0.integer(0) }) ?? nil
        else { return }
        connection.close()
        if found > Int64(steps.count) { throw NewerSchema(path: path, found: found, known: Int64(steps.count)) }
    }

    /// Brings the file to the newest version; each step and its version number in one transaction.
    ///
    /// - Throws: `NewerSchema`, `DatabaseError`.
    public func apply(to connection: Connection) throws {
        let found = try connection.first("PRAGMA user_version") { $0.integer(0) } ?? 0
        guard found <= Int64(steps.count) else {
            throw NewerSchema(path: connection.path, found: found, known: Int64(steps.count))
        }
        for (index, step) in steps.enumerated().dropFirst(Int(found)) {
            try connection.transaction {
                try connection.execute(step)
                try connection.execute("PRAGMA user_version = \(index + 1)")
            }
        }
    }
}
