import Glibc
import Model
import Posix
import Synchronization
import TestSupport

@testable import Signals

/// A light on a pseudo-terminal: what the gateway has written to it, as text.
final class TestLight: Sendable {
    private let terminal: PseudoTerminal
    var path: String { terminal.path }

    init() throws { terminal = try PseudoTerminal() }

    static let colours = ["green", "amber", "red"].map { name in
        SignalSettings.Colour(name: name, on: Array("+\(name.first ?? "?")".utf8), off: Array("-".utf8))
    }

    func settings(
        _ name: String = "light", lanes: Set<LaneID> = [], colours: [SignalSettings.Colour] = TestLight.colours,
        patterns: [Signal: SignalPattern] = [:]
    ) -> SignalSettings {
        SignalSettings(
            name: name, lanes: lanes, kind: .light(path: path, baud: 9600, colours: colours), patterns: patterns)
    }

    /// What has come since the last call; nothing is waited for.
    func read() throws -> String {
        var text = ""
        var ready = pollfd(fd: terminal.scanner.raw, events: Int16(POLLIN), revents: 0)
        while poll(&ready, 1, 0) > 0, ready.revents & Int16(POLLIN) != 0 {
            var bytes = [UInt8](repeating: 0, count: 256)
            guard let count = try terminal.scanner.read(into: &bytes, subject: "light"), count > 0 else { break }
            text += String(decoding: bytes[..<count], as: UTF8.self)
        }
        return text
    }

    /// Waits until exactly this has come, and says what has where it does not.
    func expect(_ text: String) async throws {
        let seen = Mutex("")
        do {
            try await eventually("the light to get \(text)") {
                let more = try read()
                return seen.withLock { seen in
                    seen += more
                    return seen.count >= text.count
                }
            }
        } catch { throw SetupError("the light got \(seen.withLock { $0 }), not \(text)") }
        guard seen.withLock({ $0 }) == text else {
            throw SetupError("the light got \(seen.withLock { $0 }), not \(text)")
        }
    }
}

/// A device that writes down what it is told, and fails when it is to.
final class RecordingDevice: SignalDevice {
    struct Log: Sendable {
        var lines: [String] = []
        var fault: SignalError?
        /// Blocks the output's thread while set.
        var isStuck = false
    }

    final class Recorder: Sendable {
        let log = Mutex(Log())
        var lines: [String] { log.withLock { $0.lines } }
        func note(_ line: String) { log.withLock { $0.lines.append(line) } }
    }

    private let recorder: Recorder
    private var beats = BeatSequence(.silence)

    init(_ recorder: Recorder) { self.recorder = recorder }

    func begin(_ pattern: SignalPattern) throws(SignalError) -> Duration? {
        recorder.note("begin \(pattern.beats.count)")
        while recorder.log.withLock({ $0.isStuck }) { usleep(1000) }
        if let fault = recorder.log.withLock({ $0.fault }) { throw fault }
        beats = BeatSequence(pattern)
        return try next()
    }

    func next() throws(SignalError) -> Duration? {
        try beats.step { what throws(SignalError) in recorder.note(what ?? "-") }
    }

    func close() { recorder.note("close") }
}
