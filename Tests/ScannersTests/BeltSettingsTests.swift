import Scanners
import Testing

@Suite struct BeltSettingsTests {
    @Test func `what is not said has its default`() throws {
        #expect(try BeltSettings(options: ["port": "/dev/video0"]) == BeltSettings())
    }

    @Test func `every option is read`() throws {
        let settings = try BeltSettings(options: [
            "agree": "2", "again_after_ms": "600000", "direction": "bottom-to-top", "no_read": "true",
            "keep_frames": "true",
        ])
        #expect(settings.agree == 2 && settings.againAfter == .seconds(600) && settings.direction == .bottomToTop)
        #expect(settings.tellsNoRead && settings.keepsFrames)
    }

    @Test(
        arguments: [
            ("agree", "0"), ("agree", "3"), ("agree", "two"), ("again_after_ms", "99"), ("again_after_ms", "600001"),
            ("again_after_ms", "1500 ms"), ("direction", "left"), ("direction", ""), ("no_read", "on"),
            ("keep_frames", "yes"), ("keep_frames", "true"),
        ])
    func `a mistake names the option and says what to write`(option: String, value: String) {
        let mistake = #expect(throws: BeltSettings.Mistake.self) { try BeltSettings(options: [option: value]) }
        let name = "--" + option.split(separator: "_").joined(separator: "-")
        #expect(mistake?.description.hasPrefix(name) == true, "\(mistake?.description ?? "")")
    }
}
