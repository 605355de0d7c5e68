import TOML
import Testing

@Suite struct TOMLTests {
    private func parse(_ text: String) throws -> TOMLValue { try TOMLValue.parse(Array(text.utf8)) }

    @Test func `every kind of value is read with its place`() throws {
        let root = try parse(
            """
            text = "a\\tb"
            number = 5_000_000
            real = 0.5
            yes = true
            day = 2026-11-21
            list = [1, "two"]
              [deep.er]
              key = 'x'
            """)
        #expect(root["text"]?.value.kind == .string("a\tb"))
        #expect(root["number"]?.value.kind == .integer(5_000_000))
        #expect(root["real"]?.value.kind == .real(0.5))
        #expect(root["yes"]?.value.kind == .boolean(true))
        #expect(root["day"]?.value.kind == .dateTime("2026-11-21"))
        guard case .array(let list)? = root["list"]?.value.kind else {
            Issue.record("no array")
            return
        }
        #expect(list.map(\.kind) == [.integer(1), .string("two")])
        #expect(list[1].position == TOMLPosition(line: 6, column: 12))
        let key = root["deep"]?.value["er"]?.value["key"]
        #expect(key?.position == TOMLPosition(line: 8, column: 3))
        #expect(key?.value.position == TOMLPosition(line: 8, column: 9))
    }

    @Test func `members keep the order in which they were written`() throws {
        let root = try parse("zebra = 1\napple = 2\n[middle]\nb = 1\na = 2\n[beta]\n")
        guard case .table(let members) = root.kind else { return }
        #expect(members.map(\.key) == ["zebra", "apple", "middle", "beta"])
        #expect(members.map(\.position.line) == [1, 2, 3, 6])
    }

    @Test(arguments: [
        ("a = 1\nb = \n", 2), ("a = 1\na = 2\n", 2), ("[x\n", 1), ("a = \"\\q\"", 1),
        ("\n\nx = 99999999999999999999", 3),
        ("a = 1\nb = \"\0\"", 2), ("a = \"\u{7}\"", 1),
    ])
    func `what is not TOML is an error with its line`(text: String, line: Int) {
        let error = #expect(throws: TOMLError.self) { try parse(text) }
        #expect(error?.position.line == line)
        #expect(error?.message.isEmpty == false)
    }

    @Test func `bytes that are not UTF-8 are an error`() {
        #expect(throws: TOMLError.self) { try TOMLValue.parse(Array("a = \"".utf8) + [0xFF, 0x22]) }
    }

    @Test func `no text at all is an empty table`() throws {
        #expect(try parse("").kind == .table([]))
    }

    @Test func `deep nesting and long texts are errors, not a crash`() {
        #expect(throws: TOMLError.self) { try parse("a" + String(repeating: ".a", count: 100) + " = 1") }
        #expect(throws: TOMLError.self) {
            try parse("a = " + String(repeating: "[", count: 2000) + String(repeating: "]", count: 2000))
        }
        #expect(throws: TOMLError.self) { try parse(String(repeating: "#", count: TOMLValue.maxBytes + 1)) }
    }
}
