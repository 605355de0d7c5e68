internal import CXKBCommon

/// What a key gives, with what is held at the moment.
public enum KeyMeaning: Sendable, Equatable {
    /// A character; Enter is CR, Tab is TAB.
    case text(Unicode.Scalar)
    /// An accent that waits for its letter; alone, before a space, it is this character where that is known.
    case dead(Unicode.Scalar?)
    /// It changes what others mean: Shift, AltGr, CapsLock.
    case modifier
    /// No character: an arrow, a function key, one that the layout does not know.
    case nothing
}

/// Which keys of one keyboard are held, and which locks are on. One thread.
public struct KeyState: ~Copyable {
    private let keymap: Keymap
    private var state: OpaquePointer

    /// No key is held. NumLock is on, so that a keypad gives digits.
    public init(_ keymap: Keymap, capsLock: Bool = false) {
        self.keymap = keymap
        state = keymap.makeState()
        lock(caps: capsLock)
    }

    deinit { keymap.release(state) }

    /// A key was pressed or released; by the kernel's number. Ask for its meaning before.
    public mutating func update(key: UInt16, isDown: Bool) {
        _ = xkb_state_update_key(state, code(key), isDown ? XKB_KEY_DOWN : XKB_KEY_UP)
    }

    /// What a key gives now. Control changes nothing here: see `control(of:)`.
    public func meaning(of key: UInt16) -> KeyMeaning {
        let symbol = xkb_state_key_get_one_sym(state, code(key))
        switch symbol {
        case 0xFE50...0xFE93: return .dead(Self.alone[symbol])
        // Shift_L to Hyper_R, Mode_switch, Num_Lock, Scroll_Lock, ISO_Level3_Shift and its kind.
        case 0xFFE1...0xFFEE, 0xFF7E, 0xFF7F, 0xFF14, 0xFE01...0xFE1F: return .modifier
        default:
            let value = xkb_keysym_to_utf32(symbol)
            return value == 0 ? .nothing : Unicode.Scalar(value).map { .text($0) } ?? .nothing
        }
    }

    /// Accents by their key symbols: grave, acute, circumflex, tilde, diaeresis, degree, cedilla.
    private static let alone: [xkb_keysym_t: Unicode.Scalar] = [
        0xFE50: "`", 0xFE51: "\u{B4}", 0xFE52: "^", 0xFE53: "~", 0xFE57: "\u{A8}", 0xFE58: "\u{B0}", 0xFE5B: "\u{B8}",
    ]

    /// The control character of a key while Control is held: Ctrl+D is 4; nil where there is none.
    public func control(of key: UInt16) -> UInt8? {
        var bytes = [CChar](repeating: 0, count: 8)
        guard xkb_state_key_get_utf8(state, code(key), &bytes, bytes.count) == 1 else { return nil }
        let byte = UInt8(bitPattern: bytes[0])
        return byte < 32 ? byte : nil
    }

    /// What is held.
    public var modifiers: KeyModifiers {
        keymap.bits.modifiers(xkb_state_serialize_mods(state, XKB_STATE_MODS_EFFECTIVE))
    }

    /// Whether CapsLock is on: what the keyboard's light would say.
    public var capsLock: Bool { xkb_state_serialize_mods(state, XKB_STATE_MODS_LOCKED) & keymap.bits.caps != 0 }

    /// Lets go of every key, and sets CapsLock.
    public mutating func reset(capsLock: Bool) {
        keymap.release(state)
        state = keymap.makeState()
        lock(caps: capsLock)
    }

    private func lock(caps: Bool) {
        _ = xkb_state_update_mask(state, 0, 0, keymap.bits.num | (caps ? keymap.bits.caps : 0), 0, 0, 0)
    }

    private func code(_ key: UInt16) -> xkb_keycode_t { xkb_keycode_t(key) + Keymap.offset }
}
