/// What `device add` takes for a serial scanner.
public struct SerialSettings: Sendable, Equatable {
    /// What ends a scan.
    public enum Terminator: String, Sendable, CaseIterable {
        /// CR, LF or CR LF, whichever comes.
        case any
        case cr, lf, crlf, tab
        /// No byte for `idleMs`.
        case idle
    }

    /// The terminal's path; best one of /dev/serial/by-id.
    public var port: String
    /// Bits a second; ignored by USB CDC and pseudo-terminals.
    public var baud: UInt32 = 9600
    /// What ends a scan.
    public var terminator: Terminator = .any
    /// Bytes that begin every scan and are no part of it.
    public var prefix: [UInt8] = []
    /// Bytes that end every scan, before the terminator, and are no part of it.
    public var suffix: [UInt8] = []
    /// Whether each scan is answered, 0x06 after the commit and 0x15 when refused.
    public var acknowledges = false
    /// Milliseconds of silence that end a scan with terminator `idle`.
    public var idleMs: Int64 = 50

    /// The longest scan, in bytes: a QR code holds at most 7,089 digits.
    public static let maximumLength = 8192
    /// The line speeds that a port can be set to.
    public static let speeds: [UInt32] = [
        1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
    ]

    /// Everything else has its default.
    public init(port: String) { self.port = port }

    /// What is wrong with an option, and what to write.
    public struct Mistake: Error, Sendable, CustomStringConvertible {
        /// A sentence for people.
        public let description: String
    }

    /// Reads the options as the registry keeps them.
    public init(options: [String: String]) throws(Mistake) {
        guard let port = options["port"], port.hasPrefix("/") else {
            throw Mistake(description: "--port: a serial scanner needs its terminal's path, such as /dev/ttyACM0")
        }
        self.port = port
        if let text = options["baud"] {
            guard let baud = UInt32(text), Self.speeds.contains(baud) else {
                let known = Self.speeds.map(String.init).joined(separator: ", ")
                throw Mistake(description: "--baud \(text): write one of \(known)")
            }
            self.baud = baud
        }
        if let text = options["terminator"] {
            guard let terminator = Terminator(rawValue: text) else {
                throw Mistake(description: "--terminator \(text): write one of cr, lf, crlf, tab, idle, any")
            }
            self.terminator = terminator
        }
        if let text = options["idle_ms"] {
            guard let milliseconds = Int64(text), (5...5000).contains(milliseconds) else {
                throw Mistake(description: "--idle-ms \(text): write a number of milliseconds from 5 to 5000")
            }
            idleMs = milliseconds
        }
        prefix = try Self.affix(options["prefix"], "--prefix")
        suffix = try Self.affix(options["suffix"], "--suffix")
        acknowledges = options["ack"] == "true"
    }

    private static func affix(_ text: String?, _ option: String) throws(Mistake) -> [UInt8] {
        guard let text else { return [] }
        guard let bytes = EscapedBytes.parse(text, atMost: 32) else {
            throw Mistake(description: "\(option) \(text): at most 32 bytes; \(EscapedBytes.advice)")
        }
        return bytes
    }
}
