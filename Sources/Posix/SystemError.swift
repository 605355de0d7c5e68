internal import Glibc

/// What the kernel said no to: the call, the thing it was about, and errno.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was being done, in words that an admin knows: "open", "listen on".
    public let action: String
    /// The path or address.
    public let subject: String
    /// The error number (errno(3)).
    public let code: Int32

    /// An error with this number; without one, the calling thread's errno.
    public init(_ action: String, _ subject: String, code: Int32? = nil) {
        let last = errno
        self.action = action
        self.subject = subject
        self.code = code ?? last
    }

    /// A sentence: "cannot open /x: Permission denied".
    public var description: String { "cannot \(action) \(subject): \(Self.text(code))" }

    /// The kernel's words for an error number.
    public static func text(_ code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
