import Scanners
import Testing

@Suite struct SerialSettingsTests {
    private func settings(_ options: [String: String]) throws -> SerialSettings {
        try SerialSettings(options: ["port": "/dev/ttyACM0"].merging(options) { $1 })
    }

    @Test func `what is not said has its default`() throws {
        #expect(try settings([:]) == SerialSettings(port: "/dev/ttyACM0"))
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
            ("port", "ttyACM0"), ("port", ""), ("port", "../dev/ttyACM0"), ("baud", "9601"), ("baud", ""),
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

    @Test func `without a port there is nothing to read`() {
        #expect(throws: SerialSettings.Mistake.self) { try SerialSettings(options: [:]) }
    }

    @Test func `32 bytes of prefix are taken, one more is not`() throws {
        #expect(try settings(["prefix": String(repeating: "\\x02", count: 32)]).prefix.count == 32)
        #expect(throws: SerialSettings.Mistake.self) {
            try settings(["prefix": String(repeating: "\\x02", count: 33)])
        }
    }
}
