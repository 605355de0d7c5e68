internal import Glibc

/// One end of a pair of sockets that keeps messages whole and in order (SOCK_SEQPACKET, unix(7)). Any thread.
public final class MessageSocket: Sendable {
    /// For `poll`, or another process.
    public let file: FileDescriptor

    /// Takes an end over.
    public init(_ file: consuming FileDescriptor) { self.file = file }

    /// Two ends. What is sent to one is bounded by the socket's buffer.
    public static func pair() throws(SystemError) -> (MessageSocket, MessageSocket) {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw SystemError("make", "a pair of sockets") }
        return (MessageSocket(FileDescriptor(owning: pair[0])), MessageSocket(FileDescriptor(owning: pair[1])))
    }

    /// Another descriptor of this end, for whoever owns descriptors; non-blocking, as this one is then too.
    public func nonBlocking() throws(SystemError) -> FileDescriptor {
        let copy = fcntl(file.raw, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SystemError("duplicate", "a socket") }
        let owned = FileDescriptor(owning: copy)
        guard fcntl(copy, F_SETFL, O_NONBLOCK) == 0 else { throw SystemError("set up", "a socket") }
        return owned
    }

    /// What became of a message.
    public enum Sent: Sendable, Equatable {
        case taken
        /// The other end has not read what was sent before.
        case full
        /// There is no other end any more.
        case closed
    }

    /// Sends one message.
    ///
    /// - Parameter waits: whether to wait for room.
    public func send(_ message: [UInt8], waits: Bool = false) -> Sent {
        while true {
            let flags = Int32(MSG_NOSIGNAL) | (waits ? 0 : Int32(MSG_DONTWAIT))
            if Glibc.send(file.raw, message, message.count, flags) == message.count { return .taken }
            if errno == EINTR { continue }
            return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? .full : .closed
        }
    }

    /// What came.
    public enum Received: Sendable, Equatable {
        /// A message; longer ones than the limit are cut to one byte more, so that they are seen to be too long.
        case message([UInt8])
        /// Nothing is there yet.
        case nothing
        /// The other end is closed, and all that it sent has been received.
        case closed
    }

    /// Receives one message. Descriptors that come along are closed by the kernel.
    ///
    /// - Parameters:
    ///   - limit: the longest message that is awaited.
    ///   - waits: whether to wait for one.
    public func receive(atMost limit: Int, waits: Bool = false) -> Received {
        while true {
            var count = 0
            let message = [UInt8](unsafeUninitializedCapacity: limit + 1) { buffer, used in
                count = recv(file.raw, buffer.baseAddress, limit + 1, waits ? 0 : Int32(MSG_DONTWAIT))
                used = max(0, count)
            }
            if count > 0 { return .message(message) }
            if count == 0 { return .closed }
            if errno == EINTR { continue }
            return errno == EAGAIN ? .nothing : .closed
        }
    }
}
