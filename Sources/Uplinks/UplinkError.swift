/// Why an uplink cannot be built or its credential not be read.
public struct UplinkError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, naming the uplink, the setting and the file.
    public let message: String
    /// What to do about it.
    public let hint: String

    /// Both parts in one line.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }

    init(_ message: String, hint: String = "") {
        self.message = message
        self.hint = hint
    }
}
