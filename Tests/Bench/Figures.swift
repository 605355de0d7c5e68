internal import JSON

/// One measured figure beside what the bare loop needs, and what is asked of it.
struct Figure: Sendable {
    var what: String
    var unit: String
    var ours: Double
    /// The same of the bare loop in the same run, where there is one.
    var bare: Double?
    var target = ""
    var isMet: Bool?

    var ratio: Double? { bare.flatMap { $0 > 0 ? ours / $0 : nil } }
}

/// One line of design.md's table: what was measured for it.
struct Row: Sendable {
    var name: String
    var title: String
    /// What the second column is of.
    var beside = "bare"
    var figures: [Figure] = []
    var notes: [String] = []

    mutating func add(
        _ what: String, _ unit: String, _ ours: Double, bare: Double? = nil, target: String = "", met: Bool? = nil
    ) {
        figures.append(Figure(what: what, unit: unit, ours: ours, bare: bare, target: target, isMet: met))
    }
}

/// Order statistics: these machines are noisy, a mean says little.
enum Order {
    /// The value at a fraction of the sorted values, 0 where there are none.
    static func value(_ values: [Double], at fraction: Double) -> Double {
        let sorted = values.sorted()
        guard let last = sorted.indices.last else { return 0 }
        return sorted[min(last, Int(Double(sorted.count) * fraction))]
    }

    static func median(_ values: [Double]) -> Double { value(values, at: 0.5) }
}

/// The results as text and as JSON.
enum Report {
    static func text(_ row: Row) -> String {
        var lines = ["", "\(row.name): \(row.title)"]
        let cells = row.figures.map { figure -> [String] in
            let bare: String = figure.bare.map { "\(row.beside) \(number($0))" } ?? ""
            let ratio: String = figure.ratio.map { "\(number($0)) x" } ?? ""
            let met: String = figure.isMet.map { $0 ? "met" : "NOT met" } ?? ""
            return [figure.what, "\(number(figure.ours)) \(figure.unit)", bare, ratio, figure.target, met]
        }
        let widths = (0..<6).map { column in cells.map { $0[column].count }.max() ?? 0 }
        for cell in cells {
            var line = "  "
            for column in 0..<6 { line += pad(cell[column], widths[column]) + "  " }
            while line.last == " " { line.removeLast() }
            lines.append(line)
        }
        return (lines + row.notes.map { "  (\($0))" }).joined(separator: "\n")
    }

    static func json(_ header: [(String, String)], _ rows: [Row]) -> [UInt8] {
        var json = JSONWriter(reserving: 8192)
        json.object {
            for (key, value) in header {
                $0.key(key)
                $0.string(value)
            }
            $0.key("rows")
            $0.array { for row in rows { write(row, &$0) } }
        }
        return json.bytes + [10]
    }

    private static func write(_ row: Row, _ json: inout JSONWriter) {
        json.object {
            $0.member("name", row.name)
            $0.member("title", row.title)
            $0.member("beside", row.beside)
            $0.key("figures")
            $0.array { for figure in row.figures { write(figure, &$0) } }
            $0.key("notes")
            $0.array { for note in row.notes { $0.string(note) } }
        }
    }

    private static func write(_ figure: Figure, _ json: inout JSONWriter) {
        json.object {
            $0.member("what", figure.what)
            $0.member("unit", figure.unit)
            $0.key("ours")
            $0.real(figure.ours)
            if let bare = figure.bare {
                $0.key("bare")
                $0.real(bare)
            }
            if let ratio = figure.ratio {
                $0.key("ratio")
                $0.real(ratio)
            }
            $0.member("target", figure.target)
            if let isMet = figure.isMet { $0.member("met", isMet) }
        }
    }

    /// Three digits that count.
    static func number(_ value: Double) -> String {
        let places = value.magnitude >= 100 ? 0 : value.magnitude >= 10 ? 1 : value.magnitude >= 1 ? 2 : 3
        var scale = 1.0
        for _ in 0..<places { scale *= 10 }
        let whole = Int64((value * scale).rounded())
        let digits = String(whole.magnitude)
        let sign = whole < 0 ? "-" : ""
        guard places > 0 else { return sign + grouped(digits) }
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        return sign + padded.dropLast(places) + "." + padded.suffix(places)
    }

    /// With its thousands set apart.
    static func whole(_ value: Int) -> String { grouped(String(value)) }

    private static func grouped(_ digits: String) -> String {
        var out = ""
        for (place, digit) in digits.enumerated() {
            if place > 0 && (digits.count - place) % 3 == 0 { out += "," }
            out.append(digit)
        }
        return out
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }
}
