import Model
import Testing

@testable import Signals

@Suite struct SignalPatternTests {
    @Test func `every signal has a rhythm of its own, by sound and by light`() {
        // Which beats are long, apart from pitch and colour.
        func rhythm(_ pattern: SignalPattern?) -> String {
            (pattern?.beats ?? []).filter { $0.what != nil }.map { $0.duration > .milliseconds(200) ? "L" : "S" }
                .joined()
        }
        for patterns in [SignalPatterns.sound, SignalPatterns.light] {
            let rhythms = Signal.allCases.map { rhythm(patterns[$0]) }
            #expect(rhythms == ["S", "SL", "LL", "SS", "SSL"])
            #expect(patterns.values.allSatisfy { $0.duration < .milliseconds(1100) })
        }
    }

    @Test(arguments: [
        "", "1800:80", "1800:80 -:60 1200:160", "green:10", "a:2000 b:1000",
        Array(repeating: "x:10", count: 16).joined(separator: " "),
    ])
    func `a pattern is beats and pauses`(text: String) throws {
        let pattern = try SignalPattern(text)
        #expect(pattern.beats.count == text.split(separator: " ").count)
    }

    @Test(arguments: [
        "1800", "1800:", ":80", "1800:9", "1800:2001", "1800:x", "a:1:2", "a:2000 b:1001",
        Array(repeating: "x:10", count: 17).joined(separator: " "),
    ])
    func `what is no pattern is refused`(text: String) {
        #expect(throws: SignalPattern.Mistake.self) { try SignalPattern(text) }
    }

    @Test(arguments: ["99:80", "8001:80", "green:80", "-1:80"])
    func `a tone is a frequency that can be heard`(text: String) throws {
        let pattern = try SignalPattern(text)
        #expect(throws: SignalPattern.Mistake.self) { try pattern.checkTones() }
    }

    @Test func `a light without the colour shows the rhythm in its first`() {
        let buzzer = SignalSettings(
            name: "buzzer", kind: .gpio(chip: "x", lines: [.init(colour: "on", offset: 1)], isActiveLow: false))
        #expect(buzzer.pattern(of: .refused).beats.map(\.what) == ["on", nil, "on"])
    }

    @Test func `a tone has its frequency, its length, soft edges and its volume`() throws {
        let samples = Tone.samples(try SignalPattern("1000:100 -:50 1000:100"), rate: 48_000, volume: 50)
        #expect(samples.count == 250 * 48)
        #expect(samples[4800..<7200].allSatisfy { $0 == 0 })
        let tone = samples[..<4800]
        // 100 periods, of which each crosses zero upwards once.
        let crossings = zip(tone, tone.dropFirst()).count { $0 < 0 && $1 >= 0 }
        #expect((98...101).contains(crossings))
        let loudest = tone.map { abs(Int($0)) }.max() ?? 0
        #expect((11_000...16_000).contains(loudest))
        #expect(abs(Int(tone[0])) < 200 && abs(Int(tone[4799])) < 200)
        #expect(Tone.samples(try SignalPattern("1000:100"), rate: 48_000, volume: 0).allSatisfy { $0 == 0 })
    }
}
