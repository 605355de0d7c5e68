import Model
import TestSupport
import Testing

@Suite struct IdentifierTests {
    private static let longest = String(repeating: "a", count: 63)

    @Test(arguments: ["a", "7", "dock-7", "A.b_c-9", longest])
    func `a valid name is taken as written by every kind of name`(text: String) {
        #expect(GatewayID(text)?.text == text)
        #expect(DeviceID(text)?.description == text)
        #expect(LaneID(text)?.text == text)
        #expect(GroupID(text)?.text == text)
    }

    @Test(
        arguments: [
            "", longest + "a", ".a", "-a", "_a", "a b", "a/b", "../a", "a\n", "\na", "a\0", "é", "a\u{301}", "Ａ", "٣",
            "a\u{202E}b", "a=b", "a\"b",
        ])
    func `anything else is no name`(text: String) {
        #expect(GatewayID(text) == nil)
        #expect(DeviceID(text) == nil)
        #expect(LaneID(text) == nil)
        #expect(GroupID(text) == nil)
    }

    @Test func `names are listed in byte order`() {
        let names = ["b", "a", "B", "a-1", "a.1", "10", "9"].compactMap(DeviceID.init)
        #expect(names.sorted().map(\.text) == ["10", "9", "B", "a", "a-1", "a.1", "b"])
    }

    @Test(
        arguments: [
            ("cc8abed72e46ea38", true), ("CC8ABED72E46EA38", false), ("cc8abed72e46ea3", false),
            ("cc8abed72e46ea380", false), ("cc8abed72e46ea3g", false), ("", false), ("cc8abed72e46ea3\n", false),
            ("０c8abed72e46ea3", false),
        ])
    func `key and log ids are 16 lower-case digits`(text: String, isValid: Bool) {
        #expect((KeyID(text) != nil) == isValid)
        #expect((LogID(text) != nil) == isValid)
    }

    @Test func `a version 7 UUID holds the time, its version and its variant, whatever the random bits`() {
        for random in [(0, 0), (UInt64.max, UInt64.max)] as [(UInt64, UInt64)] {
            let text = UUID(version7At: 1_795_233_600_000, random: random).description
            #expect(text.hasPrefix("01a1fc42-d200-7"))
            #expect("89ab".contains(text.dropFirst(19).prefix(1)))
        }
        let before1970 = UUID(version7At: -1, random: (0, 0))
        #expect(before1970.description == "ffffffff-ffff-7000-8000-000000000000")
    }

    @Test func `UUIDs of later milliseconds sort later as text`() {
        var generator = SeededGenerator(seed: 7)
        let texts = (0..<200).map { step in
            UUID(version7At: 1_795_233_600_000 + step, random: (generator.next(), generator.next())).description
        }
        #expect(texts == texts.sorted())
    }

    @Test func `a UUID is read back as it was written`() {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            let uuid = UUID(high: generator.next(), low: generator.next())
            #expect(UUID(uuid.description) == uuid)
        }
    }

    @Test(
        arguments: [
            "", "019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a1", "019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a100",
            "019AA0C2-7d1e-7b3a-9c55-0d6d1c1f6a10", "019aa0c27d1e-7b3a-9c55-0d6d1c1f6a10-",
            "019aa0c2 7d1e-7b3a-9c55-0d6d1c1f6a10", "{19aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a1}",
            "019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a1g", "é19aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a1",
        ])
    func `a UUID of any other form is refused`(text: String) { #expect(UUID(text) == nil) }

    @Test func `hexadecimal is written in lower case and read in both`() {
        #expect(Hex.encode([0, 9, 10, 255] as [UInt8]) == "00090aff")
        #expect(Hex.decode("00090aFF") == [0, 9, 10, 255])
        #expect(Hex.decode("") == [])
        for text in ["0", "0g", "0x00", " 00", "00\n", "／／", "@@", "``", "GG"] { #expect(Hex.decode(text) == nil) }
    }
}

@Suite struct Base64URLTests {
    @Test(
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"), ("~~~", "fn5-"), ("???", "Pz8_"),
        ])
    func `the vectors of RFC 4648, without padding`(plain: String, text: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == text)
        #expect(Base64URL.decode(text) == Array(plain.utf8))
    }

    @Test func `every length comes back`() {
        var generator = SeededGenerator(seed: 3)
        for length in 0..<130 {
            let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = Base64URL.encode(bytes)
            #expect(text.utf8.count == (length * 4 + 2) / 3)
            #expect(Base64URL.decode(text) == bytes)
        }
    }

    @Test(
        arguments: [
            "Zh", "Zm9", "ZmH", "Zg==", "Zg=", "Z", "Zm9vY", "Zm+v", "Zm/v", " Zg", "Zg\n", "Zm 9v", "Zm9v\0", "Ｚg",
        ])
    func `what another text decodes to is refused, and so is padding`(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func `of all endings of a byte exactly one is taken`() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let taken = alphabet.filter { Base64URL.decode([UInt8(ascii: "Z"), $0]) != nil }
        #expect(taken.count == 4)
    }
}
