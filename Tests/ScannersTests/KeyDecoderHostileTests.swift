import Keymap
import TestSupport
import Testing

@testable import Scanners

@Suite struct KeyDecoderHostileTests {
    /// What is held, what is pressed, and how it is named.
    private static let shortcuts: [(held: [UInt16], key: UInt16, name: String)] = [
        ([Key.leftControl, Key.leftAlt], 20, "Ctrl+Alt+t"), ([Key.leftControl, Key.leftAlt], 111, "Ctrl+Alt+Delete"),
        ([Key.leftControl, Key.leftAlt], 59, "Ctrl+Alt+F1"), ([Key.leftAlt], Key.tab, "Alt+Tab"),
        ([Key.leftAlt], 62, "Alt+F4"), ([Key.altGr], 62, "Alt+F4"), ([Key.leftAlt], 57, "Alt+space"),
        ([Key.leftAlt], 30, "Alt+a"), ([Key.altGr], Key.tab, "Alt+Tab"), ([Key.leftControl], 46, "Ctrl+c"),
        ([Key.leftControl], 47, "Ctrl+v"), ([Key.leftControl], 30, "Ctrl+a"), ([Key.leftControl], 57, "Ctrl+space"),
        ([Key.leftControl], Key.enter, "Ctrl+Return"), ([Key.leftControl], Key.tab, "Ctrl+Tab"),
        ([Key.leftControl], 13, "Ctrl+equal"), ([Key.leftControl], 26, "Ctrl+bracketleft"),
        ([Key.leftControl, Key.leftShift], 22, "Ctrl+Shift+u"), ([Key.leftShift], 60, "Shift+F2"),
        ([Key.leftControl, Key.leftAlt], 79, "Ctrl+Alt+"), ([], 103, "Up"), ([], 105, "Left"), ([], 111, "Delete"),
        ([], 127, "Menu"), ([], 99, "Print"), ([], 113, "XF86AudioMute"), ([], 116, "XF86PowerOff"), ([], 1, "Escape"),
        ([], 14, "BackSpace"), ([], Key.meta, "Meta"), ([Key.meta], 19, "Meta"),
        ([Key.leftShift], Key.tab, "Shift+Tab"), ([], 0x110, "key 272"),
    ]

    @Test(arguments: shortcuts, [0, 1]) private func `what no scanner presses is refused, in a scan and outside`(
        one: (held: [UInt16], key: UInt16, name: String), inside: Int
    ) throws {
        let out = try decode(keyboard()) { typist in
            if inside == 1 { try typist.type("SB00") }
            for key in one.held { typist.key(key, 1) }
            typist.tap(one.key)
            for key in one.held { typist.key(key, 0) }
            try typist.scan("SB00042")
        }
        guard case .hostile(let reason)? = out.first, out.count == 1 else {
            Issue.record("\(one.name): \(out)")
            return
        }
        #expect(reason.hasPrefix("it pressed \(one.name)") && reason.hasSuffix(", which no scanner does"), "\(reason)")
    }

    @Test func `what scanners press is not refused`() throws {
        let out = try decode(keyboard("us")) { typist in
            for key in [Key.leftShift, Key.leftControl, Key.leftAlt, Key.altGr, Key.caps, Key.caps, Key.num, 70] {
                typist.tap(key)
            }
            // Two function keys as a preamble.
            typist.tap(67)
            typist.tap(88)
            try typist.type("A")
            for key in [27, 43, 7, 32] { typist.hold([Key.leftControl], UInt16(key)) }
            typist.hold([Key.leftControl, Key.leftShift], 12)
            typist.hold([Key.leftControl], 50)
            try typist.type("B")
            typist.hold([Key.leftControl], 36)
            try typist.type("C")
            typist.hold([Key.leftControl], 23)
        }
        #expect(out == [scanned("A\u{1D}\u{1C}\u{1E}\u{4}\u{1F}"), scanned("B"), scanned("C")])
    }

    @Test func `a few function keys before a scan are a preamble, more are not`() throws {
        for count in 1...6 {
            let out = try decode(keyboard()) { typist in
                for _ in 0..<count { typist.tap(66) }
                try typist.scan("SB00042")
                for _ in 0..<min(count, 4) { typist.tap(66) }
                try typist.scan("SB00043")
            }
            if count <= 4 {
                #expect(out == [scanned("SB00042"), scanned("SB00043")])
            } else {
                #expect(out == [.hostile("it pressed more than 4 function keys, which no scanner does")])
            }
        }
    }

    @Test func `a function key in a scan, and AltGr that the layout lacks, drop the scan and no more`() throws {
        let out = try decode(keyboard()) { typist in
            try typist.type("A")
            typist.tap(66)
            try typist.scan("B")
            typist.hold([Key.altGr], 16)
            try typist.scan("C")
            try typist.scan("SB00042")
        }
        #expect(out == [.dropped(.noise), .dropped(.noise), scanned("SB00042")])
    }

    @Test func `control characters that are set, or are of an affix, are taken`() throws {
        let affixes = try decode(keyboard { ($0.prefix, $0.suffix) = ([2], [3]) }) { typist in
            typist.hold([Key.leftControl], 48)
            try typist.type("SB00042")
            typist.hold([Key.leftControl], 46)
            typist.tap(Key.enter)
        }
        #expect(affixes == [scanned("SB00042")])
        let named = try decode(keyboard { $0.controls = [0x1B, 8, 1] }) { typist in
            typist.tap(1)
            typist.tap(14)
            typist.hold([Key.leftControl], 30)
            try typist.scan("A")
        }
        #expect(named == [scanned("\u{1B}\u{8}\u{1}A")])
    }
}
