/// Why bytes are not what the contract says.
public struct WireError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The field or part that is wrong, such as `lane_seq`.
    public let field: String
    /// What is wrong with it.
    public let reason: String
    /// A sentence for people.
    public var description: String { "\(field): \(reason)" }

    init(_ field: String, _ reason: String) {
        self.field = field
        self.reason = reason
    }
}
