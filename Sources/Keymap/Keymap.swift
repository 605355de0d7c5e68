internal import CXKBCommon
internal import Synchronization

/// Why there is no keymap, and what to write.
public struct KeymapError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for people.
    public let description: String
}

/// A keyboard layout, compiled: which key gives which character. Immutable; any thread.
///
/// By libxkbcommon from the data of Debian's xkb-data (rules `evdev`, model `pc105`). Depends on nothing else: not on the
/// locale, not on X11, not on the environment. About 100 KB.
public final class Keymap: Sendable {
    /// As it was asked for: `us`, `de(nodeadkeys)`.
    public let layout: String
    /// Where xkb-data is.
    public static let directory = "/usr/share/X11/xkb"

    // xkbcommon counts its references without a lock.
    private let handle: Mutex<OpaquePointer>
    let bits: ModifierBits

    /// Compiles a layout: its name, and where it has variants, one of them in parentheses. Takes about 10 ms.
    public init(layout: String) throws(KeymapError) {
        guard let (name, variant) = Self.parse(layout) else {
            throw KeymapError(
                description: "layout \"\(layout.prefix(40))\": write a name such as us, gb, de, fr, or with a variant"
                    + " de(nodeadkeys)")
        }
        guard let context = scangate_xkb_context(Self.directory) else {
            throw KeymapError(
                description: "cannot read the keyboard layouts in \(Self.directory); run: apt-get install xkb-data")
        }
        defer { xkb_context_unref(context) }
        guard let map = Self.compile(context, name, variant) else {
            throw KeymapError(
                description: "layout \(layout) is not known; write one that \(Self.directory)/rules/base.lst lists,"
                    + " such as us, gb, de, fr, es, it, cz, or with a variant de(nodeadkeys)")
        }
        self.layout = layout
        bits = ModifierBits(map)
        // The context, from whose region the map is, is gone when this returns.
        nonisolated(unsafe) let owned = map
        handle = Mutex(owned)
    }

    deinit { handle.withLock { xkb_keymap_unref($0) } }

    /// How a character is typed: the key, and what has to be held meanwhile; without AltGr where that is possible. Nil where
    /// no key gives it.
    public func keystroke(for character: Unicode.Scalar) -> Keystroke? {
        handle.withLock { map in
            let all = strokes(of: character, map)
            return all.first { !$0.held.contains(.level3) } ?? all.first
        }
    }

    /// What is printed on a key, such as `Delete` or `c`; at most 63 bytes.
    public func name(of key: UInt16) -> String {
        handle.withLock { map in
            var symbols: UnsafePointer<xkb_keysym_t>?
            var name = [CChar](repeating: 0, count: 64)
            guard
                xkb_keymap_key_get_syms_by_level(map, xkb_keycode_t(key) + Self.offset, 0, 0, &symbols) > 0,
                let symbols, xkb_keysym_get_name(symbols[0], &name, name.count) > 0
            else { return "key \(key)" }
            return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    // By the keys' numbers: the main block comes before the keypad.
    private func strokes(of character: Unicode.Scalar, _ map: OpaquePointer) -> [Keystroke] {
        var all: [Keystroke] = []
        for key in xkb_keymap_min_keycode(map)...xkb_keymap_max_keycode(map) {
            for level in 0..<xkb_keymap_num_levels_for_key(map, key, 0) {
                var symbols: UnsafePointer<xkb_keysym_t>?
                guard xkb_keymap_key_get_syms_by_level(map, key, 0, level, &symbols) == 1, let symbols,
                    xkb_keysym_to_utf32(symbols[0]) == character.value
                else { continue }
                var masks = [xkb_mod_mask_t](repeating: 0, count: 8)
                let count = xkb_keymap_key_get_mods_for_level(map, key, 0, level, &masks, masks.count)
                for mask in masks.prefix(count) {
                    let held = bits.modifiers(mask)
                    guard mask & ~bits.mask(held) == 0, held.isSubset(of: [.shift, .level3]) else { continue }
                    all.append(Keystroke(key: UInt16(key - Self.offset), held: held))
                }
            }
        }
        return all
    }

    /// X11's key codes are the kernel's and 8 more.
    static let offset: xkb_keycode_t = 8

    func makeState() -> OpaquePointer {
        handle.withLock { map in
            guard let state = xkb_state_new(map) else { fatalError("no memory for a keyboard's state") }
            return state
        }
    }

    func release(_ state: OpaquePointer) { handle.withLock { _ in xkb_state_unref(state) } }

    private static func parse(_ layout: String) -> (name: String, variant: String)? {
        var name = layout
        var variant = ""
        if let parenthesis = layout.firstIndex(of: "(") {
            guard layout.last == ")" else { return nil }
            name = String(layout[..<parenthesis])
            variant = String(layout[layout.index(after: parenthesis)...].dropLast())
            guard isName(variant) else { return nil }
        }
        return isName(name) ? (name, variant) : nil
    }

    // No comma (several layouts), no slash (a file elsewhere).
    private static func isName(_ text: String) -> Bool {
        (1...40).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func compile(_ context: OpaquePointer, _ name: String, _ variant: String) -> OpaquePointer? {
        "evdev".withCString { rules in
            "pc105".withCString { model in
                name.withCString { layout in
                    variant.withCString { variant in
                        var names = xkb_rule_names(
                            rules: rules, model: model, layout: layout, variant: variant, options: nil)
                        return xkb_keymap_new_from_names(context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS)
                    }
                }
            }
        }
    }
}

/// How one character is typed.
public struct Keystroke: Sendable, Equatable {
    /// The kernel's number (linux/input-event-codes.h): `KEY_A` is 30.
    public let key: UInt16
    /// What is held: nothing, Shift, AltGr, or both.
    public let held: KeyModifiers

    /// A key with what is held.
    public init(key: UInt16, held: KeyModifiers) { (self.key, self.held) = (key, held) }
}

/// Keys that change what others mean.
public struct KeyModifiers: OptionSet, Sendable, Hashable {
    /// One bit a modifier.
    public let rawValue: UInt8
    /// A set of these bits.
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Either Shift.
    public static let shift = KeyModifiers(rawValue: 1)
    /// Either Control.
    public static let control = KeyModifiers(rawValue: 2)
    /// Alt; the right one too where the layout has no AltGr.
    public static let alt = KeyModifiers(rawValue: 4)
    /// Meta, also called Super, Logo or Windows.
    public static let meta = KeyModifiers(rawValue: 8)
    /// AltGr.
    public static let level3 = KeyModifiers(rawValue: 16)
}

/// Which bits of the keymap the modifiers have.
struct ModifierBits: Sendable {
    private let table: [(modifier: KeyModifiers, bit: UInt32)]
    let caps: UInt32
    let num: UInt32

    init(_ map: OpaquePointer) {
        func bit(_ name: String) -> UInt32 {
            let index = xkb_keymap_mod_get_index(map, name)
            return index < 32 ? 1 << index : 0
        }
        table = [
            (.shift, bit("Shift")), (.control, bit("Control")), (.alt, bit("Mod1")), (.meta, bit("Mod4")),
            (.level3, bit("Mod5")),
        ]
        caps = bit("Lock")
        num = bit("Mod2")
    }

    func modifiers(_ mask: UInt32) -> KeyModifiers {
        table.reduce(into: []) { if mask & $1.bit != 0 { $0.insert($1.modifier) } }
    }

    func mask(_ modifiers: KeyModifiers) -> UInt32 {
        table.reduce(0) { modifiers.contains($1.modifier) ? $0 | $1.bit : $0 }
    }
}
