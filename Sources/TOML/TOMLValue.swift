/// A place in a text; lines and columns count from 1, 0 where the parser does not say.
public struct TOMLPosition: Sendable, Equatable {
    /// The line.
    public let line: Int
    /// The column, in characters.
    public let column: Int

    /// Both numbers.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }
}

/// One `key = value` of a table, with the place of its key.
public struct TOMLMember: Sendable, Equatable {
    /// The key, without quotes.
    public let key: String
    /// Where the key stands.
    public let position: TOMLPosition
    /// What it is set to.
    public let value: TOMLValue

    /// All three.
    public init(key: String, position: TOMLPosition, value: TOMLValue) {
        self.key = key
        self.position = position
        self.value = value
    }
}

/// A TOML value and where it stands in its text.
public struct TOMLValue: Sendable, Equatable {
    /// What a value is.
    public enum Kind: Sendable, Equatable {
        case string(String)
        case integer(Int64)
        case real(Double)
        case boolean(Bool)
        /// A date, a time or both, as TOML writes it.
        case dateTime(String)
        case array([TOMLValue])
        /// Members in the order in which they were written.
        case table([TOMLMember])
    }

    /// What it is.
    public let kind: Kind
    /// Where it stands.
    public let position: TOMLPosition

    /// Both parts.
    public init(_ kind: Kind, at position: TOMLPosition) {
        self.kind = kind
        self.position = position
    }

    /// The member of that name, or nil where this is no table or has none.
    public subscript(_ key: String) -> TOMLMember? {
        guard case .table(let members) = kind else { return nil }
        return members.first { $0.key == key }
    }
}

/// The first thing in a text that is not TOML, and where.
public struct TOMLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, in the parser's words; may quote the text, so it is as hostile as that.
    public let message: String
    /// Where.
    public let position: TOMLPosition

    /// A sentence for people.
    public var description: String { "line \(position.line), column \(position.column): \(message)" }
}
