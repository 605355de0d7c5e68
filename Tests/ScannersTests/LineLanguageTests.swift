import Model
import TestSupport
import Testing

@testable import Scanners

private func settings(_ language: SerialSettings.Language, _ change: (inout SerialSettings) -> Void = { _ in })
    -> SerialSettings
{
    var settings = SerialSettings()
    settings.language = language
    change(&settings)
    return settings
}

private func read(_ driver: SerialDriver, _ bytes: [UInt8], pieces: [Int] = []) throws -> [ScannerOutput] {
    var out: [ScannerOutput] = []
    var from = 0
    for to in pieces + [bytes.count] {
        out += try driver.received(bytes[from..<to], from: -1)
        from = to
    }
    return out
}

private func scan(_ label: String, _ symbology: Symbology = .unknown, _ aim: String = "") -> ScannerOutput {
    .scan(bytes: Array(label.utf8), symbology: symbology, aim: aim)
}

@Suite struct LineLanguageTests {
    @Test func `GM65 frames have the published bytes`() {
        #expect(GM65Frame.request(.save, at: 0, [0]) == [0x7E, 0, 9, 1, 0, 0, 0, 0xDE, 0xC8])
        #expect(
            GM65Frame.request(.write, at: 0x002A, [0x39, 0x01])
                == [0x7E, 0, 8, 2, 0, 0x2A, 0x39, 0x01, 0xA7, 0xEA])
        #expect(GM65Frame.request(.read, at: 0x002A, [2]) == [0x7E, 0, 7, 1, 0, 0x2A, 2, 0xD8, 0x0F])
        #expect(GM65Frame.acknowledgement == [2, 0, 0, 1, 0, 0x33, 0x31])
    }

    @Test func `GM65 is triggered, asked for AIM, and has no feedback of its own`() throws {
        let driver = SerialDriver(settings(.gm65) { $0.hasAIM = true })
        #expect(try driver.begin(-1) == [.write([0x7E, 0, 8, 1, 0, 0xD0, 0x80, 0xAB, 0xCD])])
        #expect(driver.trigger?.on == Answer([0x7E, 0, 8, 1, 0, 2, 1, 0xAB, 0xCD]))
        #expect(driver.trigger?.off == Answer([0x7E, 0, 8, 1, 0, 2, 0, 0xAB, 0xCD]))
        #expect(driver.answers.isEmpty && driver.signals.isEmpty)
        #expect(try SerialDriver(settings(.gm65)).begin(-1) == [])
    }

    @Test func `GM65 replies are taken out of the scans, wherever they come and however they are cut`() throws {
        let reply = GM65Frame.acknowledgement
        let bytes =
            reply + Array("SB0".utf8) + reply + reply + Array("0001\r\n".utf8) + reply + Array("B\r".utf8)
            + [2, 0x41, 2, 13] + Array(reply.dropLast()) + reply + [13, 0x41, 2] + reply + [13]
        let expected = [
            scan("SB00001"), scan("B"), .scan(bytes: [2, 0x41, 2]), .dropped(.noise), .scan(bytes: [0x41, 2]),
        ]
        for cut in 0...bytes.count {
            let driver = SerialDriver(settings(.gm65))
            #expect(try read(driver, bytes, pieces: [cut]) == expected, "cut at \(cut)")
            #expect(driver.patience == nil)
        }
        #expect(try read(SerialDriver(settings(.gm65)), bytes, pieces: Array(bytes.indices)) == expected)
    }

    @Test func `bytes that could be a reply's beginning are part of the scan once the line is silent`() throws {
        let driver = SerialDriver(settings(.gm65) { $0.terminator = .idle })
        #expect(try read(driver, [0x41, 2]) == [])
        #expect(driver.patience == .milliseconds(50))
        #expect(driver.fellSilent() == [.scan(bytes: [0x41, 2])])
        #expect(driver.patience == nil)
        #expect(try read(driver, [2]) == [])
        #expect(driver.patience != nil)
        #expect(driver.fellSilent() == [.scan(bytes: [2])])
        let lines = SerialDriver(settings(.gm65))
        #expect(try read(lines, [2]) == [])
        #expect(lines.ended() == [.dropped(.fragment)])
    }

    @Test func `Honeywell's menu echoes are taken out, refusals are told, labels that look alike stay`() throws {
        let menu = Array("\u{16}M\rTRGMOD0;AIMON1,OFF2!\u{16}M\rBEPLVL3.".utf8)
        let bytes =
            Array("TRGMOD0\u{6};AIMON1\u{5},OFF2\u{6}!".utf8) + Array("TRGMOD0\r".utf8)
            + Array("BEPLVL3\u{6}.SB00001\rBEPLVL3\u{15}.".utf8) + Array("\u{6}A\r".utf8)
        for cut in 0...bytes.count {
            let driver = SerialDriver(settings(.honeywell) { $0.initial = menu })
            #expect(try driver.begin(-1) == [.write(menu)])
            let out = try read(driver, bytes, pieces: [cut])
            #expect(out.count == 5, "cut at \(cut)")
            guard out.count == 5, case .complaint(let first) = out[0], case .complaint(let second) = out[3] else {
                Issue.record("\(out)")
                continue
            }
            #expect(first.contains("AIMON1") && second.contains("BEPLVL3."))
            #expect([out[1], out[2], out[4]] == [scan("TRGMOD0"), scan("SB00001"), scan("\u{6}A")])
        }
    }

    @Test func `Honeywell is triggered by SYN T and answers by host commands`() {
        let driver = SerialDriver(settings(.honeywell))
        #expect(driver.trigger?.on == Answer([0x16, 0x54, 0x0D]) && driver.trigger?.off == Answer([0x16, 0x55, 0x0D]))
        #expect(driver.answers[.bagComplete] == Answer(Array("0\u{1B}4,0\u{1B}5,0\u{1B}6,".utf8)))
        #expect(driver.answers[.stored] == Answer(Array("0\u{1B}7,".utf8)))
    }

    @Test func `Datalogic beeps by bytes, or by STAR's sequences`() {
        let plain = SerialDriver(settings(.datalogic))
        #expect(plain.answers[.refused]?.steps.map(\.bytes) == [[1], [1], [1], [1], [1]])
        #expect(plain.trigger?.on == Answer([0x45]) && plain.trigger?.off == Answer([0x44]))
        let star = SerialDriver(settings(.datalogic) { $0.isStar = true })
        #expect(star.answers[.stored] == Answer(Array("\u{1B}[3q\u{1B}[6q\u{1B}[5q\u{1B}[7q".utf8)))
    }

    @Test(arguments: [SerialSettings.Language.honeywell, .datalogic], [false, true])
    func `the five signals differ`(language: SerialSettings.Language, isStar: Bool) {
        let driver = SerialDriver(settings(language) { $0.isStar = isStar && language == .datalogic })
        for first in Signal.allCases {
            #expect(driver.answers[first] != nil)
            for second in Signal.allCases where first != second {
                #expect(driver.answers[first] != driver.answers[second])
            }
        }
    }

    @Test func `AIM identifiers are taken off, and a line without one stays whole`() throws {
        let driver = SerialDriver(settings(.plain) { ($0.hasAIM, $0.prefix) = (true, [0x3C]) })
        let out = try read(driver, Array("<]Q1SB00001\r<]C0]Q1\r<SB1\r<]Q\r<]Q1\r<]1Qx\r<]X0y\r".utf8))
        #expect(
            out == [
                scan("SB00001", .qr, "]Q1"), scan("]Q1", .code128, "]C0"), scan("SB1"), scan("]Q"), scan("]1Qx"),
                scan("y", .unknown, "]X0"),
            ])
        let without = SerialDriver(settings(.plain))
        #expect(try read(without, Array("]Q1A\r".utf8)) == [scan("]Q1A")])
    }

    @Test func `the acknowledging byte comes before the feedback, and no signal without a scan sends 0x06`() {
        let driver = SerialDriver(
            settings(.plain) {
                $0.acknowledges = true
                $0.signals = [
                    .stored: Answer([Answer.Step([7], pause: .milliseconds(9)), Answer.Step([8])]),
                    .duplicate: Answer([UInt8]()),
                ]
            })
        let steps = [Answer.Step([7], pause: .milliseconds(9)), Answer.Step([8])]
        #expect(driver.answers[.stored] == Answer([Answer.Step([6])] + steps))
        #expect(driver.signals[.stored] == Answer(steps))
        #expect(driver.answers[.refused] == Answer([0x15]) && driver.signals[.refused] == Answer([0x15]))
        #expect(driver.answers[.duplicate] == Answer([6]))
    }

    @Test func `what is configured goes before the maker's own`() throws {
        let driver = SerialDriver(
            settings(.gm65) {
                $0.signals = [.stored: Answer([9])]
                ($0.triggerOn, $0.triggerOff) = (Answer([1]), Answer([2]))
                $0.initial = [3]
            })
        #expect(driver.answers == [.stored: Answer([9])])
        #expect(driver.trigger?.on == Answer([1]) && driver.trigger?.off == Answer([2]))
        #expect(try driver.begin(-1) == [.write([3])])
    }

    @Test(arguments: SerialSettings.Language.allCases.filter { $0 != .ssi }, 1...25 as ClosedRange<UInt64>)
    func `whatever comes, the next label is read and nothing grows`(
        language: SerialSettings.Language, seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let driver = SerialDriver(
            settings(language) {
                $0.hasAIM = seed % 2 == 0
                $0.initial = Array("\u{16}M\rTRGMOD0!".utf8)
            })
        for _ in 0..<300 {
            let count = Int.random(in: 0...200, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try driver.received(bytes[...], from: -1)
        }
        // An FF from before may still wait for what it marks.
        _ = try read(driver, [13, 13, 13])
        _ = driver.ended()
        #expect(try read(driver, Array("SB00042\r".utf8)) == [scan("SB00042")])
    }
}
