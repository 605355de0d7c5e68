/// Bytes that a scanner puts before or after each label.
enum Affix {
    /// A line without its prefix and suffix; nil where it lacks one. Both are not found in the same bytes.
    static func strip(_ line: [UInt8], prefix: [UInt8], suffix: [UInt8]) -> ArraySlice<UInt8>? {
        guard line.count >= prefix.count + suffix.count, line.starts(with: prefix),
            line.suffix(suffix.count).elementsEqual(suffix)
        else { return nil }
        return line.dropFirst(prefix.count).dropLast(suffix.count)
    }
}
