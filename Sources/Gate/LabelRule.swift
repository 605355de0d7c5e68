public import Model
public import Pattern

/// One `[[label]]` of the configuration: which labels it is about, and what becomes of them.
public struct LabelRule: Sendable, Equatable {
    /// What a label is that the rule matches.
    public enum Role: String, Sendable, CaseIterable {
        case parent, child, other
        /// The label is not taken.
        case refuse
    }

    /// How letters of the label are written; ASCII only, other bytes stay as they are.
    public enum LetterCase: String, Sendable, CaseIterable {
        case upper, lower, keep
    }

    /// How the rule reads a label.
    public enum Reading: Sendable, Equatable {
        /// The label is taken whole where the expression is found in it.
        case match(Pattern)
        /// What the expression's first group found is taken; the whole match where it has no group.
        case extract(Pattern)
    }

    /// What the label is.
    public var role: Role
    /// The expression and what is taken.
    public var reading: Reading
    /// How letters are written afterwards.
    public var letterCase: LetterCase
    /// The rule is only for this bar code type, where one is named; a scanner that does not tell the type never
    /// matches it.
    public var symbology: Symbology?
    /// What the worker reads when a rule of role `refuse` matches.
    public var text: String
    /// Where the rule stands, as messages name it: `scangate.toml:31`, or `default`.
    public var origin: String

    /// What a rule of role `refuse` says that has no text of its own.
    public static let defaultText = "Damaged label, scan again"

    /// All parts.
    public init(
        role: Role, _ reading: Reading, letterCase: LetterCase = .keep, symbology: Symbology? = nil,
        text: String = LabelRule.defaultText, origin: String
    ) {
        self.role = role
        self.reading = reading
        self.letterCase = letterCase
        self.symbology = symbology
        self.text = text
        self.origin = origin
    }

    /// The expression.
    public var pattern: Pattern {
        switch reading {
        case .match(let pattern), .extract(let pattern): pattern
        }
    }

    func applies(to symbology: Symbology) -> Bool { self.symbology == nil || self.symbology == symbology }

    /// What the rule takes of a label, given where its expression was found.
    func taken(from bytes: [UInt8], _ ranges: [Range<Int>?]) -> [UInt8] {
        switch reading {
        case .match: return recased(bytes)
        case .extract(let pattern):
            let group = pattern.groups == 0 ? ranges.first : ranges.dropFirst().first { $0 != nil }
            guard let range = group ?? nil else { return [] }
            return recased(Array(bytes[range]))
        }
    }

    private func recased(_ bytes: [UInt8]) -> [UInt8] {
        switch letterCase {
        case .keep: bytes
        case .upper: bytes.map { (97...122).contains($0) ? $0 - 32 : $0 }
        case .lower: bytes.map { (65...90).contains($0) ? $0 + 32 : $0 }
        }
    }
}
