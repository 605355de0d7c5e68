public import Model
public import Posix

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

    /// What is spoken on the line.
    public enum Language: String, Sendable, CaseIterable {
        /// Lines, and one byte for an answer if any.
        case plain
        /// Zebra's Simple Serial Interface: packets, acknowledged and sent again.
        case ssi
        /// Lines; Honeywell's host commands.
        case honeywell
        /// Lines; Datalogic's host commands.
        case datalogic
        /// Lines with Grow GM6x's binary replies among them.
        case gm65
    }

    /// What is spoken; the option is called `protocol`.
    public var language: Language = .plain
    /// Bits a second; ignored by USB CDC and pseudo-terminals, like the four that follow.
    public var baud: UInt32 = 9600
    /// 7 or 8.
    public var dataBits = 8
    /// The bit after them.
    public var parity = SerialLine.Parity.none
    /// 1 or 2.
    public var stopBits = 1
    /// Who may stop whom.
    public var flow = SerialLine.FlowControl.none
    /// What ends a scan.
    public var terminator: Terminator = .any
    /// Bytes that begin every scan and are no part of it.
    public var prefix: [UInt8] = []
    /// Bytes that end every scan, before the terminator, and are no part of it.
    public var suffix: [UInt8] = []
    /// Whether lines begin with an AIM identifier such as `]Q1`, after the prefix; it is taken off. A line without one
    /// stays whole.
    public var hasAIM = false
    /// Whether each scan is answered, 0x06 after the commit and 0x15 when refused.
    public var acknowledges = false
    /// Milliseconds of silence that end a scan with terminator `idle`.
    public var idleMs: Int64 = 50
    /// Sent once after each opening; at most 256 bytes.
    public var initial: [UInt8] = []
    /// What goes before the language's own feedback; an answer of no bytes silences it.
    public var signals: [Signal: Answer] = [:]
    /// What starts and ends a read, in place of the language's own.
    public var triggerOn: Answer?
    /// See `triggerOn`.
    public var triggerOff: Answer?
    /// Datalogic only: a cordless base or two-way scanner, whose feedback is STAR's `ESC [ n q`.
    public var isStar = false

    /// The longest scan, in bytes: a QR code holds at most 7,089 digits.
    public static let maximumLength = 8192
    /// The line speeds that a port can be set to.
    public static let speeds: [UInt32] = [
        1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
    ]

    /// Everything has its default.
    public init() {}

    /// What is wrong with an option, and what to write.
    public typealias Mistake = ScannerOptionMistake

    /// How the terminal is opened.
    public var line: SerialLine.Settings {
        var line = SerialLine.Settings(baud: baud)
        (line.dataBits, line.parity, line.stopBits, line.flow) = (dataBits, parity, stopBits, flow)
        return line
    }

    /// Reads the options as the registry keeps them.
    public init(options: [String: String]) throws(Mistake) {
        let reader = OptionReader(options: options)
        language = try reader.choice("protocol", language)
        if let text = options["baud"] {
            guard let baud = UInt32(text), Self.speeds.contains(baud) else {
                throw reader.mistake("baud", "write one of \(Self.speeds.map(String.init).joined(separator: ", "))")
            }
            self.baud = baud
        }
        dataBits = try reader.number("data_bits", in: 7...8, dataBits)
        parity = try reader.choice("parity", parity)
        stopBits = try reader.number("stop_bits", in: 1...2, stopBits)
        flow = try reader.choice("flow", flow)
        terminator = try reader.choice("terminator", terminator)
        idleMs = Int64(try reader.number("idle_ms", in: 5...5000, Int(idleMs)))
        prefix = try reader.bytes("prefix", atMost: 32) ?? []
        suffix = try reader.bytes("suffix", atMost: 32) ?? []
        hasAIM = try reader.flag("aim")
        acknowledges = try reader.flag("ack")
        initial = try reader.bytes("init", atMost: 256) ?? []
        signals = try reader.signals()
        triggerOn = try reader.answer("trigger_on")
        triggerOff = try reader.answer("trigger_off")
        isStar = try reader.flag("star")
        try checkTogether(reader)
    }

    /// Options that are sound alone and not with each other: kept and without effect, they would be believed in.
    private func checkTogether(_ reader: OptionReader) throws(Mistake) {
        if language == .ssi || language == .gm65 {
            let packets = "the protocol \(language.rawValue) sends bytes of any value; "
            if flow == .xonxoff { throw reader.mistake("flow", packets + "write none or rtscts") }
            if dataBits == 7 { throw reader.mistake("data_bits", packets + "write 8") }
        }
        if language == .ssi {
            for name in ["terminator", "idle_ms", "ack", "aim"] where reader[name] != nil {
                throw reader.mistake(name, "the protocol ssi has an own way for this; leave it out")
            }
        }
        if isStar && language != .datalogic { throw reader.mistake("star", "only with --protocol datalogic") }
        if (triggerOn == nil) != (triggerOff == nil) {
            let missing = triggerOn == nil ? "trigger_on" : "trigger_off"
            throw reader.mistake(missing, "write both --trigger-on and --trigger-off, or neither; \"\" sends nothing")
        }
    }
}
