internal import JSON
internal import Model
internal import TOML

/// A TOML value that knows its file, so that values of several files can stand in one tree.
struct ConfigurationNode: Sendable, Equatable {
    struct Member: Sendable, Equatable {
        let key: String
        let origin: ConfigurationOrigin
        var value: ConfigurationNode
    }

    enum Kind: Sendable, Equatable {
        case string(String)
        case integer(Int64)
        case real(Double)
        case boolean(Bool)
        case dateTime(String)
        case array([ConfigurationNode])
        case table([Member])
    }

    var kind: Kind
    let origin: ConfigurationOrigin

    init(_ kind: Kind, _ origin: ConfigurationOrigin) {
        self.kind = kind
        self.origin = origin
    }

    /// A parsed file; a value of which the parser does not know the line is where `fallback` says.
    init(_ value: TOMLValue, file: String, fallback: Int = 1) {
        let line = value.position.line > 0 ? value.position.line : fallback
        origin = ConfigurationOrigin(file: file, line: line)
        kind =
            switch value.kind {
            case .string(let text): .string(text)
            case .integer(let number): .integer(number)
            case .real(let number): .real(number)
            case .boolean(let truth): .boolean(truth)
            case .dateTime(let text): .dateTime(text)
            case .array(let elements): .array(elements.map { ConfigurationNode($0, file: file, fallback: line) })
            case .table(let members):
                .table(
                    members.map { member in
                        let place = member.position.line > 0 ? member.position.line : line
                        return Member(
                            key: member.key, origin: ConfigurationOrigin(file: file, line: place),
                            value: ConfigurationNode(member.value, file: file, fallback: place))
                    })
            }
    }

    /// What people call this kind of value.
    var kindName: String {
        switch kind {
        case .string: "a text"
        case .integer: "an integer"
        case .real: "a number with a fraction"
        case .boolean: "true or false"
        case .dateTime: "a date or time"
        case .array: "a list"
        case .table: "a table"
        }
    }

    private var holdsTables: Bool {
        guard case .array(let elements) = kind else { return false }
        return elements.contains { if case .table = $0.kind { true } else { false } }
    }

    /// Lays a later file over this one: tables merge, arrays of tables append, anything else is replaced.
    mutating func merge(_ later: ConfigurationNode) {
        switch (kind, later.kind) {
        case (.table(var members), .table(let added)):
            for member in added {
                if let place = members.firstIndex(where: { $0.key == member.key }) {
                    var merged = members[place].value
                    merged.merge(member.value)
                    members[place] = Member(key: member.key, origin: member.origin, value: merged)
                } else {
                    members.append(member)
                }
            }
            kind = .table(members)
        case (.array(let elements), .array(let added)) where holdsTables || later.holdsTables:
            kind = .array(elements + added)
        default: self = later
        }
    }

    /// The value as TOML writes it, on one line.
    var toml: String {
        switch kind {
        case .string(let text): "\"\(Safe.text(text, limit: 4096).replacingQuotes)\""
        case .integer(let number): String(number)
        case .real(let number): String(number)
        case .boolean(let truth): String(truth)
        case .dateTime(let text): text
        case .array(let elements): "[" + elements.map(\.toml).joined(separator: ", ") + "]"
        case .table(let members): "{ " + members.map { "\($0.key) = \($0.value.toml)" }.joined(separator: ", ") + " }"
        }
    }

    /// Writes the value as JSON.
    func write(to json: inout JSONWriter) {
        switch kind {
        case .string(let text), .dateTime(let text): json.string(text)
        case .integer(let number): json.integer(number)
        case .real(let number): json.real(number)
        case .boolean(let truth): json.bool(truth)
        case .array(let elements): json.array { for element in elements { element.write(to: &$0) } }
        case .table(let members):
            json.object {
                for member in members {
                    $0.key(member.key)
                    member.value.write(to: &$0)
                }
            }
        }
    }
}

extension String {
    fileprivate var replacingQuotes: String {
        split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"")
    }
}
