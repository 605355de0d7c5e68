public import Glibc

/// An open file, closed when its one owner lets go of it.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The kernel's number.
    public let raw: Int32

    /// Takes a descriptor over; from here on it is this value's to close.
    public init(owning raw: Int32) { self.raw = raw }

    deinit { close(raw) }

    /// Closes a file without waiting for that: a terminal's last close waits until the device has taken what was
    /// written to it, for up to 30 s (`closing_wait` of setserial(8)), even where it was opened non-blocking.
    ///
    /// - Parameter done: called on a thread of its own once it is closed.
    public static func closeElsewhere(
        _ file: consuming FileDescriptor, _ done: @escaping @Sendable () -> Void = {}
    ) {
        // The duplicate's close, which is the last one, is the one that waits.
        let duplicate = fcntl(file.raw, F_DUPFD_CLOEXEC, 0)
        _ = consume file
        guard duplicate >= 0 else { return done() }
        Threads.run(name: "close") {
            close(duplicate)
            done()
        }
    }

    /// Opens a path with `O_CLOEXEC`.
    ///
    /// - Parameter mode: permissions of a file that is made, before the umask.
    public static func open(_ path: String, _ flags: Int32, mode: mode_t = 0o600) throws(SystemError) -> FileDescriptor
    {
        let fd = Glibc.open(path, flags | O_CLOEXEC, mode)
        guard fd >= 0 else { throw SystemError("open", path) }
        return FileDescriptor(owning: fd)
    }

    /// Writes all bytes; blocks where the descriptor does.
    public borrowing func write(_ bytes: [UInt8], subject: String) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes { Glibc.write(raw, $0.baseAddress?.advanced(by: done), $0.count - done) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SystemError("write", subject) }
            done += count
        }
    }

    /// Reads what is there, up to the buffer's size: the count, 0 at the end, nil where nothing is there yet.
    public borrowing func read(into buffer: inout [UInt8], subject: String) throws(SystemError) -> Int? {
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(raw, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            if errno == EINTR { continue }
            if errno == EAGAIN { return nil }
            throw SystemError("read", subject)
        }
    }
}
