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

    /// The event node; best one of /dev/input/by-id or by-path.
    public var port: String
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
    public init(port: String, keymap: Keymap) { (self.port, self.keymap) = (port, keymap) }

    /// Reads the options as the registry keeps them, and compiles the layout (10 ms).
    public init(options: [String: String]) throws(OptionMistake) {
        guard let port = options["port"], port.hasPrefix("/") else {
            throw OptionMistake(
                description: "--port: a keyboard scanner needs its event node, such as"
                    + " /dev/input/by-id/usb-…-event-kbd")
        }
        self.port = port
        do { keymap = try Keymap(layout: options["layout"] ?? "us") } catch {
            throw OptionMistake(description: "--\(error)")
        }
        if let text = options["terminator"] {
            guard let terminator = Terminator(rawValue: text) else {
                throw OptionMistake(description: "--terminator \(text): write one of enter, tab, idle, any")
            }
            self.terminator = terminator
        }
        if let text = options["idle_ms"] {
            guard let milliseconds = Int64(text), (5...5000).contains(milliseconds) else {
                throw OptionMistake(description: "--idle-ms \(text): write a number of milliseconds from 5 to 5000")
            }
            idleMs = milliseconds
        }
        prefix = try Affix.parse(options["prefix"], "--prefix")
        suffix = try Affix.parse(options["suffix"], "--suffix")
        controls = try Affix.parse(options["controls"], "--controls")
        guard controls.allSatisfy({ $0 < 32 || $0 == 127 }) else {
            throw OptionMistake(
                description: "--controls \(options["controls"] ?? ""): write control characters as \\xNN, such as"
                    + " \\x02\\x03")
        }
        hasAIM = try Self.flag(options, "aim")
        capsLock = try Self.flag(options, "caps_lock")
        usesLights = try Self.flag(options, "leds")
    }

    private static func flag(_ options: [String: String], _ name: String) throws(OptionMistake) -> Bool {
        switch options[name] {
        case nil, "false": return false
        case "true": return true
        case let text?:
            let option = name.split(separator: "_").joined(separator: "-")
            throw OptionMistake(description: "--\(option) \(text): write true or false")
        }
    }
}
