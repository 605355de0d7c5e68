import JSON
import Model
import Scenes
import TestSupport
import Testing

@Suite(.oneThread) struct DecodeCommandTests {
    /// Runs `scangate decode`; what it said, by lines, and what it exited with.
    static func decode(_ arguments: [String]) throws -> (lines: [String], exit: Int32?) {
        try withTemporaryDirectory { directory in
            let exit = try ChildProcess("scangate", ["decode"] + arguments, output: directory + "/said").wait()
            let said = String(decoding: try TestSupport.read(directory + "/said"), as: UTF8.self)
            return (said.split(separator: "\n").map(String.init), exit)
        }
    }

    static let labels = TestData.folder + "/labels"

    @Test func `a line of JSON tells a picture's codes`() throws {
        let said = try Self.decode(["--json", Self.labels + "/part-1.png", Self.labels + "/latin1.png"])
        #expect(said.exit == 0)
        try #require(said.lines.count == 2)
        let part = try JSONValue.parse(Array(said.lines[0].utf8))
        #expect(part["file"]?.string == Self.labels + "/part-1.png")
        let code = try #require(part.codes.first)
        #expect(code["text"]?.string == "the second, " && code["symbology"]?.string == "QR")
        #expect(code["part"]?["index"]?.integer == 1 && code["part"]?["count"]?.integer == 3)
        #expect(code["corners"]?.array?.count == 4)
        #expect(said.lines[0].contains("\"ms\":"))
        let bytes = try JSONValue.parse(Array(said.lines[1].utf8))
        #expect(bytes.codes.first?["text"] == nil)
        let latin1: [UInt8] = [0x47, 0x72, 0xF6, 0xDF, 0x65, 0x20, 0x34, 0x32]
        #expect(bytes.codes.first?["data_b64"]?.string == Base64URL.encode(latin1))
    }

    @Test func `a folder is read with all that is in it, sorted, and a character set is believed`() throws {
        let said = try Self.decode(["--charset", "latin1", TestData.folder])
        #expect(said.exit == 0)
        let files = said.lines.filter { $0.contains("/labels/") }
        #expect(files.count == 32 && files == files.sorted())
        #expect(files.contains { $0.contains("latin1.png: Größe 42  (QR at 4,4)") })
        #expect(files.contains { $0.contains("part-2.png: and the last.  (QR at 4,4, part 3 of 3)") })
        #expect(said.lines.filter { $0.contains("no code") }.count >= 11)
    }

    @Test func `a file that cannot be read does not stop the rest`() throws {
        let good = Self.labels + "/label-01.png"
        let said = try Self.decode(["/nowhere.png", Self.labels + "/label-01.txt", good])
        #expect(said.exit == 1)
        #expect(said.lines.contains { $0.hasPrefix("scangate: there is no /nowhere.png") })
        #expect(said.lines.contains { $0.contains("label-01.txt: this is no PNG, JPEG or PGM (P5) picture; convert") })
        #expect(said.lines.contains { $0.hasPrefix(good + ": SB00861 LABEL NO. 0024505") })
    }

    @Test func `no code in any picture, and wrong words, are failures that say what to do`() throws {
        let none = try Self.decode([TestData.folder + "/qr/falsepositives/01.png"])
        #expect(none.exit == 1 && none.lines.contains { $0.hasPrefix("scangate: there is no code in the picture") })
        let kind = try Self.decode(["--symbologies", "QR,Foo", "x"])
        #expect(kind.exit == 2 && kind.lines.contains { $0.contains("--symbologies Foo: write one of QR") })
        let charset = try Self.decode(["--charset", "ebcdic", "x"])
        #expect(charset.exit == 2 && charset.lines.contains { $0.contains("--charset ebcdic: write one of utf8") })
        let nothing = try Self.decode([])
        #expect(nothing.exit == 2)
    }
}

extension JSONValue {
    fileprivate var codes: [JSONValue] { self["codes"]?.array ?? [] }
}
