internal import Model

/// What is wrong with a scanner's option, and what to write.
public struct ScannerOptionMistake: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for people; begins with the option as `device add` takes it.
    public let description: String

    /// A mistake.
    public init(_ description: String) { self.description = description }
}

/// Reads options as the registry keeps them: names in the shape `idle_ms`, which people write as `--idle-ms`.
struct OptionReader {
    let options: [String: String]

    /// The option's value.
    subscript(_ name: String) -> String? { options[name] }

    /// A mistake about the option's value.
    func mistake(_ name: String, _ advice: String) -> ScannerOptionMistake {
        let option = "--" + name.split(separator: "_").joined(separator: "-")
        return ScannerOptionMistake(options[name].map { "\(option) \($0): \(advice)" } ?? "\(option): \(advice)")
    }

    /// One of an enumeration's words.
    func choice<T: RawRepresentable & CaseIterable>(_ name: String, _ initial: T) throws(ScannerOptionMistake) -> T
    where T.RawValue == String {
        guard let text = options[name] else { return initial }
        guard let value = T(rawValue: text) else {
            throw mistake(name, "write one of \(T.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return value
    }

    /// A whole number.
    func number(_ name: String, in range: ClosedRange<Int>, _ initial: Int) throws(ScannerOptionMistake) -> Int {
        guard let text = options[name] else { return initial }
        guard let value = Int(text), range.contains(value) else {
            throw mistake(name, "write a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Yes or no.
    func flag(_ name: String, _ initial: Bool = false) throws(ScannerOptionMistake) -> Bool {
        guard let text = options[name] else { return initial }
        guard let value = ["true": true, "false": false][text] else { throw mistake(name, "write true or false") }
        return value
    }

    /// Escaped bytes; nil where nothing is said.
    func bytes(_ name: String, atMost limit: Int) throws(ScannerOptionMistake) -> [UInt8]? {
        guard let text = options[name] else { return nil }
        guard let bytes = EscapedBytes.parse(text, atMost: limit) else {
            throw mistake(name, "at most \(limit) bytes; \(EscapedBytes.advice)")
        }
        return bytes
    }

    /// Escaped bytes with pauses, `BYTES|MS|BYTES|MS|BYTES`: at most 8 times bytes, of 256 in all, pauses from 1 to
    /// 5000 ms. A bar that is data is written `\x7C`. Nil where nothing is said; an empty answer where "" is.
    func answer(_ name: String) throws(ScannerOptionMistake) -> Answer? {
        guard let text = options[name] else { return nil }
        let advice = "write BYTES or BYTES|MS|BYTES with pauses of 1 to 5000 ms, 8 times at most, "
        let parts = text.split(separator: "|", omittingEmptySubsequences: false)
        var steps: [Answer.Step] = []
        var left = 256
        for (place, part) in parts.enumerated() {
            if place.isMultiple(of: 2) {
                guard let bytes = EscapedBytes.parse(String(part), atMost: left), steps.count < 8 else {
                    throw mistake(name, advice + "256 bytes in all; " + EscapedBytes.advice)
                }
                left -= bytes.count
                steps.append(Answer.Step(bytes))
            } else {
                guard let pause = Int(part), (1...5000).contains(pause) else {
                    throw mistake(name, advice + "and a bar that is data as \\x7C")
                }
                steps[steps.count - 1].pause = .milliseconds(pause)
            }
        }
        guard !parts.count.isMultiple(of: 2) else { throw mistake(name, advice + "with bytes after the last pause") }
        return Answer(steps)
    }

    /// The feedback of `signal_stored` and the other four.
    func signals() throws(ScannerOptionMistake) -> [Signal: Answer] {
        var table: [Signal: Answer] = [:]
        for signal in Signal.allCases { table[signal] = try answer(Self.name(of: signal)) }
        return table
    }

    static func name(of signal: Signal) -> String {
        "signal_" + signal.rawValue.split(separator: "-").joined(separator: "_")
    }
}
