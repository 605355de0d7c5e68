/// Why the registry did not do what it was asked.
public struct IdentityError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Code: Sendable, Equatable {
        /// There is no such device.
        case unknown
        /// There is one of that name already.
        case exists
        /// The sealing key is missing, wrong, or open to others.
        case sealing
        /// The file cannot be read or written, or was changed by hand.
        case storage
    }

    /// What kind of trouble it is.
    public let code: Code
    /// What happened and where, a sentence.
    public let message: String
    /// What the admin does about it.
    public let hint: String

    /// Message and hint.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }

    /// An error with these parts.
    public init(_ code: Code, _ message: String, hint: String = "") {
        self.code = code
        self.message = message
        self.hint = hint
    }
}
