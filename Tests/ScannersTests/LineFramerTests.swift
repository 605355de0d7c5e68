import TestSupport
import Testing

@testable import Scanners

private typealias Output = LineFramer.Output

private func settings(
    _ terminator: SerialSettings.Terminator = .any, prefix: String = "", suffix: String = ""
) -> SerialSettings {
    var settings = SerialSettings()
    settings.terminator = terminator
    settings.prefix = Array(prefix.utf8)
    settings.suffix = Array(suffix.utf8)
    return settings
}

private func scan(_ text: String) -> Output { .scan(Array(text.utf8)) }

/// One way of reading bytes, and what has to come out.
private struct Case: CustomTestStringConvertible, Sendable {
    let terminator: SerialSettings.Terminator
    let bytes: [UInt8]
    let outputs: [Output]
    var prefix = ""
    var suffix = ""

    init(
        _ terminator: SerialSettings.Terminator, _ text: String, _ outputs: Output..., prefix: String = "",
        suffix: String = ""
    ) {
        self.init(terminator, Array(text.utf8), outputs, prefix: prefix, suffix: suffix)
    }

    init(
        _ terminator: SerialSettings.Terminator, _ bytes: [UInt8], _ outputs: [Output], prefix: String = "",
        suffix: String = ""
    ) {
        (self.terminator, self.bytes, self.outputs) = (terminator, bytes, outputs)
        (self.prefix, self.suffix) = (prefix, suffix)
    }

    var settings: SerialSettings { ScannersTests.settings(terminator, prefix: prefix, suffix: suffix) }
    var testDescription: String { "\(terminator) \(bytes)" }
}

@Suite struct LineFramerTests {
    private static let cases: [Case] = [
        Case(.any, "A\rB\nC\r\nD\n", scan("A"), scan("B"), scan("C"), scan("D")),
        Case(.any, "\r\n\r\n\n\rA\r\n", scan("A")),
        Case(.any, "A\n\rB\r", scan("A"), scan("B")),
        Case(.any, "A\tB\r", scan("A\tB")),
        Case(.cr, "A\rB\r\rC\r", scan("A"), scan("B"), scan("C")),
        Case(.cr, "A\nB\r", scan("A\nB")),
        Case(.lf, "A\n\nB\n", scan("A"), scan("B")),
        Case(.lf, "A\rB\n", scan("A\rB")),
        Case(.crlf, "A\r\n\r\nB\r\n", scan("A"), scan("B")),
        Case(.crlf, "A\rB\nC\r\n", scan("A\rB\nC")),
        Case(.crlf, "A\r\r\nB\r\n", scan("A\r"), scan("B")),
        Case(.tab, "A\t\tB\r\t", scan("A"), scan("B\r")),
        Case(.any, "<A>\r<B\r<>\r<C>\r", scan("A"), .dropped(.affix), scan("C"), prefix: "<", suffix: ">"),
        Case(.any, "\u{2}A\u{3}\r", scan("A"), prefix: "\u{2}", suffix: "\u{3}"),
        Case(.any, "ab\raba\ra\r", scan(""), scan("a"), .dropped(.affix), prefix: "ab"),
        // A prefix and a suffix that share bytes are not found twice in one.
        Case(.any, "aba\rabba\r", .dropped(.affix), scan(""), prefix: "ab", suffix: "ba"),
        Case(.crlf, "<A>\r\nB\r\n", scan("A"), .dropped(.affix), prefix: "<", suffix: ">"),
        Case(.any, "A\0B\rC\r", .dropped(.noise), scan("C")),
        Case(.crlf, "A\0B\r\nC\r\n", .dropped(.noise), scan("C")),
        Case(.crlf, "\0\r\nC\r\n", .dropped(.noise), scan("C")),
        Case(.any, [0x41, 0xFF, 0x00, 0x42, 0x43, 13, 0x44, 13], [.dropped(.lineError), scan("D")]),
        Case(.any, [0x41, 0xFF, 0x00, 0x00, 13, 0x44, 13], [.dropped(.lineError), scan("D")]),
        Case(.crlf, [0x41, 0xFF, 0x00, 0x42, 13, 10, 0x44, 13, 10], [.dropped(.lineError), scan("D")]),
        Case(.any, [0x41, 0xFF, 0xFF, 0x42, 13], [.scan([0x41, 0xFF, 0x42])]),
        Case(.any, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0xFF, 13, 0x41, 13], [.dropped(.lineError), scan("A")]),
        Case(.any, [0xFF, 0xFF, 0, 13, 0x41, 13], [.dropped(.noise), scan("A")]),
        // A terminator that the line has damaged ends nothing: half of two labels must not pass for one.
        Case(.any, [0x41, 0xFF, 0x00, 13, 0x42, 13, 0x43, 13], [.dropped(.lineError), scan("C")]),
        Case(.any, [0x80, 0xE9, 0x1B, 13], [.scan([0x80, 0xE9, 0x1B])]),
    ]

    @Test(arguments: cases) private func `bytes become scans, in whatever pieces they are read`(one: Case) {
        // An affix with nothing in between is no scan.
        let expected = one.outputs.filter { $0 != .scan([]) }
        for first in 0...one.bytes.count {
            for second in first...one.bytes.count {
                var framer = LineFramer(one.settings)
                var out = framer.push(one.bytes[..<first])
                out += framer.push(one.bytes[first..<second])
                out += framer.push(one.bytes[second...])
                #expect(out == expected, "cut at \(first) and \(second)")
                #expect(!framer.isInsideScan)
            }
        }
    }

    @Test(arguments: SerialSettings.Terminator.allCases)
    func `the longest scan is taken, and one byte more is not`(terminator: SerialSettings.Terminator) {
        let ending: [UInt8] =
            switch terminator {
            case .any, .cr: [13]
            case .lf: [10]
            case .crlf: [13, 10]
            case .tab: [9]
            case .idle: []
            }
        for (prefix, suffix) in [("", ""), ("<", ">>")] {
            for extra in [0, 1, 2, 100_000] {
                var framer = LineFramer(settings(terminator, prefix: prefix, suffix: suffix))
                let label = [UInt8](repeating: 0x41, count: 8192 + extra)
                let line = Array(prefix.utf8) + label + Array(suffix.utf8) + ending
                var out = framer.push(line[...])
                if terminator == .idle { out += framer.silence() }
                #expect(out == [extra == 0 ? .scan(label) : .dropped(.tooLong)], "\(extra) more")
                let next = Array(prefix.utf8) + [0x42] + Array(suffix.utf8) + ending
                out = framer.push(next[...])
                if terminator == .idle { out += framer.silence() }
                #expect(out == [.scan([0x42])])
            }
        }
    }

    @Test func `silence ends a scan for idle, and is a fragment for every other terminator`() {
        for terminator in SerialSettings.Terminator.allCases {
            var framer = LineFramer(settings(terminator))
            #expect(framer.silence() == [])
            #expect(framer.push([0x41, 0x42]) == [])
            #expect(framer.isInsideScan)
            #expect(framer.silence() == [terminator == .idle ? scan("AB") : .dropped(.fragment)])
            #expect(!framer.isInsideScan && framer.silence() == [])
        }
    }

    @Test func `an unplugged scanner's half scan is a fragment, and counted once`() {
        for terminator in SerialSettings.Terminator.allCases {
            var framer = LineFramer(settings(terminator))
            _ = framer.push([0x41])
            #expect(framer.abandon() == [.dropped(.fragment)])
            #expect(framer.abandon() == [])
            _ = framer.push([0x41, 0xFF, 0x00, 0x07])
            #expect(framer.abandon() == [.dropped(.lineError)])
        }
    }

    /// What a kernel with PARMRK gives for noise: damaged bytes marked, real FFs doubled.
    private func noise(_ generator: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for _ in 0..<Int.random(in: 0...400, using: &generator) {
            let byte = UInt8.random(in: 0...255, using: &generator)
            switch Int.random(in: 0...9, using: &generator) {
            case 0: bytes += [0xFF, 0x00, byte]
            case 1: bytes += [0xFF, 0x00, 0x00]
            case 2: bytes += [[13, 10], [13], [10], [9], [0]].randomElement(using: &generator) ?? []
            default: bytes += byte == 0xFF ? [0xFF, 0xFF] : [byte]
            }
        }
        return bytes
    }

    @Test(arguments: SerialSettings.Terminator.allCases, 1...40 as ClosedRange<UInt64>)
    func `whatever came before, the next whole scan comes out and memory stays bounded`(
        terminator: SerialSettings.Terminator, seed: UInt64
    ) {
        var generator = SeededGenerator(seed: seed)
        var framer = LineFramer(settings(terminator, prefix: seed % 2 == 0 ? "<" : "", suffix: ""))
        let ending: [UInt8] =
            switch terminator {
            case .any, .cr: [13]
            case .lf: [10]
            case .crlf: [13, 10]
            case .tab: [9]
            case .idle: []
            }
        for round in 0..<40 {
            var rest = noise(&generator)[...]
            if seed % 7 == 0 { rest += [UInt8](repeating: 0x41, count: 9000) }
            while !rest.isEmpty {
                let count = Int.random(in: 1...rest.count, using: &generator)
                for output in framer.push(rest.prefix(count)) { check(output) }
                rest = rest.dropFirst(count)
                let held = Mirror(reflecting: framer).descendant("line") as? [UInt8]
                #expect((held?.count ?? .max) <= 8192 + 2)
            }
            // The noise ends: as a line does, by silence, or by the plug.
            switch round % 3 {
            case 0 where terminator != .idle: _ = framer.push(ending[...])
            case 1: _ = framer.abandon()
            default: _ = framer.silence()
            }
            let label = Array("SB\(10_000 + round)".utf8)
            var out = framer.push((Array((seed % 2 == 0 ? "<" : "").utf8) + label + ending)[...])
            if terminator == .idle { out += framer.silence() }
            #expect(out == [.scan(label)], "round \(round)")
        }
    }

    private func check(_ output: LineFramer.Output) {
        guard case .scan(let bytes) = output else { return }
        #expect((1...8192).contains(bytes.count) && !bytes.contains(0))
    }
}
