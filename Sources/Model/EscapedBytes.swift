/// Bytes written as text: `\xNN` for those that cannot be typed, `\\` for a backslash.
public enum EscapedBytes {
    /// The bytes of a text; nil where an escape is not one of these.
    public static func parse(_ text: String) -> [UInt8]? {
        var out: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "\\") else {
                out.append(byte)
                continue
            }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"): out.append(UInt8(ascii: "\\"))
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
