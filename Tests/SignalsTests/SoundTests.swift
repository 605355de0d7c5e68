import Model
import TestSupport
import Testing

@testable import Signals

/// ALSA's `file` plug-in writes what would be played into a file; its slave is ALSA's `null`.
@Suite(.timeLimit(.minutes(4))) struct SoundTests {
    private func play(_ signals: [Signal], volume: Int = 80) async throws -> [Int16] {
        try await withTemporaryDirectory { directory in
            let path = directory + "/sound.raw"
            let output = SignalOutput(
                SignalSettings(name: "x", kind: .sound(device: "file:FILE=\(path),FORMAT=raw", volume: volume)),
                clock: .immediate)
            let running = Task { await output.run() }
            for (index, signal) in signals.enumerated() {
                output.give(signal)
                try await eventually("signal \(index)") {
                    let status = output.status
                    if let fault = status.fault { throw SetupError(fault.description) }
                    return status.given == index + 1
                }
            }
            output.finish()
            await running.value
            let bytes = try read(path)
            return stride(from: 0, to: bytes.count - 1, by: 2).map {
                Int16(bitPattern: UInt16(bytes[$0]) | UInt16(bytes[$0 + 1]) << 8)
            }
        }
    }

    @Test(arguments: Signal.allCases)
    func `a signal is written to the card, whole and as it was made`(signal: Signal) async throws {
        let pattern = try #require(SignalPatterns.sound[signal])
        let samples = try await play([signal])
        let expected = Tone.samples(pattern, rate: 48_000, volume: 80)
        #expect(samples.count >= expected.count)
        #expect(Array(samples.prefix(expected.count)) == expected)
        #expect(samples.dropFirst(expected.count).allSatisfy { $0 == 0 })
    }

    @Test func `a card that is not there is named`() async throws {
        let output = SignalOutput(
            SignalSettings(name: "x", kind: .sound(device: "plughw:31,0", volume: 80)), clock: .immediate)
        let running = Task { await output.run() }
        output.give(.stored)
        try await eventually("the fault") { output.status.fault != nil }
        #expect(output.status.fault?.message.hasPrefix("sound device plughw:31,0 cannot be opened: ") == true)
        #expect(output.status.fault?.hint.contains("aplay -l") == true)
        output.finish()
        await running.value
    }
}

extension TimeSource {
    /// Nobody sleeps.
    fileprivate static var immediate: TimeSource {
        let clock = ManualClock()
        clock.setAutomatic(true)
        return clock.source
    }
}
