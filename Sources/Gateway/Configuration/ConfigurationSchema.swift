internal import Scanners

/// Every key of the configuration: what checks, `config show` and the reference have in common.
public struct ConfigurationSchema: Sendable {
    /// One key.
    public struct Key: Sendable {
        /// Its name, as written.
        public let name: String
        /// What may be written.
        public let kind: Kind
        /// What holds where the key is missing.
        public let standard: Standard
        /// What it is for, a sentence.
        public let about: String
        /// Checked, but without effect in this version.
        public let later: Bool

        init(_ name: String, _ kind: Kind, _ standard: Standard, _ about: String, later: Bool = false) {
            self.name = name
            self.kind = kind
            self.standard = standard
            self.about = about
            self.later = later
        }
    }

    /// What holds where a key is missing.
    public enum Standard: Sendable {
        /// This value, as TOML writes it.
        case value(String)
        /// Something that depends on other things; a phrase.
        case computed(String)
        /// Nothing: the key must be there, at least where it applies.
        case required
        /// Nothing.
        case none
    }

    /// What may be written for a key.
    public indirect enum Kind: Sendable {
        /// Text of at most so many bytes, without control characters.
        case text(max: Int)
        /// A name: 1 to 63 of `A-Z a-z 0-9 . _ -`.
        case name
        /// One name, or a list of them.
        case names
        case boolean
        case integer(ClosedRange<Int64>)
        /// A text such as `15 s`; the range is in milliseconds.
        case duration(ClosedRange<Int64>)
        /// A text such as `4 GiB`, or an integer of bytes; the range is in bytes.
        case size(ClosedRange<Int64>)
        /// One of these words.
        case choice([String])
        /// An absolute path that need not exist yet, of at most so many bytes.
        case path(max: Int)
        /// An absolute path of a file that must exist and be readable; where it holds a secret, by its owner alone.
        case file(secret: Bool)
        /// A PCRE2 regular expression.
        case pattern
        /// A path within a URL.
        case urlPath
        /// One URL, or a list of them.
        case urls
        /// HOST:PORT.
        case listen
        /// A USB id, or a pattern of ids.
        case usb
        /// A list of at most so many texts, each of that kind.
        case list(Kind, max: Int)
        /// A table with these keys.
        case table([Key])
        /// A list of tables with these keys.
        case tables([Key])
        /// Tables with these keys, each under a name of its own.
        case named([Key])
    }

    /// The sections.
    public let keys: [Key]

    /// Whether the value of this kind is the path of a file that holds a secret.
    static func isSecret(_ kind: Kind) -> Bool { if case .file(secret: true) = kind { true } else { false } }

    /// The keys of a table, a list of tables or named tables.
    static func members(of kind: Kind) -> [Key]? {
        switch kind {
        case .table(let keys), .tables(let keys), .named(let keys): keys
        default: nil
        }
    }

    /// The sections in which a key of this name stands.
    func sections(of name: String) -> [String] {
        keys.filter { section in ConfigurationSchema.members(of: section.kind)?.contains { $0.name == name } == true }
            .map(\.name)
    }
}

extension ConfigurationSchema.Kind {
    /// What it is called in messages and in the reference.
    public var title: String {
        switch self {
        case .text: "text"
        case .name: "name"
        case .names: "name, or list of names"
        case .boolean: "true or false"
        case .integer: "integer"
        case .duration: "duration"
        case .size: "size"
        case .choice: "choice"
        case .path: "path"
        case .file(let secret): secret ? "secret file" : "file"
        case .pattern: "regular expression"
        case .urlPath: "URL path"
        case .urls: "URL, or list of URLs"
        case .listen: "HOST:PORT"
        case .usb: "USB id"
        case .list(let kind, _): "list of \(kind.title)s"
        case .table: "table"
        case .tables: "list of tables"
        case .named: "tables by name"
        }
    }

    /// What it is called in a sentence.
    var phrase: String {
        switch self {
        case .boolean: title
        case .integer: "an integer"
        case .urls: "a URL"
        case .names: "a name"
        case .named: "a table"
        default: "a " + title
        }
    }

    /// What may be written, in words.
    public var range: String {
        switch self {
        case .text(let max): "at most \(max) bytes, no control characters"
        case .name, .names: "1 to 63 of A-Z a-z 0-9 . _ -, the first a letter or digit"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .duration(let range):
            "\(ConfigurationUnits.duration(range.lowerBound)) to \(ConfigurationUnits.duration(range.upperBound))"
        case .size(let range):
            "\(ConfigurationUnits.size(range.lowerBound)) to \(ConfigurationUnits.size(range.upperBound))"
        case .choice(let words): words.map { "\"\($0)\"" }.joined(separator: ", ")
        case .path(let max): "absolute, at most \(max) bytes"
        case .file(let secret): secret ? "absolute; mode 0600, or below /run/credentials" : "absolute, readable"
        case .pattern: "PCRE2 over bytes, at most 4096 bytes"
        case .urlPath: "begins with /"
        case .urls: "https:// or http://, host, port, path; mqtts:// or mqtt://, host, port"
        case .listen: "127.0.0.1:8470, [::1]:8470"
        case .usb: DeviceProfile.USBPattern.rule
        case .list(let kind, let max): "at most \(max); each \(kind.range)"
        case .boolean, .table, .tables, .named: ""
        }
    }

    /// How such a value is written, for advice.
    var example: String {
        switch self {
        case .text, .name, .path, .file, .pattern, .urlPath: "a text in quotes"
        case .usb: DeviceProfile.USBPattern.rule
        case .list(let kind, _): "a list in brackets of \(kind.title)s in quotes"
        case .names: "a name in quotes, or a list of them"
        case .boolean: "true or false"
        case .integer: "an integer without quotes"
        case .duration: "a number with a unit, such as \"1500 ms\", \"15 s\", \"20 min\", \"2 h\" or \"30 d\""
        case .size: "a number with a unit, such as \"256 MiB\" or \"4 GiB\", or an integer of bytes"
        case .choice: "one of \(range)"
        case .urls: "a URL in quotes, or a list of them"
        case .listen: "\"127.0.0.1:8470\""
        case .table: "[NAME] or { … }"
        case .tables: "[[NAME]]"
        case .named: "[NAME.ITS-NAME]"
        }
    }
}
