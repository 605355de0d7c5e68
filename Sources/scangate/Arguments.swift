internal import Gateway

/// The words of a command line, told apart into options and operands.
///
/// `--name VALUE` and `--name=VALUE` are the same; `--` ends the options. An option that a command does not know is an
/// error that names the nearest one.
struct Arguments {
    /// What an option is called and whether a value follows it.
    struct Option {
        let name: String
        let takesValue: Bool

        /// `--name VALUE`.
        static func value(_ name: String) -> Option { Option(name: name, takesValue: true) }
        /// `--name`.
        static func flag(_ name: String) -> Option { Option(name: name, takesValue: false) }
    }

    private(set) var operands: [String] = []
    private var values: [String: [String]] = [:]

    /// Options that every command has.
    static let common: [Option] = [.value("config"), .flag("json"), .flag("help")]

    init(_ words: some Sequence<String>, options: [Option]) throws(CommandError) {
        let known = options + Self.common
        var rest = Array(words)[...]
        while let word = rest.popFirst() {
            if word == "--" {
                operands += rest
                return
            }
            guard word.hasPrefix("--") || word == "-h" else {
                operands.append(word)
                continue
            }
            let text = word == "-h" ? "help" : word.dropFirst(2)
            // `--name=` is the empty value, and not the next word.
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts.first ?? ""
            guard let option = known.first(where: { $0.name == name }) else {
                let names = known.map { "--\($0.name)" }.joined(separator: " ")
                throw CommandError("there is no option --\(name) here", hint: "there is: \(names)", exit: .usage)
            }
            var value = "true"
            if option.takesValue {
                guard let given = parts.count == 2 ? parts[1] : rest.popFirst() else {
                    throw CommandError("--\(name) needs a value", exit: .usage)
                }
                value = given
            } else if parts.count == 2 {
                throw CommandError("--\(name) takes no value", exit: .usage)
            }
            values[name, default: []].append(value)
        }
    }

    /// The last value given for an option, or nil.
    subscript(_ name: String) -> String? { values[name]?.last }
    /// Every value given for an option, in order.
    func all(_ name: String) -> [String] { values[name] ?? [] }
    /// Whether a flag was given.
    func has(_ name: String) -> Bool { values[name] != nil }

    /// Exactly these operands, by name; otherwise an error that says what is missing or too much.
    func operands(_ names: String...) throws(CommandError) -> [String] {
        guard operands.count == names.count else {
            throw CommandError(
                operands.count < names.count
                    ? "\(names[operands.count]) is missing" : "too many words: \(operands[names.count])",
                hint: "see --help", exit: .usage)
        }
        return operands
    }
}
