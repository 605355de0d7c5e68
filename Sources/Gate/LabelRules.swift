public import Model
internal import Pattern

/// Which rule decided about a label.
public struct RuleReference: Sendable, Equatable {
    /// The rule's place in the list, from 1.
    public let index: Int
    /// Where it stands: `scangate.toml:31`, or `default`.
    public let origin: String
}

/// What the rules say of a label.
public enum LabelOutcome: Sendable, Equatable {
    /// The label is known; `data` is what is left of it after the rule, never empty.
    case label(role: ScanRole, data: [UInt8], rule: RuleReference)
    /// The label is not taken; no rule is named where none was asked (an empty label).
    case refused(Refusal, rule: RuleReference?)
    /// No rule knows the label: the lane's `other` decides.
    case unknown
}

/// The label rules, in order: the first that matches decides. Any thread.
public struct LabelRules: Sendable, Equatable {
    /// The rules in the order in which they are asked.
    public let rules: [LabelRule]
    private let parents: [Parent]

    // With the bytes that such a label can begin with, looking for one inside another label costs next to nothing.
    private struct Parent: Sendable, Equatable {
        let rule: LabelRule
        let firstBytes: [Bool]
    }

    /// The longest label that any rule is asked about, in bytes.
    public static let maxLabelBytes = 8192
    /// The longest parent, in bytes.
    public static let maxParentBytes = 64

    /// Rules in the order in which they are asked.
    public init(_ rules: [LabelRule]) {
        self.rules = rules
        parents = rules.filter { $0.role == .parent }.map { Parent(rule: $0, firstBytes: $0.pattern.firstBytes()) }
    }

    /// Whether a bag can be called that: 1 to 64 bytes of printable ASCII.
    public static func isParent(_ data: [UInt8]) -> Bool {
        (1...maxParentBytes).contains(data.count) && data.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// What the rules say of a label.
    ///
    /// A label of role parent is 1 to 64 bytes of printable ASCII after its rule, or it is refused. Two labels run
    /// together are refused instead of taken as a child: a second find of an `extract` rule that differs from the
    /// first, or a parent label at either end.
    public func classify(_ bytes: [UInt8], symbology: Symbology = .unknown) -> LabelOutcome {
        guard !bytes.isEmpty else { return .refused(.empty, rule: nil) }
        guard bytes.count <= LabelRules.maxLabelBytes else { return .refused(.tooLong, rule: nil) }
        // By place: a rule's texts are copied only once it has said something.
        for place in rules.indices where rules[place].applies(to: symbology) {
            let found = rules[place].pattern.captures(in: bytes)
            if case .none = found { continue }
            let rule = rules[place]
            let reference = RuleReference(index: place + 1, origin: rule.origin)
            switch found {
            case .none: continue
            // The rule might have been the one that refuses the label: not asking it is no answer.
            case .tooHard: return .refused(.tooHard, rule: reference)
            case .match(let ranges):
                do throws(Refusal) {
                    let (role, data) = try take(bytes, rule, ranges, symbology)
                    return .label(role: role, data: data, rule: reference)
                } catch {
                    return .refused(error, rule: reference)
                }
            }
        }
        return .unknown
    }

    private func take(
        _ bytes: [UInt8], _ rule: LabelRule, _ ranges: [Range<Int>?], _ symbology: Symbology
    ) throws(Refusal) -> (ScanRole, [UInt8]) {
        let role: ScanRole =
            switch rule.role {
            case .refuse: throw Refusal(.labelRefused, rule.text)
            case .parent: .parent
            case .child: .child
            case .other: .other
            }
        let data = rule.taken(from: bytes, ranges)
        guard !data.isEmpty, let whole = ranges.first ?? nil else { throw .empty }
        switch role {
        case .parent:
            guard LabelRules.isParent(data) else { throw .badParent }
        case .child: try refuseTwoLabels(in: bytes, rule, whole, data, symbology)
        case .other: break
        }
        return (role, data)
    }

    // A read of two labels as one, taken for a child, would lose a bag, and the next children would go to the bag
    // before it; or it would make a child that is no bag, which the backend keeps for ever.
    private func refuseTwoLabels(
        in bytes: [UInt8], _ rule: LabelRule, _ whole: Range<Int>, _ data: [UInt8], _ symbology: Symbology
    ) throws(Refusal) {
        let outside: (before: Range<Int>, behind: Range<Int>)
        if case .extract(let pattern) = rule.reading {
            try refuseOtherFinds(of: pattern, in: bytes, rule, behind: whole, data)
            outside = (0..<whole.lowerBound, whole.upperBound..<bytes.count)
        } else {
            outside = (0..<bytes.count - 1, 1..<bytes.count)
        }
        for parent in parents where parent.rule.applies(to: symbology) {
            let starts = outside.behind.suffix(LabelRules.maxParentBytes).filter { parent.firstBytes[Int(bytes[$0])] }
            let ends = parent.firstBytes[Int(bytes[0])] ? outside.before.prefix(LabelRules.maxParentBytes) : 0..<0
            for part in starts.map({ bytes[$0...] }) + ends.map({ bytes[...$0] }) {
                switch parent.rule.pattern.captures(in: part) {
                case .none: continue
                case .tooHard: throw .tooHard
                case .match: throw .twoLabels
                }
            }
        }
    }

    private func refuseOtherFinds(
        of pattern: Pattern, in bytes: [UInt8], _ rule: LabelRule, behind whole: Range<Int>, _ data: [UInt8]
    ) throws(Refusal) {
        var from = whole.upperBound
        // The same number again is one label; more than a few of them are no label.
        for _ in 0..<16 {
            switch pattern.captures(in: bytes, from: from) {
            case .none: return
            case .tooHard: throw .tooHard
            case .match(let ranges):
                guard rule.taken(from: bytes, ranges) == data, let next = ranges.first ?? nil else { throw .twoLabels }
                from = max(next.upperBound, from + 1)
            }
        }
        throw .twoLabels
    }
}
