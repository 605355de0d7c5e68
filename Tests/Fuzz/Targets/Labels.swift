internal import Model
internal import Pattern

@testable internal import Gate

extension FuzzTarget {
    /// A label and the rules: the shipped ones, others of people, or one whose expression is the input's second line.
    static let label = FuzzTarget("label") { choices, bytes in
        let symbology = choices.one(of: [Symbology.unknown, .qr])
        let kind = choices.number(below: 3)
        guard kind == 2 else { return try judge(bytes, kind == 0 ? .defaults : others, symbology) }
        let role = choices.one(of: LabelRule.Role.allCases)
        let letters = choices.one(of: LabelRule.LetterCase.allCases)
        let extracts = choices.flag()
        var script = FuzzBytes(bytes)
        let expression = String(decoding: script.line(), as: UTF8.self)
        // The limits count from each of a label's bytes: what a person writes is not made by chance.
        guard let pattern = try? Pattern(expression), script.rest.count <= 512 else { return }
        let rule = LabelRule(
            role: role, extracts ? .extract(pattern) : .match(pattern), letterCase: letters, origin: "fuzz")
        try judge(Array(script.rest), LabelRules([rule] + LabelRules.defaults.rules), symbology)
    }

    private static let others: LabelRules = {
        func pattern(_ text: String) -> Pattern {
            do throws(PatternError) { return try Pattern(text) } catch { fatalError("\(text): \(error)") }
        }
        return LabelRules([
            LabelRule(role: .parent, .match(pattern("^BAG-[0-9]+$")), letterCase: .lower, origin: "fuzz"),
            LabelRule(
                role: .child, .extract(pattern("(?:NO|#)\\s*((?:[0-9]+-?)+)(?![0-9])")), symbology: .qr, origin: "fuzz"),
            LabelRule(role: .child, .match(pattern("^(\\w+\\s?)*$")), letterCase: .upper, origin: "fuzz"),
            LabelRule(role: .other, .match(pattern(".")), origin: "fuzz"),
        ])
    }()

    private static func judge(_ bytes: [UInt8], _ rules: LabelRules, _ symbology: Symbology) throws {
        let outcome = rules.classify(bytes, symbology: symbology)
        try require(rules.classify(bytes, symbology: symbology) == outcome, "one label, two verdicts")
        switch outcome {
        case .label(let role, let data, _):
            try require((1...bytes.count).contains(data.count), "\(data.count) bytes of a label of \(bytes.count)")
            try require(role != .parent || LabelRules.isParent(data), "a bag that cannot be called so")
            let (lower, whole) = (data.map(lowered), bytes.map(lowered))
            try require(
                data.count == bytes.count ? lower == whole : contains(whole, lower),
                "bytes that the label does not have")
        case .refused(_, nil): try require(bytes.isEmpty || bytes.count > 8192, "refused, and by no rule")
        case .refused, .unknown: break
        }
        let sentence = rules.explain(bytes, symbology: symbology, other: .refuse)
        try require(
            isPrintable(sentence), "a sentence for people with bytes that are none: \(sentence.debugDescription)")
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }

    private static func contains(_ whole: [UInt8], _ part: [UInt8]) -> Bool {
        (0...(whole.count - part.count)).contains { whole[$0...].starts(with: part) }
    }

    /// A lane's state as stored, led by two bytes of length, then labels of the lane, each led by its length and by
    /// hundreds of milliseconds.
    static let lane = FuzzTarget("lane") { choices, bytes in
        var settings = LaneSettings()
        settings.childrenPerParent = choices.one(of: [2, 30, 1000])
        settings.other = choices.one(of: LaneSettings.Other.allCases)
        var script = FuzzBytes(bytes)
        var state = LaneState(decoding: script.take(Int(script.byte()) | Int(script.byte()) << 8))
        try require(LaneState(decoding: state.encode()) == state, "a state that is not read as it was written")
        let boot = "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11"
        var now = Moment(uptimeNs: 1_000_000_000_000, wallMs: 1_795_233_600_000, synced: true)
        for _ in 0..<1000 where !script.isAtEnd {
            now.uptimeNs += Int64(script.byte()) * 100_000_000
            let reading = Reading(bytes: script.take(Int(script.byte())), capturedAt: now)
            func decide(_ reading: Reading) -> LaneDecision {
                state.decide(reading, rules: .defaults, settings: settings, roles: [.parent, .child], boot: boot)
            }
            let decision = decide(reading)
            var later = reading
            // Invariant 8: the wall clock decides nothing.
            later.capturedAt.wallMs = script.rest.count.isMultiple(of: 2) ? 0 : 4_102_444_800_000
            later.capturedAt.synced = false
            try require(decide(later) == decision, "a decision that depends on the wall clock")
            guard case .store(let scan) = decision else { continue }
            try require(scan.role != .child || !scan.parent.isEmpty, "a child of no bag")
            try require(scan.role != .child || scan.parent == state.parent, "a child of another bag")
            try require(LaneState(decoding: scan.next.encode()) == scan.next, "a state that is not read as written")
            state = scan.next
        }
    }
}
