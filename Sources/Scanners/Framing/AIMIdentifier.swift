/// The three characters that some scanners put before a label (ISO/IEC 15424): `]`, the code's letter, a modifier.
enum AIMIdentifier {
    /// Takes an identifier off; nil, and nothing is taken, where there is none.
    static func take(from label: inout ArraySlice<UInt8>) -> String? {
        let head = Array(label.prefix(3))
        guard head.count == 3, head[0] == UInt8(ascii: "]"), isLetter(head[1]), isLetter(head[2]) || isDigit(head[2])
        else { return nil }
        label = label.dropFirst(3)
        return String(decoding: head, as: UTF8.self)
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte & 0xDF) && byte < 128
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
