import Gate
import Model
import Pattern
import Testing

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

private func rule(
    _ role: LabelRule.Role, match: String, case letterCase: LabelRule.LetterCase = .keep, symbology: Symbology? = nil
) throws -> LabelRule {
    LabelRule(
        role: role, .match(try Pattern(match)), letterCase: letterCase, symbology: symbology, text: "No", origin: "a:1")
}

private func rule(_ role: LabelRule.Role, extract: String) throws -> LabelRule {
    LabelRule(role: role, .extract(try Pattern(extract)), origin: "a:1")
}

@Suite struct ShippedRules {
    private func isRefused(_ label: [UInt8]) -> Bool {
        if case .refused = LabelRules.defaults.classify(label) { true } else { false }
    }

    @Test(arguments: [
        ("SB00860", "parent SB00860, rule 1, default"),
        ("sb00860", "parent SB00860, rule 1, default"),
        ("Sb99999", "parent SB99999, rule 1, default"),
        ("LABEL NO. 0016586 LOT NO. 77", "child 0016586, rule 3, default"),
        ("LABEL NO 0016586", "child 0016586, rule 3, default"),
        ("LABEL NO.0016586\r\nLOT NO. 77", "child 0016586, rule 3, default"),
        ("LABEL NO. 0016586 LOT NO. 77LABEL NO. 0016586 LOT NO. 77", "child 0016586, rule 3, default"),
        ("0016586", "refused: Unknown label, not taken, no rule matches"),
        ("ABCD1234", "refused: Unknown label, not taken, no rule matches"),
        ("LABEL NO. 00165867", "refused: Unknown label, not taken, no rule matches"),
        (" SB00860", "refused: Unknown label, not taken, no rule matches"),
    ])
    func `a label of practice is known for what it is`(label: String, said: String) {
        #expect(LabelRules.defaults.explain(bytes(label), other: .refuse) == said)
    }

    @Test(arguments: [
        "SB123456", "SB1234", "SB", "sb", "SB0086O", "SB-00860", "SB00860\n", "SB00860SB00861", "sb00860sb00860",
        "SB00860LABEL NO. 0016586", "NOREAD", "NO READ", "noread", "No Read", "SB\u{0}0860",
    ])
    func `a damaged bag label is refused by the second rule`(label: String) {
        let refusal = Refusal(.labelRefused, "Damaged bag label, scan again")
        #expect(
            LabelRules.defaults.classify(bytes(label))
                == .refused(refusal, rule: RuleReference.shipped(2)))
    }

    @Test(arguments: [
        "LABEL NO. 0016586 LOT NO. 77LABEL NO. 0016587 LOT NO. 77", "LABEL NO. 0016586 LOT NO. 77SB00860",
        "LABEL NO. 0016586sb00860",
    ])
    func `two labels run together are refused, not taken as a child`(label: String) {
        guard case .refused(let refusal, let rule) = LabelRules.defaults.classify(bytes(label)) else {
            Issue.record("taken")
            return
        }
        #expect(refusal.code == .twoLabels)
        #expect(rule == RuleReference.shipped(3))
    }

    @Test func `nothing that holds SB and digits is ever taken as a child`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bag = bytes("SB00") + (0..<Int.random(in: 1...4)).map { _ in UInt8.random(in: 48...57) }
            let tail = (0..<Int.random(in: 0...8)).map { _ in UInt8.random(in: 0...255, using: &random) }
            if case .label(role: .child, _, _) = LabelRules.defaults.classify(bag + tail) {
                Issue.record("a child: \(Safe.text(bag + tail))")
            }
        }
    }
}

extension RuleReference {
    fileprivate static func shipped(_ index: Int) -> RuleReference? {
        for label in ["SB00860", "SB", "LABEL NO. 0016586"] {
            switch LabelRules.defaults.classify(bytes(label)) {
            case .label(_, _, let rule) where rule.index == index: return rule
            case .refused(_, let rule) where rule?.index == index: return rule
            default: continue
            }
        }
        return nil
    }
}

@Suite struct LabelRulesTests {
    @Test func `the first rule that matches decides`() throws {
        let rules = LabelRules([try rule(.refuse, match: "^A"), try rule(.child, match: "^[A-Z]+$")])
        #expect(rules.explain(bytes("AB"), other: .refuse) == "refused: No, rule 1, a:1")
        #expect(rules.explain(bytes("BA"), other: .refuse) == "child BA, rule 2, a:1")
        #expect(rules.explain(bytes("1"), other: .hold) == "held as other, no rule matches")
        #expect(rules.explain(bytes("1"), other: .forward) == "forwarded as other, no rule matches")
    }

    @Test func `a rule for one symbology leaves the others alone`() throws {
        let rules = LabelRules([
            try rule(.parent, match: "^X", symbology: .qr), try rule(.other, match: "^X"),
        ])
        func role(_ symbology: Symbology) -> ScanRole? {
            if case .label(let role, _, _) = rules.classify(bytes("X1"), symbology: symbology) { role } else { nil }
        }
        #expect(role(.qr) == .parent)
        #expect(role(.code128) == .other)
        #expect(role(.unknown) == .other)
    }

    @Test(arguments: [(LabelRule.LetterCase.upper, "AB\u{e9}1"), (.lower, "ab\u{e9}1"), (.keep, "aB\u{e9}1")])
    func `letters are recased in ASCII only`(letterCase: LabelRule.LetterCase, data: String) throws {
        let rules = LabelRules([try rule(.child, match: "1$", case: letterCase)])
        guard case .label(_, let taken, _) = rules.classify(bytes("aB\u{e9}1")) else {
            Issue.record("not taken")
            return
        }
        #expect(taken == bytes(data))
    }

    @Test func `the first group that took part is extracted, the whole match without a group`() throws {
        let two = LabelRules([try rule(.child, extract: "A([0-9]+)|B([0-9]+)")])
        #expect(two.explain(bytes("xB12"), other: .refuse) == "child 12, rule 1, a:1")
        let none = LabelRules([try rule(.child, extract: "[0-9]{3}")])
        #expect(none.explain(bytes("x123"), other: .refuse) == "child 123, rule 1, a:1")
    }

    @Test(arguments: ["NO:", "NO:\0\0"])
    func `an extraction that finds nothing usable is refused where it is empty`(label: String) throws {
        let rules = LabelRules([try rule(.child, extract: "NO:(.*)")])
        let taken = if case .label = rules.classify(bytes(label)) { true } else { false }
        #expect(taken == (label != "NO:"))
    }

    @Test func `a child may be any bytes, a bag may not`() throws {
        let hostile: [UInt8] = [0xFF, 0, 0x1B, 0x5B]
        let child = LabelRules([try rule(.child, match: "(?s)^.+$")])
        #expect(child.explain(hostile, other: .refuse) == "child \\xff\\x00\\x1b[, rule 1, a:1")
        let parent = LabelRules([try rule(.parent, match: "(?s)^.+$")])
        for label in [hostile, bytes("S\u{e9}"), bytes("SB\0"), bytes(String(repeating: "S", count: 65))] {
            guard case .refused(let refusal, _) = parent.classify(label) else {
                Issue.record("taken: \(Safe.text(label))")
                continue
            }
            #expect(refusal.code == .badParent)
        }
    }

    @Test func `no bytes and too many bytes are refused before any rule is asked`() {
        let rules = LabelRules([])
        #expect(rules.explain([], other: .forward) == "refused: Damaged label, scan again")
        let long = [UInt8](repeating: 65, count: LabelRules.maxLabelBytes + 1)
        #expect(rules.explain(long, other: .forward) == "refused: Label too long, scan again")
    }

    @Test func `a rule that gives up refuses the label, it does not pass it on`() throws {
        let rules = LabelRules([try rule(.refuse, match: "(a+)+$"), try rule(.child, match: "(?s)^.*$")])
        let label = [UInt8](repeating: UInt8(ascii: "a"), count: 4000) + bytes("!")
        guard case .refused(let refusal, let rule) = rules.classify(label) else {
            Issue.record("taken")
            return
        }
        #expect(refusal.code == .labelTooHard)
        #expect(rule?.index == 1)
    }

    @Test(arguments: [
        ("0016586", true), ("0016586SB00860", false), ("SB008600016586", false), ("SB00860SB00861", false),
        ("SB0086", true), ("XSB008600", true),
    ])
    func `an opt-in bare child that holds a bag label at an end is refused`(label: String, taken: Bool) throws {
        let rules = LabelRules([
            try rule(.parent, match: "^SB[0-9]{5}$"), try rule(.child, match: "^[A-Z0-9]{4,20}$"),
        ])
        let isChild = if case .label(role: .child, _, _) = rules.classify(bytes(label)) { true } else { false }
        #expect(isChild == taken)
    }

    @Test func `a hostile label cannot forge the explanation`() throws {
        let rules = LabelRules([try rule(.child, match: "(?s).")])
        let said = rules.explain(bytes("1\n\u{1b}[2Jchild 2, rule 1"), other: .refuse)
        #expect(!said.contains("\n") && !said.contains("\u{1b}"))
    }
}
