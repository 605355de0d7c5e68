/// Why no response came: what happened, where, and how to mend it.
public struct HTTPClientError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The request itself cannot be sent: a malformed URL, a header with a line break, a TLS file that is missing.
        case badRequest
        /// The host name has no address.
        case unknownHost
        /// No connection: refused, unreachable, reset while connecting.
        case cannotConnect
        /// TLS failed: untrusted or expired certificate, wrong host name, client certificate refused.
        case tls
        /// The time for connecting or for the whole request ran out.
        case timeout
        /// The connection broke, or what came was no HTTP.
        case broken
        /// The response was over its bound.
        case tooLarge
        /// The task was cancelled.
        case cancelled
        /// The client is closed.
        case closed
    }

    /// The kind of failure.
    public let code: Code
    /// One clear line: what happened and where.
    public let message: String
    /// What to do about it; empty where there is nothing to say.
    public let hint: String
    /// Whether the request, or a part of it, was written to a connection: the backend may have acted on it.
    public let requestMayHaveBeenSent: Bool

    /// An error with these parts.
    public init(_ code: Code, _ message: String, hint: String = "", requestMayHaveBeenSent: Bool = false) {
        self.code = code
        self.message = message
        self.hint = hint
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
    }

    /// Whether time alone may mend it.
    public var isTransient: Bool { code != .badRequest && code != .closed }

    /// Message and hint in one line.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }
}
