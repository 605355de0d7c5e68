import Keymap
import Scanners
import Testing

@Suite struct KeyboardSettingsTests {
    private func settings(_ options: [String: String]) throws -> KeyboardSettings {
        try KeyboardSettings(options: options)
    }

    @Test func `what is not said has its default`() throws {
        let settings = try settings([:])
        #expect(settings.keymap.layout == "us" && settings.terminator == .any)
        #expect(
            settings.idleMs == 100 && settings.prefix.isEmpty && settings.suffix.isEmpty && settings.controls.isEmpty)
        #expect(!settings.hasAIM && !settings.capsLock && !settings.usesLights)
    }

    @Test func `every option is read`() throws {
        let settings = try settings([
            "layout": "de(nodeadkeys)", "terminator": "tab", "prefix": "\\x02A", "suffix": "\\\\", "idle_ms": "5000",
            "aim": "true", "caps_lock": "true", "leds": "true", "controls": "\\x1B\\x7F",
        ])
        #expect(settings.keymap.layout == "de(nodeadkeys)" && settings.terminator == .tab && settings.idleMs == 5000)
        #expect(settings.prefix == [2, 0x41] && settings.suffix == [0x5C] && settings.controls == [0x1B, 0x7F])
        #expect(settings.hasAIM && settings.capsLock && settings.usesLights)
    }

    @Test(
        arguments: [
            ("layout", ""), ("layout", "xx"), ("layout", "us,de"),
            ("terminator", "cr"), ("terminator", ""), ("idle_ms", "4"), ("idle_ms", "5001"), ("prefix", "\\q"),
            ("suffix", "\\x"), ("controls", "A"), ("controls", "\\x80"), ("aim", "yes"), ("caps_lock", "on"),
            ("leds", ""),
        ])
    func `a mistake names the option and says what to write`(option: String, value: String) {
        let mistake = #expect(throws: ScannerOptionMistake.self) { try settings([option: value]) }
        let name = "--" + option.split(separator: "_").joined(separator: "-")
        #expect(mistake?.description.hasPrefix(name) == true, "\(mistake?.description ?? "")")
    }
}
