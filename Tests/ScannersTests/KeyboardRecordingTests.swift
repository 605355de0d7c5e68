import Posix
import TestSupport
import Testing

@testable import Scanners

/// What a real kernel gave for a keyboard gadget on its USB bus, read again.
@Suite struct KeyboardRecordingTests {
    private func recording(_ name: String) throws -> [InputEvent] {
        let folder = "\(#filePath)".split(separator: "/").dropLast().joined(separator: "/")
        let text = String(decoding: try read("/\(folder)/Recordings/\(name).txt"), as: UTF8.self)
        return try text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let words = line.split(separator: " ")
            guard words.count == 4, let time = Int64(words[0]), let type = UInt16(words[1]),
                let code = UInt16(words[2]), let value = Int32(words[3])
            else { throw SetupError("\(name): \(line)") }
            return InputEvent(time: time + 1_000_000, type: type, code: code, value: value)
        }
    }

    /// What comes of a recording, read in pieces of a size; then the device is gone.
    private func replay(_ name: String, readsOf size: Int, _ settings: KeyboardSettings) throws -> [ScannerOutput] {
        var decoder = KeyDecoder(settings)
        decoder.begin(at: 0, isAtRest: true)
        var out: [ScannerOutput] = []
        var rest = try recording(name)[...]
        while !rest.isEmpty {
            // What comes a second later is another read's, however many fit into one.
            let end = (rest.first?.time ?? 0) + 1_000_000
            let events = Array(rest.prefix(size).prefix { $0.time < end })
            rest = rest.dropFirst(events.count)
            out += decoder.push(events)
            if decoder.needsKeys {
                // As the driver does: what waits is passed over, which in a recording is what follows at once.
                let now = (events.last?.time ?? 0) + 1_000_000
                out += decoder.push(Array(rest.prefix { $0.time < now }))
                rest = rest.drop { $0.time < now }
                decoder.resume(keysDown: [], at: now)
            }
        }
        return out + decoder.abandon()
    }

    @Test(
        arguments: [
            ("label", [scanned("SB00042"), scanned("LABEL NO. 0016586/a-b_C")]),
            ("special", [scanned("A\u{1D}\u{1E}\u{4}é10A")]), ("rollover", [scanned("SB12")]),
            ("repeat", [scanned("1")]),
            ("overflow", [.dropped(.lostEvents), scanned("SB00044")]),
            ("shortcut", [.hostile("it pressed Ctrl+Alt+Delete, which no scanner does")]),
            ("unplug", [.dropped(.fragment)]),
        ] as [(String, [ScannerOutput])])
    func `what the kernel recorded is read as it was typed`(name: String, expected: [ScannerOutput]) throws {
        for size in [1, 3, 40, 1000] {
            #expect(try replay(name, readsOf: size, keyboard()) == expected, "reads of \(size)")
        }
    }
}
