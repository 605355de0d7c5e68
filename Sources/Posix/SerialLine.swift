internal import CLinux
internal import Glibc

/// Terminal lines (termios(3), tty_ioctl(4)).
public enum SerialLine {
    /// Opens a terminal for this process alone: locked, TIOCEXCL (but a pseudo-terminal), raw, no echo, errors marked (PARMRK), modem lines
    /// left alone on close, and both directions flushed. Non-blocking.
    ///
    /// - Parameter baud: one of the standard speeds from 1200 to 921600.
    public static func open(_ path: String, baud: UInt32) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK)
        guard isatty(file.raw) == 1 else { throw SystemError("use as a serial port", path, code: ENOTTY) }
        // The lock keeps other programs of good will out, TIOCEXCL the others (but root).
        guard scangate_lock_file(file.raw) == 0 else { throw SystemError("lock", path, code: EBUSY) }
        guard scangate_set_exclusive(file.raw) == 0 else { throw SystemError("take for itself", path) }
        guard scangate_set_raw(file.raw, baud) == 0 else { throw SystemError("set up", path) }
        // What came while nobody was reading is a scan that the operator has given up on.
        tcflush(file.raw, TCIOFLUSH)
        return file
    }
}

/// A pseudo-terminal (pty(7)): the scanner's end here, the program's end at `path`.
public struct PseudoTerminal: ~Copyable, Sendable {
    /// The scanner's end.
    public let scanner: FileDescriptor
    /// The path that a program opens.
    public let path: String

    /// Makes a pair; it is gone with the value.
    public init() throws(SystemError) {
        var name = [CChar](repeating: 0, count: 128)
        let descriptor = scangate_open_pty(&name, name.count)
        guard descriptor >= 0 else { throw SystemError("make", "a pseudo-terminal") }
        let file = FileDescriptor(owning: descriptor)
        // A new pseudo-terminal echoes what is written before a program has opened it, and no scanner does.
        guard scangate_set_raw(descriptor, 9600) == 0 else { throw SystemError("set up", "a pseudo-terminal") }
        scanner = file
        path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
