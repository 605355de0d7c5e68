/// A table that has been checked against the schema: each value is of its key's kind, and defaults are filled in.
struct ConfigurationTable: Sendable, Equatable {
    /// One value; nil as origin means the default.
    struct Value: Sendable, Equatable {
        enum Content: Sendable, Equatable {
            case text(String)
            case texts([String])
            /// A number, the milliseconds of a duration or the bytes of a size.
            case integer(Int64)
            case boolean(Bool)
            case table(ConfigurationTable)
            case tables([ConfigurationTable])
            case named([(name: String, table: ConfigurationTable)])

            static func == (left: Content, right: Content) -> Bool {
                switch (left, right) {
                case (.text(let a), .text(let b)): a == b
                case (.texts(let a), .texts(let b)): a == b
                case (.integer(let a), .integer(let b)): a == b
                case (.boolean(let a), .boolean(let b)): a == b
                case (.table(let a), .table(let b)): a == b
                case (.tables(let a), .tables(let b)): a == b
                case (.named(let a), .named(let b)):
                    a.count == b.count && zip(a, b).allSatisfy { $0.name == $1.name && $0.table == $1.table }
                default: false
                }
            }
        }

        var content: Content
        let origin: ConfigurationOrigin?
        /// As it was written, for a scalar.
        let node: ConfigurationNode?
    }

    /// The path of the table, such as `uplink[1].auth`; empty for the root.
    let path: String
    /// Where the table begins, or where it is missing.
    let origin: ConfigurationOrigin
    /// False where nobody wrote the table.
    let written: Bool
    var values: [String: Value] = [:]

    init(path: String, origin: ConfigurationOrigin, written: Bool) {
        self.path = path
        self.origin = origin
        self.written = written
    }

    /// The full name of a key of this table.
    func path(of key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    /// Where a key was written, or the table where it was not.
    func origin(of key: String) -> ConfigurationOrigin { values[key]?.origin ?? origin }

    /// Whether somebody wrote the key.
    func has(_ key: String) -> Bool { values[key]?.origin != nil }

    func text(_ key: String) -> String? {
        if case .text(let text)? = values[key]?.content { text } else { nil }
    }

    func texts(_ key: String) -> [String] {
        if case .texts(let texts)? = values[key]?.content { texts } else { [] }
    }

    func integer(_ key: String) -> Int64? {
        if case .integer(let number)? = values[key]?.content { number } else { nil }
    }

    func duration(_ key: String) -> Duration? { integer(key).map { .milliseconds($0) } }

    func boolean(_ key: String) -> Bool? {
        if case .boolean(let truth)? = values[key]?.content { truth } else { nil }
    }

    /// One of an enumeration's words.
    func choice<T: RawRepresentable<String>>(_ key: String) -> T? { text(key).flatMap { T(rawValue: $0) } }

    /// A table within this one; an empty one where it is missing.
    func table(_ key: String) -> ConfigurationTable {
        if case .table(let table)? = values[key]?.content { return table }
        return ConfigurationTable(path: path(of: key), origin: origin, written: false)
    }

    func tables(_ key: String) -> [ConfigurationTable] {
        if case .tables(let tables)? = values[key]?.content { tables } else { [] }
    }

    func named(_ key: String) -> [(name: String, table: ConfigurationTable)] {
        if case .named(let named)? = values[key]?.content { named } else { [] }
    }
}
