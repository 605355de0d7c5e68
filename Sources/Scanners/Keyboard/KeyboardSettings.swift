public import Keymap

/// What `device add` takes for a scanner in keyboard mode.
public struct KeyboardSettings: Sendable {
    /// What ends a scan. What ends none is part of it.
    public enum Terminator: String, Sendable, CaseIterable {
        /// Enter on either block, Tab, or a CR, LF or TAB that is typed in another way.
        case any
        case enter, tab
        /// No key for `idleMs`.
        case idle
    }

    /// The layout that the scanner types for: its country setting.
    public var keymap: Keymap
    /// What ends a scan.
    public var terminator: Terminator = .any
    /// Milliseconds of silence that end a scan with terminator `idle`.
    public var idleMs: Int64 = 100
    /// Bytes that begin every scan and are no part of it.
    public var prefix: [UInt8] = []
    /// Bytes that end every scan, before the terminator, and are no part of it.
    public var suffix: [UInt8] = []
    /// Whether every scan begins, after the prefix, with an AIM identifier (`]Q1`) that is no part of it.
    public var hasAIM = false
    /// Whether the scanner types as for a host with CapsLock on, so that its capitals come without Shift.
    public var capsLock = false
    /// Control characters that it may type with the Control key besides those of `KeyDecoder`.
    public var controls: [UInt8] = []
    /// Whether its lights tell the five signals.
    public var usesLights = false

    /// Everything else has its default.
    public init(keymap: Keymap) { self.keymap = keymap }

    /// What is wrong with an option, and what to write.
    public typealias Mistake = ScannerOptionMistake

    /// Reads the options as the registry keeps them, and compiles the layout (10 ms).
    public init(options: [String: String]) throws(Mistake) {
        let reader = OptionReader(options: options)
        do { keymap = try Keymap(layout: options["layout"] ?? "us") } catch { throw Mistake("--\(error)") }
        terminator = try reader.choice("terminator", terminator)
        idleMs = Int64(try reader.number("idle_ms", in: 5...5000, Int(idleMs)))
        prefix = try reader.bytes("prefix", atMost: 32) ?? []
        suffix = try reader.bytes("suffix", atMost: 32) ?? []
        controls = try reader.bytes("controls", atMost: 32) ?? []
        guard controls.allSatisfy({ $0 < 32 || $0 == 127 }) else {
            throw reader.mistake("controls", "write control characters as \\xNN, such as \\x02\\x03")
        }
        hasAIM = try reader.flag("aim")
        capsLock = try reader.flag("caps_lock")
        usesLights = try reader.flag("leds")
    }
}
