import Keymap
import TestSupport
import Testing

@testable import Scanners

@Suite struct KeyDecoderStuckTests {
    private static let q: UInt16 = 16

    @Test func `while a key is stuck no label is taken, and each that was typed is counted`() throws {
        let out = try decode(keyboard()) { typist in
            try typist.scan("A1")
            // Pressed, never let go: later presses of it are not seen by the kernel.
            typist.key(Self.q, 1)
            try typist.scan("B2")
            try typist.scan("C3")
            typist.key(Self.q, 0)
            try typist.scan("q4")
        }
        #expect(out == [scanned("A1"), .dropped(.stuckKey), .dropped(.stuckKey), scanned("q4")])
    }

    @Test func `a key that the kernel repeats is let go at the end, and is one character`() throws {
        let out = try decode(keyboard()) { typist in
            typist.key(Self.q, 1)
            for _ in 0..<5 { typist.key(Self.q, 2) }
            typist.key(Self.q, 0)
            try typist.scan("1")
        }
        #expect(out == [scanned("q1")])
    }

    @Test func `keys that overlap, as a fast scanner's do, are no stuck keys`() throws {
        let out = try decode(keyboard()) { typist in
            // S down, B down, S up, 1 down, B up, Enter down, 1 up, Enter up.
            for (key, value) in [(31, 1), (48, 1), (31, 0), (2, 1), (48, 0), (28, 1), (2, 0), (28, 0)] {
                typist.key(UInt16(key), Int32(value))
            }
        }
        #expect(out == [scanned("sb1")])
    }

    @Test func `Shift may be down for a whole label, but not from one into the next`() throws {
        let out = try decode(keyboard()) { typist in
            typist.key(Key.leftShift, 1)
            for key: UInt16 in [31, 48, 28] { typist.tap(key) }
            typist.key(Key.leftShift, 0)
            typist.key(Key.leftShift, 1)
            for key: UInt16 in [31, 48, 28] { typist.tap(key) }
            for key: UInt16 in [31, 48, 28] { typist.tap(key) }
            typist.key(Key.leftShift, 0)
            try typist.scan("sb")
        }
        #expect(out == [scanned("SB"), scanned("SB"), .dropped(.stuckKey), scanned("sb")])
    }

    @Test func `an accent before a space is itself, and before a letter nobody's label`() throws {
        let (circumflex, acute, space, e, enter): (UInt16, UInt16, UInt16, UInt16, UInt16) = (41, 13, 57, 18, 28)
        let out = try decode(keyboard("de")) { typist in
            for key in [e, circumflex, space, e, enter] { typist.tap(key) }
            typist.hold([Key.leftShift], acute)
            for key in [space, enter] { typist.tap(key) }
            for key in [circumflex, e, enter] { typist.tap(key) }
            for key in [e, circumflex, enter] { typist.tap(key) }
            for key in [circumflex, circumflex, space, enter] { typist.tap(key) }
            try typist.scan("e")
        }
        #expect(
            out == [
                scanned("e^e"), scanned("`"), .dropped(.noise), .dropped(.noise), .dropped(.noise), scanned("e"),
            ])
    }
}
