import Keymap
import Model
import Posix
import TestSupport
import Testing

@testable import Scanners

@Suite struct KeyDecoderFramingTests {
    @Test(
        arguments: [
            (.any, [scanned("A"), scanned("B"), scanned("C")]), (.enter, [scanned("A"), scanned("B\tC")]),
            (.tab, [scanned("A\rB")]), (.idle, []),
        ] as [(KeyboardSettings.Terminator, [ScannerOutput])])
    func `what ends a scan is as was set, and what ends none is part of it`(
        terminator: KeyboardSettings.Terminator, expected: [ScannerOutput]
    ) throws {
        let out = try decode(keyboard { $0.terminator = terminator }) { typist in
            try typist.scan("A")
            try typist.type("B")
            typist.tap(Key.tab)
            try typist.type("C")
            if terminator != .tab { typist.tap(Key.enter) }
        }
        #expect(out == expected)
    }

    @Test func `Enter twice, or Enter and LF, ends one scan`() throws {
        let out = try decode(keyboard()) { typist in
            try typist.scan("A")
            typist.tap(Key.enter)
            typist.hold([Key.leftControl], 36)
            try typist.scan("B")
        }
        #expect(out == [scanned("A"), scanned("B")])
    }

    @Test func `prefix, AIM identifier and suffix are taken off`() throws {
        let settings = try keyboard {
            ($0.prefix, $0.suffix, $0.hasAIM) = (Array("<".utf8), Array(">".utf8), true)
        }
        let out = try decode(settings) { typist in
            for text in ["<]Q1SB00042>", "<]d2]Q1>", "<]Q1>", "]Q1SB00042>", "<SB00042>", "<]1QA>", "<]Q1A"] {
                try typist.scan(text)
            }
        }
        #expect(
            out == [
                .scan(bytes: Array("SB00042".utf8), symbology: .qr, aim: "]Q1"),
                .scan(bytes: Array("]Q1".utf8), symbology: .dataMatrix, aim: "]d2"), .dropped(.fragment),
                .dropped(.affix), .dropped(.affix), .dropped(.affix), .dropped(.affix),
            ])
    }

    @Test func `silence ends a scan for idle, and is a fragment for the others`() throws {
        for terminator in KeyboardSettings.Terminator.allCases {
            var decoder = KeyDecoder(try keyboard { ($0.terminator, $0.idleMs) = (terminator, 100) })
            decoder.begin(at: 0, isAtRest: true)
            var typist = try Typist()
            #expect(decoder.patience == nil)
            try typist.type("SB00042")
            _ = decoder.push(typist.take())
            #expect(decoder.patience == (terminator == .idle ? 100_000 : 2_000_000))
            #expect(decoder.silence() == [terminator == .idle ? scanned("SB00042") : .dropped(.fragment)])
            #expect(decoder.patience == nil && decoder.silence() == [] && decoder.isAtRest)
        }
    }

    @Test func `events that waited are told apart by their own time, also while a key repeats`() throws {
        let out = try decode(keyboard { ($0.terminator, $0.idleMs) = (.idle, 100) }) { typist in
            try typist.type("SB1")
            typist.time += 98_999
            try typist.type("2")
            typist.time += 99_000
            try typist.type("SB")
            typist.key(4, 1)
            for _ in 0..<10 {
                typist.time += 33_000
                typist.key(4, 2)
            }
        }
        #expect(out == [scanned("SB12"), scanned("SB3")])
        let fragments = try decode(keyboard()) { typist in
            try typist.type("SB000")
            typist.time += 2_000_000
            try typist.scan("SB00042")
        }
        #expect(fragments == [.dropped(.fragment), scanned("SB00042")])
    }

    @Test(arguments: [0, 1, 2, 20_000]) func `the longest scan is taken, and one byte more is not`(extra: Int) throws {
        let label = String(repeating: "7", count: 8192 + extra)
        let out = try decode(keyboard()) { typist in
            try typist.scan(label)
            try typist.scan("B")
        }
        #expect(out == [extra == 0 ? scanned(label) : .dropped(.tooLong), scanned("B")])
    }

    @Test func `a scan that was under way at the start is not taken for a whole one`() throws {
        var typist = try Typist()
        var decoder = KeyDecoder(try keyboard())
        decoder.begin(at: typist.time - 249_999, isAtRest: false)
        #expect(decoder.patience == 250_000 && !decoder.isAtRest)
        try typist.scan("042")
        try typist.scan("SB00042")
        #expect(decoder.push(typist.take()) == [.dropped(.fragment), scanned("SB00042")])

        // A quarter of a second without a key, told by a timer or by the events' time, shows that none was.
        var calm = KeyDecoder(try keyboard())
        calm.begin(at: 0, isAtRest: false)
        #expect(calm.silence() == [] && calm.patience == nil)
        try typist.scan("SB00042")
        let events = typist.take()
        #expect(calm.push(events) == [scanned("SB00042")])
        var late = KeyDecoder(try keyboard())
        late.begin(at: (events.first?.time ?? 0) - 250_000, isAtRest: false)
        #expect(late.push(events) == [scanned("SB00042")])
    }

    @Test func `lost events drop the scan up to its end, and no scan is guessed from what is left`() throws {
        var typist = try Typist()
        var decoder = KeyDecoder(try keyboard())
        decoder.begin(at: 0, isAtRest: true)
        try typist.type("SB0")
        // Shift goes down among what was lost, and up again after it.
        typist.lose()
        try typist.type("7")
        #expect(decoder.push(typist.take()) == [])
        #expect(decoder.needsKeys && decoder.patience == nil)
        decoder.resume(keysDown: [Key.leftShift, 30], at: typist.time)
        #expect(!decoder.needsKeys && decoder.patience == 2_000_000)
        typist.key(Key.leftShift, 0)
        try typist.scan("42")
        try typist.scan("SB00043")
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents), scanned("SB00043")])
    }

    @Test func `each scan whose end is seen behind lost events is a dropped one`() throws {
        var typist = try Typist()
        var decoder = KeyDecoder(try keyboard())
        decoder.begin(at: 0, isAtRest: true)
        typist.lose()
        try typist.scan("42")
        try typist.scan("SB00043")
        try typist.type("SB")
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents), .dropped(.lostEvents)])
        decoder.resume(keysDown: [], at: typist.time)
        try typist.scan("00044")
        try typist.scan("SB00045")
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents), scanned("SB00045")])

        // Nothing is left of the lost scan: what comes at once may be its rest, what comes after silence is not.
        typist.lose()
        typist.tap(Key.enter)
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents)])
        decoder.resume(keysDown: [], at: typist.time)
        try typist.scan("046")
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents)])
        typist.lose()
        typist.tap(Key.enter)
        #expect(decoder.push(typist.take()) == [.dropped(.lostEvents)])
        decoder.resume(keysDown: [], at: typist.time)
        typist.time += 2_000_000
        try typist.scan("SB00047")
        #expect(decoder.push(typist.take()) == [scanned("SB00047")])
    }

    @Test func `a lost scan whose end never comes is dropped by silence`() throws {
        var typist = try Typist()
        var decoder = KeyDecoder(try keyboard())
        decoder.begin(at: 0, isAtRest: true)
        typist.lose()
        #expect(decoder.push(typist.take()) == [])
        decoder.resume(keysDown: [], at: typist.time)
        #expect(decoder.silence() == [.dropped(.lostEvents)])
        #expect(decoder.silence() == [] && decoder.isAtRest)
    }

    @Test(arguments: 1...60 as ClosedRange<UInt64>) func `whatever is pressed, only what was typed whole comes out`(
        seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        var typist = try Typist()
        var decoder = KeyDecoder(try keyboard())
        decoder.begin(at: 0, isAtRest: true)
        for round in 0..<30 {
            // Keys that are no shortcut in any combination: digits, letters, Shift, CapsLock, and lost events.
            let keys: [UInt16] = [2, 3, 11, 16, 30, 44, Key.leftShift, Key.caps, Key.keypad[3]]
            for _ in 0..<Int.random(in: 0...60, using: &generator) {
                switch Int.random(in: 0...40, using: &generator) {
                case 0: typist.lose()
                case 1: typist.time += Int64.random(in: 0...3_000_000, using: &generator)
                default:
                    typist.key(
                        keys.randomElement(using: &generator) ?? 2, Int32.random(in: 0...2, using: &generator))
                }
            }
            _ = decoder.push(typist.take())
            if decoder.needsKeys { decoder.resume(keysDown: [Key.leftShift, Key.caps, 30], at: typist.time) }
            typist.tap(Key.enter)
            // CapsLock as it was left: a fault's end puts it off.
            _ = decoder.push(typist.take())
            _ = decoder.silence()
            typist.lose()
            _ = decoder.push(typist.take())
            decoder.resume(keysDown: [], at: typist.time)
            _ = decoder.silence()
            try typist.scan("SB\(10_000 + round)x")
            #expect(decoder.push(typist.take()) == [scanned("SB\(10_000 + round)x")], "round \(round)")
        }
    }
}
