import Model
import TestSupport
import Testing

@Suite struct SafeTests {
    @Test(
        arguments: [
            ("0016586 é 袋 👍", "0016586 é 袋 👍"),
            ("\u{1B}[2J\u{1B}]0;x\u{7}", "\\x1b[2J\\x1b]0;x\\x07"),
            ("a\nerror: forged", "a\\x0aerror: forged"),
            ("a\r\nb", "a\\x0d\\x0ab"),
            ("\t\u{8}\u{7F}\0", "\\x09\\x08\\x7f\\x00"),
            ("\u{9B}31m\u{85}", "\\xc2\\x9b31m\\xc2\\x85"),
            ("SB\u{202E}06800", "SB\\xe2\\x80\\xae06800"),
            ("a\u{2066}b\u{200B}c\u{FEFF}d\u{AD}", "a\\xe2\\x81\\xa6b\\xe2\\x80\\x8bc\\xef\\xbb\\xbfd\\xc2\\xad"),
            ("a\u{2028}b\u{2029}", "a\\xe2\\x80\\xa8b\\xe2\\x80\\xa9"),
            ("\u{E000}\u{10FFFF}\u{E0041}", "\\xee\\x80\\x80\\xf4\\x8f\\xbf\\xbf\\xf3\\xa0\\x81\\x81"),
            ("\\x41", "\\\\x41"),
            ("", ""),
        ])
    func `text is shown as it is only where it can do nothing`(raw: String, shown: String) {
        #expect(Safe.text(raw) == shown)
    }

    @Test(
        arguments: [
            ([0xFF, 0xFE], "\\xff\\xfe"), ([0x41, 0x80, 0x42], "A\\x80B"), ([0xC0, 0xAF], "\\xc0\\xaf"),
            ([0xED, 0xA0, 0x80], "\\xed\\xa0\\x80"), ([0xF4, 0x90, 0x80, 0x80], "\\xf4\\x90\\x80\\x80"),
            ([0xE2, 0x82], "\\xe2\\x82"), ([0xC3], "\\xc3"), ([0xC3, 0x41], "\\xc3A"), ([0xF8, 0x88], "\\xf8\\x88"),
            ([0xE2, 0xC3, 0xA9], "\\xe2é"),
        ] as [([UInt8], String)])
    func `bytes that are not UTF-8 are shown by number`(bytes: [UInt8], shown: String) {
        #expect(Safe.text(bytes) == shown)
    }

    @Test func `a long text is cut, in the middle of a character too`() {
        #expect(Safe.text("abcdef", limit: 3) == "abc…")
        #expect(Safe.text("abc", limit: 3) == "abc")
        #expect(Safe.text("aé", limit: 2) == "a\\xc3…")
    }

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func `whatever the bytes, what is shown is one line without control or format characters`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            for scalar in Safe.text(bytes).unicodeScalars {
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
                    Issue.record("U+\(String(scalar.value, radix: 16)) comes out of \(bytes)")
                default: break
                }
            }
        }
    }
}

@Suite struct CSVTests {
    /// The fields of one record (RFC 4180), or nil where it is not well formed.
    private func fields(_ record: String) -> [String]? {
        var fields: [String] = []
        var rest = Array(record.unicodeScalars)[...]
        repeat {
            guard rest.popFirst() == "\"" else { return nil }
            var field = String.UnicodeScalarView()
            while true {
                guard let scalar = rest.popFirst() else { return nil }
                if scalar != "\"" {
                    field.append(scalar)
                } else if rest.first == "\"" {
                    field.append("\"")
                    rest.removeFirst()
                } else {
                    break
                }
            }
            fields.append(String(field))
        } while rest.popFirst() == ","
        return rest.isEmpty ? fields : nil
    }

    @Test(
        arguments: [
            "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "=\u{301}cmd", "=\u{200D}1", "+\u{FE0F}1",
            "@\u{20DD}x", "-\u{1F3FB}1", "=", "＝1+1", "＋1", "－1", "＠A1",
        ])
    func `no field begins like a formula`(hostile: String) throws {
        let field = try #require(fields(Safe.csv(hostile))?.first)
        #expect(field.unicodeScalars.first == "'", "\(field)")
    }

    @Test(
        arguments: [
            "plain", "", "a\"b", "\"", "\"\"", "a,b", "\"\u{301},=cmd", "a\"\u{200D},\"\u{FE0F}\n", "a\nb", "a\r\nb",
            "\"\r\n=1+1",
        ])
    func `a field stays one field, whatever quotes it holds`(hostile: String) {
        let record = "\"x\"," + Safe.csv(hostile) + ",\"y\""
        let found = fields(record)
        #expect(found?.count == 3 && found?.last == "y", "\(record)")
        #expect(!record.unicodeScalars.contains { $0.value < 32 })
    }

    @Test func `ordinary text is left as it is`() {
        #expect(Safe.csv("0016586") == "\"0016586\"")
        #expect(Safe.csv("say \"x\"") == "\"say \"\"x\"\"\"")
        #expect(Safe.csv("a-b=c") == "\"a-b=c\"")
    }
}
