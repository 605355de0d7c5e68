internal import Keymap
internal import Posix

@testable internal import Scanners

extension FuzzTarget {
    /// A keyboard's events: key, what happens to it, milliseconds; a byte each.
    static let keys = FuzzTarget("keys") { choices, bytes in
        guard var settings = keyboards[choices.number(below: keyboards.count)] else { return }
        settings.terminator = choices.one(of: KeyboardSettings.Terminator.allCases)
        settings.hasAIM = choices.flag()
        settings.capsLock = choices.flag()
        settings.controls = choices.one(of: [[], [2, 3], [27]])
        let seed = choices.number(below: 200)
        let events = events(bytes)
        for event in events.prefix(50) {
            let read = InputEvent.parse(event.bytes[...])
            try require(read == [event], "an event that is not read as it was written: \(event), \(read)")
        }
        let whole = try read(settings, [events[...]])
        try require(try read(settings, events.map { [$0][...] }) == whole, "what is typed depends on the pieces")
        let places = pieces(of: bytes, from: seed).map(\.count)
        var (rest, cut) = (events[...], [ArraySlice<InputEvent>]())
        for count in places where !rest.isEmpty {
            cut.append(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        try require(try read(settings, cut + [rest]) == whole, "what is typed depends on the pieces")
        for (place, output) in whole.enumerated() {
            switch output {
            case .scan(let label, _, _):
                try require((1...SerialSettings.maximumLength).contains(label.count), "\(label.count) bytes")
                try require(String(validating: label, as: UTF8.self) != nil, "a label that is no UTF-8")
            case .hostile: try require(place == whole.count - 1, "it reads a device on that was refused")
            default: break
            }
        }
        _ = InputEvent.parse(bytes[...])
    }

    // Compiling a layout takes 10 ms.
    private static let keyboards: [KeyboardSettings?] = ["us", "de", "fr"].map { layout in
        (try? Keymap(layout: layout)).map { KeyboardSettings(keymap: $0) }
    }

    private static func events(_ bytes: [UInt8]) -> [InputEvent] {
        var script = FuzzBytes(bytes)
        var (events, time) = ([InputEvent](), Int64(5_000_000))
        while !script.isAtEnd, events.count < 20_000 {
            let (key, how) = (script.byte(), script.byte())
            time += Int64(how >> 3) * 1000 * (how & 0x80 == 0 ? 1 : 100)
            switch how & 7 {
            case 7:
                events.append(InputEvent(time: time, type: 0, code: InputEvent.dropped, value: 0))
                events.append(InputEvent(time: time, type: 0, code: InputEvent.report, value: 0))
            case 6: events.append(InputEvent(time: time, type: UInt16(key), code: 0, value: 1))
            // Pressed and let go at once, as scanners do; 256 and on are buttons and media keys.
            case 3, 4, 5:
                let code = UInt16(key) + (how & 7 == 5 ? 256 : 0)
                events.append(InputEvent(time: time, type: InputEvent.key, code: code, value: 1))
                events.append(InputEvent(time: time, type: InputEvent.key, code: code, value: 0))
            case let value:
                events.append(
                    InputEvent(time: time, type: InputEvent.key, code: UInt16(key), value: Int32(value)))
            }
        }
        return events
    }

    private static func read(_ settings: KeyboardSettings, _ pieces: [ArraySlice<InputEvent>]) throws
        -> [ScannerOutput]
    {
        var decoder = KeyDecoder(settings)
        decoder.begin(at: 4_000_000, isAtRest: true)
        let losesEvents = pieces.contains { $0.contains { $0.type == 0 && $0.code == InputEvent.dropped } }
        var out: [ScannerOutput] = []
        for piece in pieces {
            guard losesEvents else {
                out += decoder.push(Array(piece))
                continue
            }
            // The kernel is asked as soon as events were lost; what is read with them has another meaning.
            for event in piece {
                out += decoder.push([event])
                if decoder.needsKeys { decoder.resume(keysDown: [42], at: event.time) }
            }
        }
        out += decoder.silence()
        return out + decoder.abandon()
    }
}
