public import Database

/// Why the spool did not take or give something.
public struct SpoolError: Error, Sendable, CustomStringConvertible {
    /// What kind of trouble it is.
    public enum Code: Sendable, Equatable {
        /// A bound of `[spool]` is reached, or the filesystem has no room. Passes when there is room.
        case full
        /// The disk reads or writes wrongly, or is read-only. May pass.
        case failing
        /// The file is damaged: it has to be set aside.
        case damaged
        /// A mistake of the program.
        case other
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

    /// What SQLite's error means for the spool.
    public init(_ error: DatabaseError) {
        switch error.kind {
        case .full:
            self.init(.full, error.description, hint: "free room on that filesystem; scanning goes on by itself")
        case .corrupt: self.init(.damaged, error.description)
        case .inputOutput, .denied, .busy:
            self.init(.failing, error.description, hint: "look at the disk: dmesg, and `scangate doctor`")
        case .other: self.init(.other, error.description, hint: "report this as a bug")
        }
    }

    /// The same for an error of unknown type.
    public init(wrapping error: any Error) {
        switch error {
        case let error as SpoolError: self = error
        case let error as DatabaseError: self.init(error)
        default: self.init(.other, String(describing: error))
        }
    }
}
