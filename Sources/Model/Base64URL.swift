/// base64url without padding (RFC 4648, section 5): keys, signatures and raw scans on the wire.
public enum Base64URL {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    /// How many characters `bytes` bytes have: four for each three, two or three for the rest.
    public static func count(of bytes: Int) -> Int { (bytes * 4 + 2) / 3 }

    /// Appends the characters of `bytes`.
    public static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count(of: bytes.count)) { out in
            bytes.withUnsafeBufferPointer { write($0, to: out) }
            text.append(contentsOf: out)
        }
    }

    /// The characters of `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        let count = count(of: bytes.count)
        return String(unsafeUninitializedCapacity: count) { out in
            bytes.withUnsafeBufferPointer { write($0, to: UnsafeMutableBufferPointer(rebasing: out[..<count])) }
            return count
        }
    }

    /// Writes the characters of `bytes`; `out` has exactly the room that they need.
    public static func write(_ bytes: UnsafeBufferPointer<UInt8>, to out: UnsafeMutableBufferPointer<UInt8>) {
        precondition(out.count == count(of: bytes.count), "no room for base64url")
        guard let from = bytes.baseAddress, var place = out.baseAddress else { return }
        let alphabet = alphabet.utf8Start
        func character(_ word: UInt32, _ shift: UInt32) -> UInt8 { alphabet[Int(word >> shift & 63)] }
        let whole = bytes.count / 3 * 3
        for start in stride(from: 0, to: whole, by: 3) {
            let word = UInt32(from[start]) << 16 | UInt32(from[start + 1]) << 8 | UInt32(from[start + 2])
            place[0] = character(word, 18)
            place[1] = character(word, 12)
            place[2] = character(word, 6)
            place[3] = character(word, 0)
            place += 4
        }
        guard whole < bytes.count else { return }
        let hasTwo = bytes.count - whole == 2
        let word = UInt32(from[whole]) << 16 | (hasTwo ? UInt32(from[whole + 1]) << 8 : 0)
        place[0] = character(word, 18)
        place[1] = character(word, 12)
        if hasTwo { place[2] = character(word, 6) }
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
