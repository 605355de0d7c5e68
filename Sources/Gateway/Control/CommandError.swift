internal import Identity
internal import Posix
internal import Spool

/// Why a command did not do what it was asked, as the CLI shows it and the control socket carries it.
public struct CommandError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the CLI exits with.
    public enum Exit: Int32, Sendable {
        case failed = 1
        case usage = 2
        case configuration = 3
        case daemonNotRunning = 4
        case unhealthy = 5
    }

    /// What the CLI exits with.
    public var exit: Exit
    /// What happened and where, a sentence.
    public var message: String
    /// What to do about it, or empty.
    public var hint: String

    /// An error with these parts.
    public init(_ message: String, hint: String = "", exit: Exit = .failed) {
        self.message = message
        self.hint = hint
        self.exit = exit
    }

    /// Message and hint.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }

    /// The same for an error of any module.
    init(wrapping error: any Error) {
        switch error {
        case let error as CommandError: self = error
        case let error as IdentityError: self.init(error.message, hint: error.hint)
        case let error as SpoolError: self.init(error.message, hint: error.hint)
        case let error as ConfigurationError: self.init(error.description, exit: .configuration)
        default: self.init(String(describing: error))
        }
    }
}
