internal import Model

/// What is wrong with an option of `device add`, and what to write.
public struct OptionMistake: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for people.
    public let description: String

    /// A mistake with this sentence.
    public init(description: String) { self.description = description }
}

/// Bytes that a scanner puts before or after each label.
public enum Affix {
    /// The most bytes of a prefix or a suffix.
    public static let limit = 32

    /// Text with `\xNN` for bytes that cannot be typed, `\\` for a backslash; none where there is no text.
    public static func parse(_ text: String?, _ option: String) throws(OptionMistake) -> [UInt8] {
        guard let text else { return [] }
        let mistake = OptionMistake(
            description: "\(option) \(text): at most \(limit) bytes; write bytes that cannot be typed as \\xNN,"
                + " such as \\x02"
        )
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
                else { throw mistake }
                out.append(high << 4 | low)
            default: throw mistake
            }
        }
        guard out.count <= limit else { throw mistake }
        return out
    }

    /// A line without its prefix and suffix; nil where it lacks one. Both are not found in the same bytes.
    static func strip(_ line: [UInt8], prefix: [UInt8], suffix: [UInt8]) -> ArraySlice<UInt8>? {
        guard line.count >= prefix.count + suffix.count, line.starts(with: prefix),
            line.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        return line.dropFirst(prefix.count).dropLast(suffix.count)
    }
}
