/// Writes JSON as bytes, without a tree: members in the order they are given, nothing between them.
///
/// The caller keeps the text well formed: an object's values each need a `key` first.
public struct JSONWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []
    private var needsComma = false

    /// A writer with nothing written.
    public init(reserving capacity: Int = 512) { bytes.reserveCapacity(capacity) }

    /// Writes an object whose members `body` writes.
    public mutating func object(_ body: (inout JSONWriter) -> Void) { nest(UInt8(ascii: "{"), UInt8(ascii: "}"), body) }

    /// Writes an array whose elements `body` writes.
    public mutating func array(_ body: (inout JSONWriter) -> Void) { nest(UInt8(ascii: "["), UInt8(ascii: "]"), body) }

    /// Writes a member's name; its value comes next.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a member's name that is only known at run time; its value comes next.
    public mutating func key(_ name: String) {
        string(name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// Writes a string; its bytes must be UTF-8.
    public mutating func string(_ text: some Sequence<UInt8>) {
        if text.withContiguousStorageIfAvailable({ quote($0) }) == nil {
            Array(text).withUnsafeBufferPointer { quote($0) }
        }
    }

    /// Writes a string.
    public mutating func string(_ text: String) {
        var text = text
        text.withUTF8 { quote($0) }
    }

    private mutating func quote(_ text: UnsafeBufferPointer<UInt8>) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        // Nearly every string goes in as it is; without an early end the look at it takes many bytes at a time.
        var needsEscapes = false
        for byte in text { needsEscapes = Self.isSpecial(byte) || needsEscapes }
        if needsEscapes {
            for byte in text { if Self.isSpecial(byte) { bytes += Self.escaped(byte) } else { bytes.append(byte) } }
        } else {
            bytes.append(contentsOf: text)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Whether a byte of a string is written as an escape.
    @inlinable
    public static func isSpecial(_ byte: UInt8) -> Bool {
        byte < 32 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == 127
    }

    /// Writes an integer.
    public mutating func integer(_ value: Int64) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// Writes a number with three digits after the point; infinities and NaN, which JSON lacks, as null.
    public mutating func real(_ value: Double) {
        guard value.isFinite, abs(value) < 9e15 else { return null() }
        separate()
        let thousandths = Int64((value * 1000).rounded())
        let magnitude = thousandths.magnitude
        if thousandths < 0 { bytes.append(UInt8(ascii: "-")) }
        bytes.append(contentsOf: String(magnitude / 1000).utf8)
        let fraction = magnitude % 1000
        guard fraction > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        for divisor in [100, 10, 1] as [UInt64] where divisor == 100 || fraction % (divisor * 10) > 0 {
            bytes.append(UInt8(48 + fraction / divisor % 10))
        }
    }

    /// Writes true or false.
    public mutating func bool(_ value: Bool) {
        separate()
        bytes.append(contentsOf: (value ? "true" : "false").utf8)
    }

    /// Writes null.
    public mutating func null() {
        separate()
        bytes.append(contentsOf: "null".utf8)
    }

    /// Writes bytes that are JSON already, such as a stored scan.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    /// Writes a value that was read.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let truth): bool(truth)
        case .integer(let number): integer(number)
        case .real(let number): real(number)
        case .string(let text): string(text)
        case .array(let elements): array { for element in elements { $0.value(element) } }
        case .object(let members):
            object {
                for member in members {
                    $0.key(member.key)
                    $0.value(member.value)
                }
            }
        }
    }

    private mutating func nest(_ open: UInt8, _ close: UInt8, _ body: (inout JSONWriter) -> Void) {
        separate()
        bytes.append(open)
        needsComma = false
        body(&self)
        bytes.append(close)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    /// The escape of a byte that needs one: two or six bytes.
    public static func escaped(_ byte: UInt8) -> [UInt8] {
        let short: [UInt8: UInt8] = [8: 98, 9: 116, 10: 110, 12: 102, 13: 114]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return [UInt8(ascii: "\\"), byte] }
        if let letter = short[byte] { return [UInt8(ascii: "\\"), letter] }
        let digits = [byte >> 4, byte & 15].map { $0 < 10 ? 48 + $0 : 87 + $0 }
        return Array("\\u00".utf8) + digits
    }
}

extension JSONWriter {
    /// Writes one member of type string.
    public mutating func member(_ name: StaticString, _ text: String) {
        key(name)
        string(text)
    }

    /// Writes one member of type integer.
    public mutating func member(_ name: StaticString, _ value: Int64) {
        key(name)
        integer(value)
    }

    /// Writes one member of type integer.
    public mutating func member(_ name: StaticString, _ value: Int) { member(name, Int64(value)) }

    /// Writes one member that is true or false.
    public mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        bool(value)
    }
}
