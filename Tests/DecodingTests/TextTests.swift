import Decoding
import Imaging
import Model
import Scenes
import TestSupport
import Testing

@Suite(.oneThread) struct TextTests {
    static func read(_ name: String, charset: Charset = .utf8) throws -> DecodedCode {
        var reader = try CodeReader(charset: charset)
        let codes = try reader.read(TestData.picture("labels/\(name).png").view, effort: .still)
        try #require(codes.count == 1, "\(name)")
        return codes[0]
    }

    @Test(arguments: ["utf8", "eci-utf8", "eci-latin1", "eci-sjis", "kanji", "version-15"])
    func `what the code says of its characters is believed, and so is UTF-8`(name: String) throws {
        let text = try Self.read(name).text
        #expect(text == TestData.text("labels/\(name).txt"))
    }

    @Test(arguments: ["latin1", "sjis", "binary"])
    func `bytes of which nothing says what they are stay bytes`(name: String) throws {
        let code = try Self.read(name)
        #expect(code.text == nil)
        switch name {
        case "latin1": #expect(code.bytes == [0x47, 0x72, 0xF6, 0xDF, 0x65, 0x20, 0x34, 0x32])
        case "sjis": #expect(code.bytes == [0x93, 0xFA, 0x96, 0x7B, 0x8C, 0xEA])
        default: #expect(code.bytes == [0x41, 0x00, 0x42, 0xFF, 0xFE, 0x80, 0x43])
        }
    }

    @Test func `an operator's rule makes them text`() throws {
        #expect(try Self.read("latin1", charset: .latin1).text == "Größe 42")
        #expect(try Self.read("sjis", charset: .shiftJIS).text == "日本語")
        // What a rule cannot be stays bytes, and what the code or UTF-8 says comes first.
        #expect(try Self.read("binary", charset: .shiftJIS).text == nil)
        #expect(try Self.read("utf8", charset: .latin1).text == "Größe 42")
        #expect(try Self.read("eci-latin1", charset: .shiftJIS).text == "Größe 42")
    }

    @Test func `every rule converts its own bytes and refuses others`() throws {
        let texts: [(Charset, [UInt8], String?)] = [
            (.utf8, [0xFF], nil), (.latin1, [0xE9, 0x80], "é\u{80}"), (.shiftJIS, [0xC3, 0xDE], "ﾃﾞ"),
            (.gb18030, [0xC4, 0xE3], "你"), (.big5, [0xA7, 0x41], "你"), (.eucKR, [0xB0, 0xA1], "가"),
            (.windows1252, [0x80, 0x9C], "€œ"), (.shiftJIS, [0x93], nil), (.gb18030, [0x81, 0x20], nil),
        ]
        for (rule, bytes, text) in texts {
            let reader = try TextReader(rule)
            #expect(reader.text(bytes) == text, "\(rule)")
            // An error before leaves nothing behind.
            #expect(reader.text(bytes) == text)
        }
        #expect(try TextReader(.latin1).text([UInt8](repeating: 65, count: TextReader.maxBytes + 1)) == nil)
    }

    @Test func `parts of a text are told apart, and never joined`() throws {
        var reader = try CodeReader()
        var scene = Scene(width: 1000, height: 400)
        for index in 0..<3 { try scene.place("part-\(index)", x: 180 + 320 * index, y: 200, module: 6) }
        scene.blur(0.7)
        for effort in [CodeReader.Effort.still, .frame(2)] {
            let codes = try reader.read(scene.picture.view, effort: effort).sorted {
                ($0.part?.index ?? 9) < ($1.part?.index ?? 9)
            }
            #expect(codes.map(\.part) == (0..<3).map { CodePart(index: $0, count: 3) })
            #expect(codes.map(\.text) == (0..<3).map { TestData.text("labels/part-\($0).txt") })
        }
    }
}
