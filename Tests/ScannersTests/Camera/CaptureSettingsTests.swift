import FrameLink
import Model
import Posix
import Testing

@testable import Scanners

struct CaptureSettingsTests {
    @Test func `everything has its default`() throws {
        #expect(try CaptureSettings(options: [:]) == CaptureSettings())
    }

    @Test func `options are read`() throws {
        let settings = try CaptureSettings(options: [
            "size": "1920x1080", "rate": "60", "format": "mjpg", "exposure": "20", "gain": "auto", "focus": "-5",
            "symbologies": "qr,DataMatrix", "charset": "latin1", "agree": "2",
        ])
        #expect(settings.size == VideoSize(1920, 1080) && settings.rate == 60 && settings.format == .mjpg)
        #expect((settings.exposure, settings.gain, settings.focus) == (.fixed(20), .auto, .fixed(-5)))
        #expect(settings.symbologies == [.qr, .dataMatrix] && settings.charset == .latin1)
        #expect(settings.belt.agree == 2)
    }

    @Test(arguments: [
        ("size", "1280"), ("size", "1280x"), ("size", "8x8"), ("size", "9000x10"), ("rate", "0"), ("format", "H264"),
        ("exposure", "long"), ("focus", "1000001"), ("symbologies", "QR,Runes"), ("symbologies", ""),
        ("charset", "ebcdic"),
    ]) func `a mistake names the option`(option: String, value: String) {
        let mistake = #expect(throws: ScannerOptionMistake.self) { try CaptureSettings(options: [option: value]) }
        #expect(mistake?.description.hasPrefix("--\(option)") == true)
    }

    @Test func `what is declared in a character set becomes UTF-8, and nothing else is guessed`() {
        let declared = FrameCode(bytes: [0xE9], text: Array("é".utf8), symbology: .qr)
        let unknown = FrameCode(bytes: [0x41, 0xE9], symbology: .qr)
        #expect(Sighting.bytes(declared, .utf8) == Array("é".utf8))
        #expect(Sighting.bytes(declared, .raw) == [0xE9])
        #expect(Sighting.bytes(unknown, .utf8) == [0x41, 0xE9])
        // Longer as text than any label may be.
        let long = FrameCode(
            bytes: [UInt8](repeating: 0xB1, count: 2953), text: (0..<2953).flatMap { _ in Array("ｱ".utf8) },
            symbology: .qr)
        #expect(Sighting.bytes(long, .utf8) == long.bytes)
    }
}
