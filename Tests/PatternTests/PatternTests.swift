import Pattern
import Testing

@Suite struct PatternTests {
    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func `a match names its groups, and those that took no part`() throws {
        let pattern = try Pattern("b(c)|d(e)")
        #expect(pattern.groups == 2)
        #expect(pattern.captures(in: bytes("abc")) == .match([1..<3, 2..<3, nil]))
        #expect(pattern.captures(in: bytes("ade")) == .match([1..<3, nil, 2..<3]))
        #expect(pattern.captures(in: bytes("xyz")) == .none)
        #expect(pattern.captures(in: bytes("bc bc"), from: 1) == .match([3..<5, 4..<5, nil]))
    }

    @Test func `a slice is a text of its own`() throws {
        let text = bytes("xxSB00860")
        #expect(try Pattern("^SB").captures(in: text[2...]) == .match([2..<4]))
        #expect(try Pattern("^SB").captures(in: text, from: 2) == .none)
    }

    @Test func `any bytes are text, and none is text too`() throws {
        #expect(try Pattern("^\\xFF\\x00$").captures(in: [0xFF, 0]) == .match([0..<2]))
        #expect(try Pattern("^$").captures(in: []) == .match([0..<0]))
        #expect(try Pattern("^a$").captures(in: []) == .none)
    }

    @Test func `a dollar does not overlook a trailing line feed`() throws {
        #expect(try Pattern("^a$").captures(in: bytes("a\n")) == .none)
    }

    @Test(arguments: ["(a+)+$", "(a|aa)+$", "(.*)*[xy]", "^(([a-z])+.)+[A-Z]([a-z])+$"])
    func `a catastrophic expression gives up`(text: String) throws {
        let hostile = [UInt8](repeating: UInt8(ascii: "a"), count: 8192) + bytes("!")
        #expect(try Pattern(text).captures(in: hostile) == .tooHard)
    }

    @Test func `a short label is bounded too`() throws {
        #expect(try Pattern("(a+)+$").captures(in: bytes(String(repeating: "a", count: 20) + "!")) == .tooHard)
        #expect(try Pattern("(a+)+$").captures(in: bytes(String(repeating: "a", count: 8) + "!")) == .none)
    }

    @Test func `an ordinary expression copes with the longest label`() throws {
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: 8188) + bytes("z123")
        #expect(try Pattern("^.*z([0-9]+)$").captures(in: long) == .match([0..<8192, 8189..<8192]))
    }

    @Test func `many repeated choices are no reason to give up`() throws {
        let long = [UInt8](repeating: UInt8(ascii: "a"), count: 4000) + bytes("!")
        #expect(try Pattern("^(?:([a-z])|[0-9])*!$").captures(in: long) == .match([0..<4001, 3999..<4000]))
    }

    @Test(arguments: [("a(b", 3), ("[a", 2), ("*", 0), ("(*UTF)a", 6), ("a\\Cb", 3)])
    func `what does not compile says where`(text: String, offset: Int) {
        let error = #expect(throws: PatternError.self) { _ = try Pattern(text) }
        #expect(error?.offset == offset)
        #expect(error?.message.isEmpty == false)
    }

    @Test func `an expression that is too long is refused`() {
        #expect(throws: PatternError.self) { _ = try Pattern(String(repeating: "a", count: Pattern.maxBytes + 1)) }
    }

    @Test func `one expression serves many threads at once`() async throws {
        let pattern = try Pattern("([0-9]+)$")
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let text = Array("label \(number)".utf8)
                    return (0..<200).allSatisfy { _ in
                        pattern.captures(in: text) == .match([6..<text.count, 6..<text.count])
                    }
                }
            }
            for await good in group { #expect(good) }
        }
    }
}
