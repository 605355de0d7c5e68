/// AIM identifiers (ISO/IEC 15424): `]`, a letter for the symbology, a digit or letter for its variant.
enum AIMIdentifier {
    /// The identifier that bytes begin with; nil where they begin with none.
    static func leading(_ bytes: some Collection<UInt8>) -> String? {
        let head = Array(bytes.prefix(3))
        guard head.count == 3, head[0] == UInt8(ascii: "]"), isLetter(head[1]),
            isLetter(head[2]) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(head[2])
        else { return nil }
        return String(decoding: head, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF)
    }
}
