import Keymap
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// The kernel's numbers of the keys that tests press by name.
enum Key {
    static let (leftShift, leftControl, leftAlt, altGr, meta, caps, num) =
        (UInt16(42), UInt16(29), UInt16(56), UInt16(100), UInt16(125), UInt16(58), UInt16(69))
    static let (enter, keypadEnter, tab) = (UInt16(28), UInt16(96), UInt16(15))
    static let keypad: [UInt16] = [82, 79, 80, 81, 75, 76, 77, 71, 72, 73]
}

/// Makes the events of a keyboard, as the kernel does: each key in a report of its own, a millisecond apart.
struct Typist {
    var events: [InputEvent] = []
    var time: Int64 = 1_000_000_000
    let keymap: Keymap
    private var strokes: [Unicode.Scalar: Keystroke] = [:]

    init(_ layout: String = "us") throws { keymap = try Layouts.keymap(layout) }

    /// What was typed since it was last asked.
    mutating func take() -> [InputEvent] {
        defer { events = [] }
        return events
    }

    mutating func event(_ type: UInt16, _ code: UInt16, _ value: Int32) {
        events.append(InputEvent(time: time, type: type, code: code, value: value))
    }

    mutating func report() {
        event(InputEvent.synchronization, InputEvent.report, 0)
        time += 1000
    }

    mutating func key(_ code: UInt16, _ value: Int32) {
        event(InputEvent.key, code, value)
        report()
    }

    mutating func tap(_ code: UInt16) {
        key(code, 1)
        key(code, 0)
    }

    mutating func hold(_ held: [UInt16], _ codes: UInt16...) {
        for key in held { self.key(key, 1) }
        for code in codes { tap(code) }
        for key in held.reversed() { self.key(key, 0) }
    }

    mutating func type(_ text: String) throws {
        for character in text.unicodeScalars {
            guard let stroke = strokes[character] ?? keymap.keystroke(for: character) else {
                throw SetupError("\(keymap.layout) has no key for \(character)")
            }
            strokes[character] = stroke
            var held: [UInt16] = []
            if stroke.held.contains(.shift) { held.append(Key.leftShift) }
            if stroke.held.contains(.level3) { held.append(Key.altGr) }
            hold(held, stroke.key)
        }
    }

    mutating func scan(_ text: String) throws {
        try type(text)
        tap(Key.enter)
    }

    mutating func altCode(_ digits: String) {
        hold([Key.leftAlt])
        events.removeLast(2)
        for digit in digits.utf8 { tap(Key.keypad[Int(digit - UInt8(ascii: "0"))]) }
        key(Key.leftAlt, 0)
    }

    mutating func lose() {
        event(InputEvent.synchronization, InputEvent.dropped, 0)
        report()
    }
}

/// Each layout compiled once.
enum Layouts {
    private static let compiled = Mutex<[String: Keymap]>([:])

    static func keymap(_ layout: String) throws -> Keymap {
        if let keymap = compiled.withLock({ $0[layout] }) { return keymap }
        let keymap = try Keymap(layout: layout)
        compiled.withLock { $0[layout] = keymap }
        return keymap
    }
}

/// Settings for tests.
func keyboard(_ layout: String = "us", _ change: (inout KeyboardSettings) -> Void = { _ in }) throws
    -> KeyboardSettings
{
    var settings = KeyboardSettings(keymap: try Layouts.keymap(layout))
    change(&settings)
    return settings
}

/// A scan of text.
func scanned(_ text: String) -> ScannerOutput { .scan(bytes: Array(text.utf8)) }

/// What a decoder that is at rest makes of what is typed, in reads of any size.
func decode(_ settings: KeyboardSettings, readsOf size: Int = 40, _ type: (inout Typist) throws -> Void) throws
    -> [ScannerOutput]
{
    var typist = try Typist(settings.keymap.layout)
    try type(&typist)
    var decoder = KeyDecoder(settings)
    decoder.begin(at: 0, isAtRest: true)
    var out: [ScannerOutput] = []
    var rest = typist.take()[...]
    while !rest.isEmpty {
        out += decoder.push(Array(rest.prefix(size)))
        rest = rest.dropFirst(size)
    }
    return out
}
