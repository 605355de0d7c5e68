import JSON
import TestSupport
import Testing

private func parse(_ text: String) throws -> JSONValue { try JSONValue.parse(Array(text.utf8)) }

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            ("null", .null), (" true ", .bool(true)), ("0", .integer(0)), ("-0", .integer(0)),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)), ("1.0", .real(1)),
            ("1e2", .real(100)), ("\"\"", .string("")), ("\"\\u0000\"", .string("\0")),
            ("\"\\ud83d\\ude00\"", .string("😀")), ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", .string("\"\\/\u{8}\u{C}\n\r\t")),
            ("[]", .array([])), ("{}", .object([])), ("[1,[2]]", .array([.integer(1), .array([.integer(2)])])),
            ("{\"b\":1,\"a\":null}", .object([("b", .integer(1)), ("a", .null)])),
        ] as [(String, JSONValue)])
    func `each kind of value is read`(text: String, value: JSONValue) throws { #expect(try parse(text) == value) }

    @Test(
        arguments: [
            "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "1 2", "{}x", "nul",
            "'a'", "\"a\nb\"", "\"\\ud800\"", "\"\\x41\"", "01", "+1", ".5", "1.", "0x10", "NaN", "Infinity", "1e999",
            "9223372036854775808", "-9223372036854775809", "{a:1}", "// c\n1", "\u{FEFF}1",
        ])
    func `nothing else is JSON`(text: String) { #expect(throws: JSONError.self) { try parse(text) } }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0x00, 0x22], [0xFF],
            [0x22, 0xE2, 0x82, 0x22], [0x31, 0x00],
        ] as [[UInt8]])
    func `bytes that are not UTF-8, and control bytes, are errors`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue.parse(bytes) }
    }

    @Test func `nesting is bounded, and what is inside the bound is read`() throws {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(try parse(nested(500)).array?.count == 1)
        #expect(throws: JSONError.self) { try parse(nested(5000)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 100_000)) }
    }

    @Test func `an error says where`() {
        let error = #expect(throws: JSONError.self) { try parse("{\n  \"a\": x}") }
        #expect(error?.line == 2)
        #expect(error?.description.hasPrefix("not JSON: line 2, column ") == true)
    }

    @Test func `members are asked by name, in any value`() throws {
        let value = try parse("{\"a\":{\"b\":[true,1,\"x\"]}}")
        #expect(value["a"]?["b"]?.array?.first?.bool == true)
        #expect(value["b"] == nil && value.string == nil && value.integer == nil)
        #expect(JSONValue.string("a")["a"] == nil)
        #expect(value != (try parse("{\"a\":{\"b\":[true,1]}}")))
    }
}

@Suite struct JSONWriterTests {
    @Test(arguments: 0...0x9F as ClosedRange<UInt32>)
    func `every control character and its neighbours are read back`(code: UInt32) throws {
        let text = try "a" + String(#require(Unicode.Scalar(code))) + "b"
        var json = JSONWriter()
        json.string(text)
        #expect(!json.bytes.contains { $0 < 32 || $0 == 127 })
        #expect(try JSONValue.parse(json.bytes) == .string(text))
    }

    @Test(arguments: ["\u{1B}[2J", "\u{202E}", "\"},{\"x\":\"", "\\", "</script>", "é袋👍", "\u{2028}\u{FFFE}"])
    func `hostile text comes back as it was, as value and as key`(text: String) throws {
        var json = JSONWriter()
        json.object {
            $0.key(text)
            $0.string(text)
        }
        #expect(try JSONValue.parse(json.bytes) == .object([(text, .string(text))]))
    }

    @Test func `members and elements are separated, at every depth`() throws {
        var json = JSONWriter()
        json.object {
            $0.member("a", 1)
            $0.key("b")
            $0.array {
                $0.object { _ in }
                $0.array { _ in }
                $0.null()
                $0.bool(false)
                $0.raw(Array("{\"x\":1}".utf8))
            }
            $0.member("c", "d")
        }
        #expect(String(decoding: json.bytes, as: UTF8.self) == #"{"a":1,"b":[{},[],null,false,{"x":1}],"c":"d"}"#)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "1"), (-1.5, "-1.5"), (0.001, "0.001"), (0.0004, "0"), (1.25, "1.25"), (100.05, "100.05"),
            (-0.001, "-0.001"), (.infinity, "null"), (.nan, "null"), (1e300, "null"), (8e15, "8000000000000000"),
        ] as [(Double, String)])
    func `numbers have at most three digits after the point`(value: Double, text: String) {
        var json = JSONWriter()
        json.real(value)
        #expect(String(decoding: json.bytes, as: UTF8.self) == text)
    }

    @Test(arguments: [Int64.min, -1, 0, .max]) func `integers are whole`(value: Int64) throws {
        var json = JSONWriter()
        json.integer(value)
        #expect(try JSONValue.parse(json.bytes) == .integer(value))
    }

    @Test(arguments: 1...10 as ClosedRange<UInt64>)
    func `a random value is written and read back`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let value = random(4, &generator)
        var json = JSONWriter()
        json.value(value)
        #expect(try JSONValue.parse(json.bytes) == value)
    }

    private func random(_ depth: Int, _ generator: inout SeededGenerator) -> JSONValue {
        switch Int.random(in: 0...(depth > 0 ? 6 : 4), using: &generator) {
        case 0: return .null
        case 1: return .bool(generator.next() & 1 == 0)
        case 2: return .integer(Int64(bitPattern: generator.next()))
        case 3: return .real(Double(Int64(truncatingIfNeeded: generator.next() % 1_000_000)) + 0.5)
        case 4: return .string(text(&generator))
        case 5: return .array((0..<5).map { _ in random(depth - 1, &generator) })
        default: return .object((0..<5).map { ("\($0)" + text(&generator), random(depth - 1, &generator)) })
        }
    }

    private func text(_ generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<8 {
            if let scalar = Unicode.Scalar(UInt32.random(in: 0...0x2FFFF, using: &generator)) { text.append(scalar) }
        }
        return String(text)
    }
}
