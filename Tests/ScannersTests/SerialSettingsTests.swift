import Glibc
import Model
import Posix
import Scanners
import Testing

@Suite struct SerialSettingsTests {
    private func settings(_ options: [String: String]) throws -> SerialSettings {
        try SerialSettings(options: options)
    }

    @Test func `what is not said has its default`() throws {
        #expect(try settings([:]) == SerialSettings())
    }

    @Test func `every option is read`() throws {
        let settings = try settings([
            "baud": "115200", "terminator": "crlf", "prefix": "\\x02A", "suffix": "\\\\\\x0D", "ack": "true",
            "idle_ms": "5000",
        ])
        #expect(settings.baud == 115_200 && settings.terminator == .crlf && settings.acknowledges)
        #expect(settings.prefix == [2, 0x41] && settings.suffix == [0x5C, 13] && settings.idleMs == 5000)
    }

    @Test(arguments: SerialSettings.speeds) func `each speed that is named is taken`(baud: UInt32) throws {
        #expect(try settings(["baud": String(baud)]).baud == baud)
    }

    @Test(
        arguments: [
            ("baud", "9601"), ("baud", ""),
            ("baud", "-9600"), ("baud", "9600 "), ("baud", "99999999999999"), ("terminator", ""), ("terminator", "CR"),
            ("terminator", "\\r"), ("idle_ms", "4"), ("idle_ms", "5001"), ("idle_ms", "50ms"), ("prefix", "\\"),
            ("prefix", "\\x"), ("prefix", "\\x0"), ("prefix", "\\xgg"), ("prefix", "\\q"), ("prefix", "\\x+1"),
            ("suffix", "\\x-1"), ("suffix", "\\x 1"), ("suffix", "0123456789012345678901234567890123"),
        ])
    func `a mistake names the option and says what to write`(option: String, value: String) {
        let mistake = #expect(throws: SerialSettings.Mistake.self) { try settings([option: value]) }
        let name = "--" + option.split(separator: "_").joined(separator: "-")
        #expect(mistake?.description.hasPrefix(name) == true, "\(mistake?.description ?? "")")
    }

    @Test func `32 bytes of prefix are taken, one more is not`() throws {
        #expect(try settings(["prefix": String(repeating: "\\x02", count: 32)]).prefix.count == 32)
        #expect(throws: SerialSettings.Mistake.self) {
            try settings(["prefix": String(repeating: "\\x02", count: 33)])
        }
    }
}

@Suite struct SerialOptionTests {
    private func settings(_ options: [String: String]) throws -> SerialSettings {
        try SerialSettings(options: ["port": "/dev/ttyUSB0"].merging(options) { $1 })
    }

    @Test func `line, language and feedback are read`() throws {
        let settings = try settings([
            "protocol": "datalogic", "data_bits": "7", "parity": "space", "stop_bits": "2", "flow": "xonxoff",
            "aim": "true", "star": "true", "init": #"\x1B[5q"#, "signal_stored": #"\x07|200|\x07\x7C"#,
            "signal_bag_complete": "", "signal_stored_offline": "x", "trigger_on": "E", "trigger_off": "D|50|D",
        ])
        #expect(settings.language == .datalogic && settings.hasAIM && settings.isStar)
        var line = SerialLine.Settings()
        (line.dataBits, line.parity, line.stopBits, line.flow) = (7, .space, 2, .xonxoff)
        #expect(settings.line == line)
        #expect(settings.initial == [0x1B, 0x5B, 0x35, 0x71])
        let beeps = Answer([.init([7], pause: .milliseconds(200)), .init([7, 0x7C])])
        #expect(
            settings.signals == [.stored: beeps, .bagComplete: Answer([UInt8]()), .storedOffline: Answer([0x78])])
        #expect(settings.triggerOn == Answer([0x45]))
        #expect(settings.triggerOff?.steps.count == 2)
    }

    @Test(
        arguments: [
            ("protocol", "SSI"), ("protocol", ""), ("data_bits", "9"), ("data_bits", "seven"), ("parity", "E"),
            ("stop_bits", "0"), ("stop_bits", "1.5"), ("flow", "hardware"), ("aim", "yes"), ("ack", "1"),
            ("star", "true"), ("init", String(repeating: "x", count: 257)), ("init", #"\x"#), ("signal_stored", "|"),
            ("signal_stored", "a|"), ("signal_stored", "a|b|c"), ("signal_stored", "a|0|b"),
            ("signal_refused", "a|5001|b"), ("signal_duplicate", #"\q"#),
            ("signal_stored_offline", "a|1|a|1|a|1|a|1|a|1|a|1|a|1|a|1|a"),
            ("signal_bag_complete", String(repeating: "x", count: 200) + "|1|" + String(repeating: "x", count: 57)),
            ("trigger_on", "x|"), ("trigger_off", #"\x2"#),
        ])
    func `a mistake names the option and says what to write`(option: String, value: String) {
        let mistake = #expect(throws: SerialSettings.Mistake.self) { try settings([option: value]) }
        let name = "--" + option.split(separator: "_").joined(separator: "-")
        #expect(mistake?.description.hasPrefix(name) == true, "\(mistake?.description ?? "")")
    }

    @Test(
        arguments: [
            (["protocol": "ssi", "terminator": "cr"], "--terminator"), (["protocol": "ssi", "ack": "true"], "--ack"),
            (["protocol": "ssi", "aim": "true"], "--aim"), (["protocol": "ssi", "idle_ms": "50"], "--idle-ms"),
            (["protocol": "ssi", "flow": "xonxoff"], "--flow"), (["protocol": "gm65", "flow": "xonxoff"], "--flow"),
            (["protocol": "gm65", "data_bits": "7"], "--data-bits"), (["trigger_on": "x"], "--trigger-off"),
            (["trigger_off": "x"], "--trigger-on"),
        ])
    func `options that do not go together are told`(options: [String: String], name: String) {
        let mistake = #expect(throws: SerialSettings.Mistake.self) { try settings(options) }
        #expect(mistake?.description.hasPrefix(name) == true, "\(mistake?.description ?? "")")
    }

    @Test(arguments: SerialLine.Parity.allCases, SerialLine.FlowControl.allCases)
    func `the terminal gets the settings`(parity: SerialLine.Parity, flow: SerialLine.FlowControl) throws {
        let terminal = try PseudoTerminal()
        var line = SerialLine.Settings(baud: 1200)
        (line.parity, line.flow, line.dataBits, line.stopBits) = (parity, flow, 7, 2)
        let file = try SerialLine.open(terminal.path, line)
        var modes = termios()
        #expect(tcgetattr(file.raw, &modes) == 0)
        // CMSPAR and CRTSCTS, which Glibc's module lacks.
        let (stick, byWire): (tcflag_t, tcflag_t) = (0o10_000_000_000, 0o20_000_000_000)
        let expected: tcflag_t =
            switch parity {
            case .none: 0
            case .odd: tcflag_t(PARENB | PARODD)
            case .even: tcflag_t(PARENB)
            case .space: tcflag_t(PARENB) | stick
            case .mark: tcflag_t(PARENB | PARODD) | stick
            }
        // A pseudo-terminal has always 8 data bits and no parity (pty(7)); the rest it keeps.
        #expect(modes.c_cflag & (tcflag_t(PARODD) | stick) == expected & ~tcflag_t(PARENB))
        #expect((modes.c_cflag & byWire != 0) == (flow == .rtscts))
        #expect((modes.c_iflag & tcflag_t(IXON | IXOFF) == tcflag_t(IXON | IXOFF)) == (flow == .xonxoff))
        #expect(modes.c_cflag & tcflag_t(CSTOPB) != 0)
        #expect(cfgetispeed(&modes) == speed_t(B1200))
    }
}
