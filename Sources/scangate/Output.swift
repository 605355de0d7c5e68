internal import Gateway
internal import Glibc
internal import JSON
internal import Model

/// What the CLI prints. Every text that may come from a label, a file or a backend is escaped on its way out.
enum Output {
    /// Prints text that is this program's own.
    static func text(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }

    /// Prints one line of text that is this program's own.
    static func line(_ text: String) { self.text(text + "\n") }

    /// Prints a result as one line of JSON.
    static func json(_ value: JSONValue) {
        var json = JSONWriter()
        json.value(value)
        text(String(decoding: json.bytes, as: UTF8.self) + "\n")
    }

    /// Prints an error to standard error, each of its lines escaped.
    static func error(_ error: CommandError) {
        var lines = error.message.split(separator: "\n").map { Safe.text(String($0), limit: 2000) }
        if lines.count == 1 { lines[0] = "scangate: " + lines[0] }
        if !error.hint.isEmpty { lines.append("  " + Safe.text(error.hint, limit: 2000)) }
        let bytes = Array((lines.joined(separator: "\n") + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    }

    /// Prints rows under a heading, columns aligned; every cell is escaped.
    static func table(_ heading: [String], _ rows: [[String]]) {
        let cells = [heading] + rows.map { $0.map { Safe.text($0, limit: 120) } }
        let widths = heading.indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
        for row in cells {
            let padded = zip(row, widths).map { $0 + String(repeating: " ", count: max(0, $1 - $0.count)) }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            self.line(line)
        }
    }
}

extension JSONValue {
    /// A member as a cell: text, number, yes or no; empty for null and what is missing.
    func cell(_ key: String) -> String {
        switch self[key] {
        case .string(let text): text
        case .integer(let number): String(number)
        case .bool(let truth): truth ? "yes" : "no"
        case .array(let values): values.compactMap(\.string).joined(separator: ",")
        default: ""
        }
    }

    /// The elements of a member that is a list.
    func list(_ key: String) -> [JSONValue] { self[key]?.array ?? [] }
}

extension Arguments {
    /// Where the configuration is: `--config`, `$SCANGATE_CONFIG`, or the default.
    var configurationPath: String {
        Configuration.path(option: self["config"]) { name in getenv(name).map { String(cString: $0) } }
    }

    /// The daemon where one runs, else the same files.
    func session() throws(CommandError) -> CommandSession { try CommandSession(configurationAt: configurationPath) }

    /// Asks for a command and prints the result: as JSON with `--json`, else as `print` does; `seen` gets it first.
    func perform(
        _ command: String, _ arguments: [(key: String, value: JSONValue)] = [], seen: (JSONValue) -> Void = { _ in },
        print: (JSONValue) throws -> Void
    ) async throws {
        let result = try await session().perform(ControlRequest(command, arguments))
        seen(result)
        if has("json") { Output.json(result) } else { try print(result) }
    }

    /// An option's value as an argument of a command; nothing where it is not given.
    func passing(_ names: String...) -> [(key: String, value: JSONValue)] {
        names.compactMap { name in self[name].map { (name, .string($0)) } }
    }

    /// An option that is a whole number, as an argument of a command.
    func passingNumber(_ name: String) throws(CommandError) -> [(key: String, value: JSONValue)] {
        guard let text = self[name] else { return [] }
        guard let number = Int64(text), number >= 0 else {
            throw CommandError("--\(name) \(Safe.text(text)): write a whole number", exit: .usage)
        }
        return [(name, .integer(number))]
    }
}
