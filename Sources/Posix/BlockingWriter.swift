internal import CLinux
internal import Glibc

/// The way to write to a file whose `write` blocks whatever its flags say, without waiting for it: hidraw's waits until
/// the device has taken the report, for up to 5 s (usb_interrupt_msg in the kernel's usbhid).
///
/// What is written to `descriptor` is a message of a pair of sockets, which a thread of its own writes to the file, in
/// order. Bounded by the sockets' buffer of 16 KiB; beyond that a write fails with EAGAIN. After a write that failed,
/// what waits is thrown away: it has become old. Any thread.
public final class BlockingWriter: Sendable {
    private let end: FileDescriptor

    /// Where to write, non-blocking; at most 8 KiB in one call.
    public var descriptor: Int32 { end.raw }

    /// Begins to write to a duplicate of an open file, which is closed when this value is gone and what was being
    /// written has been.
    public init(_ file: Int32, name: String) throws(SystemError) {
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw SystemError("make", "a pair of sockets") }
        end = FileDescriptor(owning: pair[0])
        let inner = pair[1]
        let duplicate = scangate_duplicate(file)
        guard duplicate >= 0, fcntl(end.raw, F_SETFL, O_NONBLOCK) == 0 else {
            let error = SystemError("duplicate", name)
            close(inner)
            if duplicate >= 0 { close(duplicate) }
            throw error
        }
        var size: Int32 = 16_384
        setsockopt(end.raw, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        Threads.run(name: "answers") { Self.handOn(from: inner, to: duplicate) }
    }

    private static func handOn(from socket: Int32, to file: Int32) {
        var buffer = [UInt8](repeating: 0, count: 8192)
        while true {
            let count = read(socket, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            guard write(file, buffer, count) < 0 else { continue }
            while recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 {}
        }
        close(file)
        close(socket)
    }
}
