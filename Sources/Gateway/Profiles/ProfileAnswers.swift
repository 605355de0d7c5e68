internal import Model

/// The bytes of a profile that a scanner is told, as far as they can be checked without the scanner's driver.
enum ProfileAnswers {
    /// What is wrong with a mode's `init`, signals or trigger, in the words of `--KEY VALUE: what to write`; nil where
    /// nothing is.
    static func mistake(in options: [String: String]) -> String? {
        for (name, text) in options.sorted(by: { $0.key < $1.key }) {
            let isSpoken = name.hasPrefix("signal_") || name.hasPrefix("trigger_")
            guard isSpoken || name == "init" else { continue }
            let parts = isSpoken ? text.split(separator: "|", omittingEmptySubsequences: false) : [Substring(text)]
            let bytes = stride(from: 0, to: parts.count, by: 2).map { count(parts[$0]) }
            let pauses = stride(from: 1, to: parts.count, by: 2).map { Int(parts[$0]) ?? 0 }
            let isSound =
                parts.count % 2 == 1 && bytes.count <= 8 && !bytes.contains(nil)
                && bytes.reduce(0) { $0 + ($1 ?? 0) } <= 256 && pauses.allSatisfy { (1...5000).contains($0) }
            guard !isSound else { continue }
            let option = String(name.map { $0 == "_" ? "-" : $0 })
            return "--\(option) \(text): at most 256 bytes, \\xNN for those that cannot be typed"
                + (isSpoken ? "; BYTES|MS|BYTES for pauses of 1 to 5000 ms, 8 times at most" : "")
        }
        return nil
    }

    /// How many bytes an escaped text is; nil where it is none.
    private static func count(_ text: Substring) -> Int? {
        var rest = Array(text.utf8)[...]
        var count = 0
        while let byte = rest.popFirst() {
            count += 1
            guard byte == UInt8(ascii: "\\") else { continue }
            switch rest.popFirst() {
            case UInt8(ascii: "\\"), UInt8(ascii: "r"), UInt8(ascii: "n"), UInt8(ascii: "t"): continue
            case UInt8(ascii: "x"):
                guard rest.popFirst().flatMap(Hex.value) != nil, rest.popFirst().flatMap(Hex.value) != nil else {
                    return nil
                }
            default: return nil
            }
        }
        return count
    }
}
