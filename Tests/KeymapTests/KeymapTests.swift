import Keymap
import Testing

@Suite struct KeymapTests {
    @Test(arguments: ["us", "gb", "de", "de(nodeadkeys)", "fr", "fr(oss)", "es", "it", "cz", "cz(qwerty)", "ru", "jp"])
    func `a layout that xkb-data has is compiled`(layout: String) throws {
        #expect(try Keymap(layout: layout).layout == layout)
    }

    @Test(arguments: ["xx", "de(nosuch)", "us_de", "US"])
    func `a layout that is not known is named, with what to write`(
        layout: String
    ) {
        let error = #expect(throws: KeymapError.self) { try Keymap(layout: layout) }
        #expect(error?.description.hasPrefix("layout \(layout) is not known; write") == true, "\(error as Any)")
        #expect(error?.description.contains("rules/base.lst") == true)
    }

    @Test(arguments: [
        "", "us,de", "../us", "de(", "de)", "de()", "de(a,b)", "pc+us", "us:2", "a b", "/etc/passwd", "de(x)y",
    ])
    func `what is no name is refused before xkbcommon sees it`(layout: String) {
        let error = #expect(throws: KeymapError.self) { try Keymap(layout: layout) }
        #expect(error?.description.contains("write a name such as us") == true, "\(error as Any)")
    }

    /// Known from the keyboards themselves, not from xkb-data: key, with what, and what is printed on it.
    @Test(
        arguments: [
            ("us", 30, [], "a"), ("us", 30, .shift, "A"), ("us", 3, .shift, "@"), ("us", 43, [], "\\"),
            ("gb", 3, .shift, "\""), ("gb", 40, .shift, "@"), ("gb", 4, .shift, "£"), ("gb", 86, [], "\\"),
            ("de", 21, [], "z"), ("de", 44, [], "y"), ("de", 8, .shift, "/"), ("de", 16, .level3, "@"),
            ("de", 12, [], "ß"), ("de", 39, [], "ö"), ("de", 10, .level3, "]"),
            ("fr", 16, [], "a"), ("fr", 30, [], "q"), ("fr", 2, .shift, "1"), ("fr", 2, [], "&"),
            ("fr", 11, .level3, "@"),
            ("es", 39, [], "ñ"), ("es", 3, .level3, "@"), ("it", 26, [], "è"), ("it", 39, .level3, "@"),
            ("cz", 2, .shift, "1"), ("cz", 2, [], "+"), ("cz", 3, [], "ě"), ("cz", 21, [], "z"),
        ] as [(String, UInt16, KeyModifiers, Unicode.Scalar)])
    func `a key gives what is printed on it`(layout: String, key: UInt16, held: KeyModifiers, character: Unicode.Scalar)
        throws
    {
        var keys = KeyState(try Keymap(layout: layout))
        if held.contains(.shift) { keys.update(key: 42, isDown: true) }
        if held.contains(.level3) { keys.update(key: 100, isDown: true) }
        let meaning = keys.meaning(of: key)
        let modifiers = keys.modifiers
        #expect(meaning == .text(character) && modifiers == held)
    }

    @Test func `a character's keystroke goes without AltGr where it can`() throws {
        let gb = try Keymap(layout: "gb")
        let de = try Keymap(layout: "de")
        #expect(gb.keystroke(for: "@") == Keystroke(key: 40, held: .shift))
        #expect(de.keystroke(for: "z") == Keystroke(key: 21, held: []))
        #expect(de.keystroke(for: "@") == Keystroke(key: 16, held: .level3))
        #expect(de.name(of: 111) == "Delete" && de.name(of: 21) == "z" && de.name(of: 9999) == "key 9999")
    }

    @Test func `accents wait for a letter, arrows and unknown keys give nothing`() throws {
        let keys = KeyState(try Keymap(layout: "de"))
        let meanings = [41, 13, 103, 59, 700, 42, 28, 96, 15, 1].map { keys.meaning(of: $0) }
        #expect(
            meanings == [
                .dead("^"), .dead("\u{B4}"), .nothing, .nothing, .nothing, .modifier, .text("\r"), .text("\r"),
                .text("\t"),
                .text("\u{1B}"),
            ])
        #expect(try Keymap(layout: "de").keystroke(for: "^") == nil)
        #expect(try Keymap(layout: "de(nodeadkeys)").keystroke(for: "^") == Keystroke(key: 41, held: []))
        #expect(try Keymap(layout: "us").keystroke(for: "é") == nil)
    }

    @Test func `CapsLock turns letters and not digits, and its own key turns it`() throws {
        var keys = KeyState(try Keymap(layout: "us"), capsLock: true)
        func read(_ keys: borrowing KeyState) -> [KeyMeaning] { [keys.meaning(of: 30), keys.meaning(of: 2)] }
        var seen = [read(keys)]
        keys.update(key: 42, isDown: true)
        seen.append(read(keys))
        keys.update(key: 42, isDown: false)
        keys.update(key: 58, isDown: true)
        keys.update(key: 58, isDown: false)
        seen.append(read(keys))
        #expect(
            seen == [[.text("A"), .text("1")], [.text("a"), .text("!")], [.text("a"), .text("1")]])
        let light = keys.capsLock
        #expect(!light)
    }

    @Test func `control characters are the letter's, and those of the signs beside it`() throws {
        var keys = KeyState(try Keymap(layout: "us"))
        keys.update(key: 29, isDown: true)
        let controls = [32, 50, 27, 43, 26, 7, 12].map { keys.control(of: $0) }
        #expect(controls == [4, 13, 0x1D, 0x1C, 0x1B, 0x1E, nil])
        keys.update(key: 42, isDown: true)
        let shifted = [12, 32].map { keys.control(of: $0) }
        #expect(shifted == [0x1F, 4])
        keys.reset(capsLock: false)
        let none = (keys.control(of: 32), keys.modifiers)
        #expect(none.0 == nil && none.1.isEmpty)
    }
}
