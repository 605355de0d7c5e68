/// Texts with units: durations and sizes.
enum ConfigurationUnits {
    private static let durations: [(unit: String, ms: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1000), ("ms", 1),
    ]
    private static let sizes: [(unit: String, bytes: Int64)] = [
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// The milliseconds of `1500 ms`, `15 s`, `20 min`, `2 h`, `30 d`; nil for anything else.
    static func milliseconds(_ text: String) -> Int64? { value(text, durations.map { ($0.unit, $0.ms) }) }

    /// The bytes of `4 GiB`, `256 MiB`, `64 KiB`, `512 B`; nil for anything else.
    static func bytes(_ text: String) -> Int64? { value(text, sizes.map { ($0.unit, $0.bytes) }) }

    /// The shortest text of so many milliseconds.
    static func duration(_ ms: Int64) -> String { text(ms, durations.map { ($0.unit, $0.ms) }) }

    /// The shortest text of so many bytes.
    static func size(_ bytes: Int64) -> String { text(bytes, sizes.map { ($0.unit, $0.bytes) }) }

    private static func value(_ text: String, _ units: [(unit: String, factor: Int64)]) -> Int64? {
        let digits = text.utf8.prefix { (48...57).contains($0) }
        let unit = text.utf8.dropFirst(digits.count).drop { $0 == UInt8(ascii: " ") }
        guard let number = Int64(String(Substring(digits))),
            let factor = units.first(where: { $0.unit.utf8.elementsEqual(unit) })?.factor
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        return overflow ? nil : product
    }

    private static func text(_ value: Int64, _ units: [(unit: String, factor: Int64)]) -> String {
        let smallest = units.last.map { $0.unit } ?? ""
        guard value > 0 else { return "\(value) \(smallest)" }
        let fit = units.first { value % $0.factor == 0 }
        return "\(value / (fit?.factor ?? 1)) \(fit?.unit ?? smallest)"
    }
}

/// The name that somebody meant.
enum NearestName {
    /// The candidate with the fewest wrong letters, where there are few enough to be a slip.
    static func of(_ text: String, in candidates: [String]) -> String? {
        let best = candidates.map { ($0, distance(Array(text.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= max(1, min(text.utf8.count, best.0.utf8.count) / 3 + 1), best.1 < best.0.utf8.count
        else { return nil }
        return best.0
    }

    /// Letters to insert, delete or change, or neighbours to swap.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var before: [Int] = []
        var last = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var row = [i + 1]
            for (j, right) in b.enumerated() {
                var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (left == right ? 0 : 1))
                if i > 0, j > 0, left == b[j - 1], a[i - 1] == right { cost = min(cost, before[j - 1] + 1) }
                row.append(cost)
            }
            (before, last) = (last, row)
        }
        return last[b.count]
    }
}
