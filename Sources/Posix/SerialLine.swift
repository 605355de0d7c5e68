internal import CLinux
internal import Glibc

/// Terminal lines (termios(3), tty_ioctl(4)).
public enum SerialLine {
    /// The bit that follows the data bits.
    public enum Parity: String, Sendable, CaseIterable {
        case none, odd, even
        /// Always 0 or always 1 (CMSPAR): not every adapter can.
        case space, mark
    }

    /// Who may stop whom from sending.
    public enum FlowControl: String, Sendable, CaseIterable {
        case none
        /// By wire.
        case rtscts
        /// By the bytes 0x11 and 0x13, which then are no data.
        case xonxoff
    }

    /// How bytes become voltages; USB CDC and pseudo-terminals take note of it and ignore it.
    public struct Settings: Sendable, Equatable {
        /// Bits a second: one of the standard speeds from 1200 to 921600.
        public var baud: UInt32
        /// 7 or 8.
        public var dataBits = 8
        /// None unless said.
        public var parity = Parity.none
        /// 1 or 2.
        public var stopBits = 1
        /// None unless said.
        public var flow = FlowControl.none

        /// 8N1 without flow control.
        public init(baud: UInt32 = 9600) { self.baud = baud }

        var line: scangate_line {
            let parity: UInt8 =
                switch parity {
                case .none: UInt8(ascii: "n")
                case .odd: UInt8(ascii: "o")
                case .even: UInt8(ascii: "e")
                case .space: UInt8(ascii: "s")
                case .mark: UInt8(ascii: "m")
                }
            let flow: UInt8 =
                switch flow {
                case .none: UInt8(ascii: "n")
                case .rtscts: UInt8(ascii: "h")
                case .xonxoff: UInt8(ascii: "x")
                }
            return scangate_line(
                baud: baud, data_bits: Int32(dataBits), stop_bits: Int32(stopBits), parity: CChar(parity),
                flow: CChar(flow))
        }
    }

    /// Opens a terminal as 8N1 without flow control.
    public static func open(_ path: String, baud: UInt32) throws(SystemError) -> FileDescriptor {
        try open(path, Settings(baud: baud))
    }

    /// Opens a terminal for this process alone: locked, TIOCEXCL (but a pseudo-terminal), raw, no echo, errors marked
    /// (PARMRK), modem lines left alone on close, and both directions flushed. Non-blocking.
    public static func open(_ path: String, _ settings: Settings) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(path, O_RDWR | O_NOCTTY | O_NONBLOCK)
        guard isatty(file.raw) == 1 else { throw SystemError("use as a serial port", path, code: ENOTTY) }
        // The lock keeps other programs of good will out, TIOCEXCL the others (but root).
        guard scangate_lock_file(file.raw) == 0 else { throw SystemError("lock", path, code: EBUSY) }
        guard scangate_set_exclusive(file.raw) == 0 else { throw SystemError("take for itself", path) }
        guard scangate_set_raw(file.raw, settings.line) == 0 else { throw SystemError("set up", path) }
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
        guard scangate_set_raw(descriptor, SerialLine.Settings().line) == 0 else {
            throw SystemError("set up", "a pseudo-terminal")
        }
        scanner = file
        path = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
