internal import Keymap

/// The kernel's numbers of keys that mean the same on every layout (linux/input-event-codes.h).
enum Keys {
    static let tab: UInt16 = 15
    static let enter: UInt16 = 28
    static let keypadEnter: UInt16 = 96
    static let capsLock: UInt16 = 58
    static let locks: Set<UInt16> = [69, 70]
    static let leftAlt: UInt16 = 56
    static let alts: Set<UInt16> = [56, 100]
    static let metas: Set<UInt16> = [125, 126]
    static let one: UInt16 = 2

    /// F1 to F24.
    static func isFunction(_ key: UInt16) -> Bool {
        (59...68).contains(key) || (87...88).contains(key) || (183...194).contains(key)
    }

    /// The digit of a keypad key.
    static func digit(_ key: UInt16) -> UInt8? { keypad[key] }

    private static let keypad: [UInt16: UInt8] = [
        82: 0, 79: 1, 80: 2, 81: 3, 75: 4, 76: 5, 77: 6, 71: 7, 72: 8, 73: 9,
    ]

    /// FS, GS and US by their places on a US keyboard: `\ ] -`.
    static let controlByPlace: [UInt16: UInt8] = [43: 0x1C, 27: 0x1D, 12: 0x1F]
}

extension KeyDecoder {
    /// Control characters that every scanner may type with the Control key: EOT, TAB, LF, CR, FS, GS, RS, US.
    static let usualControls: Set<UInt8> = [4, 9, 10, 13, 0x1C, 0x1D, 0x1E, 0x1F]

    mutating func press(_ key: UInt16, _ out: inout [ScannerOutput]) {
        guard !Keys.locks.contains(key) else { return }
        let meaning = keys.meaning(of: key)
        watch.press(key, isModifier: meaning == .modifier)
        if Keys.metas.contains(key) { return refuse("Meta", &out) }
        guard meaning == .modifier else { return typed(key, meaning, &out) }
        if held.insert(key).inserted { keys.update(key: key, isDown: true) }
    }

    mutating func release(_ key: UInt16, _ out: inout [ScannerOutput]) {
        watch.release(key)
        guard held.remove(key) != nil else { return }
        keys.update(key: key, isDown: false)
        guard held.isDisjoint(with: Keys.alts), !altCode.isEmpty else { return }
        let code = altCode
        altCode = AltCode()
        // A number that names no character: the scan cannot be told.
        if let character = code.character { type(character, &out) } else { spoil(.noise) }
    }

    private mutating func typed(_ key: UInt16, _ meaning: KeyMeaning, _ out: inout [ScannerOutput]) {
        let held = keys.modifiers
        if held.contains(.meta) { return refuse(name(key), &out) }
        if held.contains(.alt) { return typedWithAlt(key, meaning, held, &out) }
        if Keys.isFunction(key) { return typedFunction(key, held, &out) }
        if held.contains(.control) { return typedWithControl(key, meaning, &out) }
        if let digit = Keys.digit(key) { return type(Unicode.Scalar(UInt8(ascii: "0") + digit), &out) }
        if let accent = accent.take() {
            // Accent and space are how a scanner types the accent alone. With a letter it is for people.
            return meaning == .text(" ") ? type(accent, &out) : typedAfterAccent(meaning, &out)
        }
        switch meaning {
        case .text(let character) where character.value >= 32 && character.value != 127: type(character, &out)
        case .text(let character):
            let isEnd = character == "\r" || character == "\n" || character == "\t"
            guard isEnd || mayControl(UInt8(character.value)) else { return refuse(name(key), &out) }
            type(character, &out)
        case .dead(let alone?): accent = alone
        case .dead(nil): spoil(.noise)
        case .modifier: return
        case .nothing: refuse(name(key), &out)
        }
    }

    private mutating func typedAfterAccent(_ meaning: KeyMeaning, _ out: inout [ScannerOutput]) {
        spoil(.noise)
        // The scan's end is one all the same.
        if case .text(let character) = meaning, character.value < 32 { type(character, &out) }
    }

    private mutating func typedWithAlt(
        _ key: UInt16, _ meaning: KeyMeaning, _ held: KeyModifiers, _ out: inout [ScannerOutput]
    ) {
        guard !held.contains(.control) else { return refuse(name(key), &out) }
        if let digit = Keys.digit(key) { return altCode.press(digit) }
        // A scanner with the wrong country setting, not a shortcut.
        if !self.held.contains(Keys.leftAlt), case .text(let character) = meaning, character.value > 32 {
            return spoil(.noise)
        }
        refuse(name(key), &out)
    }

    private mutating func typedFunction(_ key: UInt16, _ held: KeyModifiers, _ out: inout [ScannerOutput]) {
        guard held.isEmpty else { return refuse(name(key), &out) }
        guard !isInsideScan else { return spoil(.noise) }
        preamble += 1
        if preamble > Self.preambleLimit { refuse("more than \(Self.preambleLimit) function keys", &out) }
    }

    private mutating func typedWithControl(_ key: UInt16, _ meaning: KeyMeaning, _ out: inout [ScannerOutput]) {
        // Ctrl+Enter and Ctrl+Tab are shortcuts: the key is the control character already.
        if case .text(let character) = meaning, character.value < 32 { return refuse(name(key), &out) }
        guard let control = keys.control(of: key) ?? Keys.controlByPlace[key], mayControl(control) else {
            return refuse(name(key), &out)
        }
        type(Unicode.Scalar(control), &out)
    }

    private func mayControl(_ byte: UInt8) -> Bool {
        Self.usualControls.contains(byte) || settings.prefix.contains(byte) || settings.suffix.contains(byte)
            || settings.controls.contains(byte)
    }

    private func name(_ key: UInt16) -> String {
        let held = keys.modifiers
        let names: [(KeyModifiers, String)] = [
            (.control, "Ctrl+"), (.alt, "Alt+"), (.meta, "Meta+"), (.level3, "AltGr+"), (.shift, "Shift+"),
        ]
        return names.reduce("") { held.contains($1.0) ? $0 + $1.1 : $0 } + settings.keymap.name(of: key)
    }
}
