/// Bytes as people write them in an option: text, in which `\xNN` is any byte, `\r`, `\n` and `\t` are CR, LF and TAB, and
/// `\\` is a backslash.
public enum EscapedBytes {
    /// How it is written, as the end of a sentence of advice.
    public static let advice = #"write bytes that cannot be typed as \xNN, such as \x02, or as \r, \n, \t, \\"#

    /// The bytes of a text; nil for an escape that is none of these, and for more than `limit` bytes.
    public static func parse(_ text: String, atMost limit: Int) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard out.count < limit else { return nil }
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): out.append(UInt8(ascii: "\\"))
            case UInt8(ascii: "r"): out.append(13)
            case UInt8(ascii: "n"): out.append(10)
            case UInt8(ascii: "t"): out.append(9)
            case UInt8(ascii: "x"):
                guard let high = rest.popFirst().flatMap(Hex.value), let low = rest.popFirst().flatMap(Hex.value)
                else { return nil }
                out.append(high << 4 | low)
            default: return nil
            }
        }
        return out
    }
}
