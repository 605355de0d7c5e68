import Keymap
import Posix
import TestSupport
import Testing

@testable import Scanners

@Suite struct KeyDecoderTests {
    private static let printable = (32...126).compactMap { Unicode.Scalar($0) }

    /// The characters of ASCII that a layout has behind dead keys only, or not at all.
    private static let layouts: [(layout: String, missing: String)] = [
        ("us", ""), ("gb", ""), ("de", "^`"), ("de(nodeadkeys)", ""), ("fr", ""), ("es", "^`"), ("it", ""),
        ("cz", ""),
    ]

    @Test(arguments: layouts) func `what a layout has keys for is read as it was typed`(layout: String, missing: String)
        throws
    {
        let keymap = try Layouts.keymap(layout)
        let typed = Self.printable.filter { keymap.keystroke(for: $0) != nil }
        #expect(
            String(String.UnicodeScalarView(Self.printable.filter { keymap.keystroke(for: $0) == nil })) == missing)
        for size in [1, 7, 40] {
            let text = String(String.UnicodeScalarView(typed))
            #expect(try decode(keyboard(layout), readsOf: size) { try $0.scan(text) } == [scanned(text)])
        }
        for character in typed {
            #expect(try decode(keyboard(layout)) { try $0.scan(String(character)) } == [scanned(String(character))])
        }
    }

    @Test func `a scanner set to US and a Czech host give the letters of the story`() throws {
        let us = try Layouts.keymap("us")
        let out = try decode(keyboard("cz")) { typist in
            for digit in "8594156270087".unicodeScalars { typist.tap(try #require(us.keystroke(for: digit)).key) }
            typist.tap(Key.enter)
        }
        #expect(out == [scanned("áříč+řžěýééáý")])
    }

    @Test func `text beyond ASCII is UTF-8`() throws {
        #expect(try decode(keyboard("de")) { try $0.scan("Straße ÄÖ€§") } == [scanned("Straße ÄÖ€§")])
        #expect(try decode(keyboard("ru")) { try $0.scan("СБ00042") } == [scanned("СБ00042")])
    }

    @Test func `CapsLock is the scanner's own, and starts off`() throws {
        #expect(try decode(keyboard()) { try $0.scan("SB00042ab") } == [scanned("SB00042ab")])
        let out = try decode(keyboard()) { typist in
            typist.tap(Key.caps)
            try typist.type("sb00042")
            typist.tap(Key.caps)
            typist.tap(Key.enter)
            try typist.scan("sb")
        }
        #expect(out == [scanned("SB00042"), scanned("sb")])
        // A scanner that types for a host with CapsLock on.
        #expect(try decode(keyboard { $0.capsLock = true }) { try $0.scan("sb00042AB") } == [scanned("SB00042ab")])
    }

    @Test func `the keypad is digits, whatever NumLock does`() throws {
        let out = try decode(keyboard()) { typist in
            typist.tap(Key.num)
            for key in Key.keypad { typist.tap(key) }
            typist.tap(Key.num)
            typist.tap(Key.keypad[7])
            typist.tap(Key.keypadEnter)
        }
        #expect(out == [scanned("01234567897")])
    }

    @Test(
        arguments: [
            ("065", "A"), ("65", "A"), ("0128", "€"), ("128", "Ç"), ("0233", "é"), ("130", "é"), ("225", "ß"),
            ("0223", "ß"), ("255", "\u{A0}"), ("029", "\u{1D}"), ("29", "\u{1D}"), ("0030", "\u{1E}"), ("04", "\u{4}"),
            ("8364", "€"), ("08364", "€"), ("128512", "😀"), ("0159", "Ÿ"), ("0160", "\u{A0}"), ("254", "■"),
        ])
    func `a number typed with Alt is its character`(digits: String, character: String) throws {
        let out = try decode(keyboard()) { typist in
            try typist.type("x")
            typist.altCode(digits)
            try typist.scan("y")
        }
        #expect(out == [scanned("x\(character)y")])
    }

    @Test(arguments: ["0", "000", "0129", "0157", "55296", "1114112", "123456789"])
    func `a number that names no character makes no scan`(digits: String) throws {
        let out = try decode(keyboard()) { typist in
            try typist.type("x")
            typist.altCode(digits)
            try typist.scan("y")
            try typist.scan("SB00042")
        }
        #expect(out == [.dropped(.noise), scanned("SB00042")])
    }

    @Test func `a terminator may be typed as a number`() throws {
        let out = try decode(keyboard()) { typist in
            for code in ["083", "066", "049", "013", "050", "010", "051", "009"] { typist.altCode(code) }
        }
        #expect(out == [scanned("SB1"), scanned("2"), scanned("3")])
    }

    @Test func `GS, RS and EOT come with the Control key`() throws {
        let gs = "[)>\u{1E}06\u{1D}1P42\u{1E}\u{4}"
        let out = try decode(keyboard()) { typist in
            for character in gs.unicodeScalars {
                switch character {
                case "\u{1E}": typist.hold([Key.leftControl, Key.leftShift], 7)
                case "\u{1D}": typist.hold([Key.leftControl], 27)
                case "\u{4}": typist.hold([Key.leftControl], 32)
                default: try typist.type(String(character))
                }
            }
            typist.hold([Key.leftControl], 50)
        }
        #expect(out == [scanned(gs)])
        // German: ] is AltGr+9, and its US place is + there.
        for keys in [([Key.leftControl, Key.altGr], UInt16(10)), ([Key.leftControl], UInt16(27))] {
            let out = try decode(keyboard("de")) { typist in
                try typist.type("A")
                typist.hold(keys.0, keys.1)
                try typist.scan("B")
            }
            #expect(out == [scanned("A\u{1D}B")])
        }
    }

    @Test func `repeated keys are no characters, and while one stays down no label is taken`() throws {
        let out = try decode(keyboard()) { typist in
            try typist.type("SB0")
            typist.key(11, 1)
            for _ in 0..<20 { typist.key(11, 2) }
            // 0, 2 and Shift are never released.
            typist.key(3, 1)
            typist.key(54, 1)
            typist.tap(Key.enter)
            try typist.scan("AB1")
            try typist.scan("ab1")
        }
        #expect(out == [scanned("SB002"), .dropped(.stuckKey), .dropped(.stuckKey)])
        let late = try decode(keyboard()) { typist in
            typist.key(Key.leftShift, 1)
            typist.time += 3_000_000
            try typist.scan("ab1")
        }
        #expect(late == [.dropped(.stuckKey)])
    }

    @Test func `an accent that waits for its letter is not guessed`() throws {
        let out = try decode(keyboard("de")) { typist in
            try typist.type("a")
            typist.tap(41)
            try typist.scan("e")
            typist.tap(41)
            try typist.scan("e")
            try typist.scan("SB00042")
        }
        #expect(out == [.dropped(.noise), .dropped(.noise), scanned("SB00042")])
    }
}
