/// base64url without padding (RFC 4648, section 5): keys, signatures and raw scans on the wire.
public enum Base64URL {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// Appends the characters of `bytes`: four for each three bytes, two or three for the rest.
    public static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: (bytes.count * 4 + 2) / 3) { out in
            bytes.withUnsafeBufferPointer { write($0, to: out) }
            text.append(contentsOf: out)
        }
    }

    /// The characters of `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        let count = (bytes.count * 4 + 2) / 3
        return String(unsafeUninitializedCapacity: count) { out in
            bytes.withUnsafeBufferPointer { write($0, to: UnsafeMutableBufferPointer(rebasing: out[..<count])) }
            return count
        }
    }

    // `out` has exactly the room that the characters need.
    private static func write(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutableBufferPointer<UInt8>) {
        let alphabet = alphabet.utf8Start
        var word: UInt32 = 0
        var bits: UInt32 = 0
        var place = 0
        for byte in bytes {
            word = word << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                out[place] = alphabet[Int(word >> bits & 63)]
                place += 1
            }
        }
        if bits > 0 { out[place] = alphabet[Int(word << (6 - bits) & 63)] }
    }

    /// The bytes of `text`, or nil where it has padding, other characters, or left-over bits that are not zero
    /// (two texts must never decode to the same signature).
    public static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var word: UInt32 = 0
        var bits = 0
        for character in text {
            let value: UInt8
            switch character {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - 65
            case UInt8(ascii: "a")...UInt8(ascii: "z"): value = character - 71
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = character + 4
            case UInt8(ascii: "-"): value = 62
            case UInt8(ascii: "_"): value = 63
            default: return nil
            }
            word = word << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(bits)))
                word &= (1 << UInt32(bits)) - 1
            }
        }
        return bits < 6 && word == 0 ? bytes : nil
    }

    /// The bytes of `text`, or nil as above.
    public static func decode(_ text: String) -> [UInt8]? { decode(text.utf8) }
}
