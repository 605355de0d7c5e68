public import JSON

/// One request over the control socket: a line of JSON. The reply is a line of JSON too; `watch` replies with lines
/// until the connection ends.
public struct ControlRequest: Sendable {
    /// The command as the CLI names it: `device add`.
    public var command: String
    /// Its arguments, an object.
    public var arguments: JSONValue

    /// A request.
    public init(_ command: String, _ arguments: [(key: String, value: JSONValue)] = []) {
        self.command = command
        self.arguments = .object(arguments)
    }

    /// The longest request: 64 KiB.
    static let maximumBytes = 65_536

    func encode() -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("command", command)
            $0.key("arguments")
            $0.value(arguments)
        }
        return json.bytes + [10]
    }

    init?(line: [UInt8]) {
        guard let value = try? JSONValue.parse(line), let command = value["command"]?.string else { return nil }
        self.command = command
        arguments = value["arguments"] ?? .object([])
    }
}

/// The reply to one request.
enum ControlReply {
    /// The line of a result that is JSON already.
    static func success(_ result: [UInt8]) -> [UInt8] { Array("{\"result\":".utf8) + result + Array("}\n".utf8) }

    /// The line of a failure.
    static func failure(_ error: CommandError) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.key("error")
            $0.object {
                $0.member("message", error.message)
                $0.member("hint", error.hint)
                $0.member("exit", Int(error.exit.rawValue))
            }
        }
        return json.bytes + [10]
    }

    /// The result of a reply, or the failure that it carries.
    static func parse(_ line: [UInt8]) throws(CommandError) -> JSONValue {
        guard let value = try? JSONValue.parse(line) else {
            throw CommandError("the daemon's reply is not readable", hint: "are CLI and daemon of the same version?")
        }
        if let error = value["error"] {
            let exit = error["exit"]?.integer.flatMap { CommandError.Exit(rawValue: Int32(clamping: $0)) } ?? .failed
            throw CommandError(error["message"]?.string ?? "", hint: error["hint"]?.string ?? "", exit: exit)
        }
        return value["result"] ?? .null
    }
}
