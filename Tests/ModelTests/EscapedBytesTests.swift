import Model
import Testing

@Suite struct EscapedBytesTests {
    @Test(
        arguments: [
            ("", []), ("SB", [0x53, 0x42]), (#"\x00\xfF"#, [0, 255]), (#"a\\b"#, [0x61, 0x5C, 0x62]),
            (#"\r\n\t"#, [13, 10, 9]), (#"\\x02"#, [0x5C, 0x78, 0x30, 0x32]), ("é", [0xC3, 0xA9]), ("|", [0x7C]),
        ] as [(String, [UInt8])])
    func `text and escapes become bytes`(text: String, bytes: [UInt8]) {
        #expect(EscapedBytes.parse(text, atMost: 32) == bytes)
    }

    @Test(arguments: [#"\"#, #"\x"#, #"\x0"#, #"\xg0"#, #"\x0g"#, #"\q"#, #"\R"#, #"\x+1"#, #"\x 1"#, #"\0"#])
    func `an escape that is none is no bytes`(text: String) {
        #expect(EscapedBytes.parse(text, atMost: 32) == nil)
        #expect(EscapedBytes.parse("a" + text, atMost: 32) == nil)
    }

    @Test func `the limit is in bytes, not in characters`() {
        #expect(EscapedBytes.parse(#"\x01\x02"#, atMost: 2) == [1, 2])
        #expect(EscapedBytes.parse(#"\x01\x02\x03"#, atMost: 2) == nil)
        #expect(EscapedBytes.parse("éé", atMost: 3) == nil)
    }
}
