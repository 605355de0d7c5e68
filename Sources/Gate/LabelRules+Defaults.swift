public import Model
internal import Pattern

extension LabelRules {
    /// One rule as text, so that the shipped rules can be shown, documented and compiled from one place.
    public struct Shipped: Sendable {
        /// What the label is.
        public let role: LabelRule.Role
        /// `match` or `extract`.
        public let key: String
        /// The expression.
        public let expression: String
        /// How letters are written.
        public let letterCase: LabelRule.LetterCase
        /// What a refusal says.
        public let text: String?
        /// What the rule is for.
        public let why: String
    }

    /// The rules that hold where the configuration has none. Each was found wrong in practice otherwise.
    public static let shipped: [Shipped] = [
        Shipped(
            role: .parent, key: "match", expression: "^[sS][bB][0-9]{5}$", letterCase: .upper, text: nil,
            why: "a bag: SB and five digits"),
        Shipped(
            role: .refuse, key: "match", expression: "(?i)^SB|^NO ?READ$", letterCase: .keep,
            text: "Damaged bag label, scan again",
            why: "any other SB, two labels run together, NOREAD: a child is a child for ever"),
        Shipped(
            role: .child, key: "extract", expression: "LABEL NO\\.?\\s*([0-9]{7})(?![0-9])", letterCase: .keep,
            text: nil, why: "a child by the label number of its sentence"),
    ]

    /// The shipped rules, compiled.
    public static let defaults = LabelRules(
        shipped.map { rule in
            let pattern: Pattern
            do throws(PatternError) {
                pattern = try Pattern(rule.expression)
            } catch {
                fatalError("the shipped label rule \(rule.expression) does not compile: \(error)")
            }
            return LabelRule(
                role: rule.role, rule.key == "match" ? .match(pattern) : .extract(pattern),
                letterCase: rule.letterCase, text: rule.text ?? LabelRule.defaultText, origin: "default")
        })

    /// What becomes of a label, as `scangate label test` says it: `child 0016586, rule 2, scangate.toml:31`.
    ///
    /// The label's bytes are escaped. A refusal names its text, an unknown label what the lane does with it.
    public func explain(_ bytes: [UInt8], symbology: Symbology = .unknown, other: LaneSettings.Other) -> String {
        func place(_ rule: RuleReference?) -> String { rule.map { ", rule \($0.index), \($0.origin)" } ?? "" }
        switch classify(bytes, symbology: symbology) {
        case .label(let role, let data, let rule): return "\(role.rawValue) \(Safe.text(data))\(place(rule))"
        case .refused(let refusal, let rule): return "refused: \(Safe.text(refusal.text))\(place(rule))"
        case .unknown:
            return switch other {
            case .refuse: "refused: \(Refusal.unknown.text), no rule matches"
            case .hold: "held as other, no rule matches"
            case .forward: "forwarded as other, no rule matches"
            }
        }
    }
}
