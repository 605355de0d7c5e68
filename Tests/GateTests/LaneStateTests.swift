import Gate
import Model
import Testing

private let firstBoot = "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11"
private let nextBoot = "2f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11"

/// A lane whose scans are all committed at once.
private struct Lane {
    var state = LaneState()
    var settings = LaneSettings()
    var boot = firstBoot
    var rules = LabelRules.defaults

    @discardableResult
    mutating func scan(_ label: String, at seconds: Double, roles: Set<ScanRole> = [.parent, .child]) -> LaneDecision {
        let moment = Moment(uptimeNs: Int64(seconds * 1e9), wallMs: 0, synced: false)
        let decision = state.decide(
            Reading(bytes: Array(label.utf8), capturedAt: moment), rules: rules, settings: settings, roles: roles,
            boot: boot)
        if case .store(let admission) = decision { state = admission.next }
        return decision
    }

    mutating func outcome(_ label: String, at seconds: Double, roles: Set<ScanRole> = [.parent, .child]) -> String {
        switch scan(label, at: seconds, roles: roles) {
        case .store(let admission):
            "\(admission.held ? "held" : "stored") \(admission.role) \(Safe.text(admission.data)) in <\(admission.parent)>"
        case .alreadyStored: "already"
        case .refuse(let refusal): "refused: \(refusal.text)"
        }
    }
}

private func child(_ number: Int) -> String {
    let digits = String(number)
    return "LABEL NO. " + String(repeating: "0", count: 7 - digits.utf8.count) + digits + " LOT NO. 77"
}

@Suite struct LaneStateTests {
    @Test func `a bag, then its children, then the next bag`() {
        var lane = Lane()
        #expect(lane.outcome("sb00860", at: 0) == "stored parent SB00860 in <>")
        #expect(lane.outcome(child(1), at: 1) == "stored child 0000001 in <SB00860>")
        #expect(lane.outcome(child(2), at: 2) == "stored child 0000002 in <SB00860>")
        #expect(lane.state.children == 2)
        #expect(lane.outcome("SB00861", at: 3) == "stored parent SB00861 in <>")
        #expect(lane.state.children == 0)
        #expect(lane.outcome(child(3), at: 4) == "stored child 0000003 in <SB00861>")
    }

    @Test func `the bytes as read are kept only where the rule changed them`() {
        var lane = Lane()
        guard case .store(let changed) = lane.scan("sb00860", at: 0),
            case .store(let same) = lane.scan("SB00861", at: 9)
        else {
            Issue.record("not stored")
            return
        }
        #expect(changed.raw == Array("sb00860".utf8))
        #expect(same.raw == nil)
        #expect(same.rule?.index == 1)
    }

    @Test func `a child without a bag is refused and changes nothing`() {
        var lane = Lane()
        #expect(lane.outcome(child(1), at: 0) == "refused: Scan the bag first")
        #expect(lane.state == LaneState())
    }

    @Test func `the same label within the debounce is one scan, and extends nothing`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        #expect(lane.outcome(child(1), at: 10) == "stored child 0000001 in <SB00860>")
        let before = lane.state
        #expect(lane.outcome(child(1), at: 10.8) == "already")
        #expect(lane.outcome(child(1), at: 11.4999) == "already")
        #expect(lane.state == before)
        #expect(lane.outcome(child(1), at: 11.5) == "stored child 0000001 in <SB00860>")
    }

    @Test func `a different label is never debounced`() {
        var lane = Lane()
        lane.settings.childrenPerParent = 50
        lane.scan("SB00860", at: 0)
        for number in 0..<50 {
            #expect(lane.outcome(child(number), at: 1).hasPrefix("stored"))
        }
        #expect(lane.outcome(child(0), at: 1).hasPrefix("stored"))
        #expect(lane.state.children == 50)
    }

    @Test func `no debounce means that every scan counts`() {
        var lane = Lane()
        lane.settings.debounce = .zero
        lane.scan("SB00860", at: 0)
        #expect(lane.outcome(child(1), at: 1).hasPrefix("stored"))
        #expect(lane.outcome(child(1), at: 1).hasPrefix("stored"))
    }

    @Test func `a reading that was captured a little earlier is the same scan too`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        lane.scan(child(1), at: 10)
        #expect(lane.outcome(child(1), at: 9.9) == "already")
        #expect(lane.outcome(child(2), at: 9.8).hasPrefix("stored"))
        #expect(lane.state.lastActivityNs == 10_000_000_000)
    }

    @Test func `a refused label does not stand between a label and its repeat`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        lane.scan(child(1), at: 10)
        #expect(lane.outcome("NOREAD", at: 10.2).hasPrefix("refused"))
        #expect(lane.outcome(child(1), at: 10.4) == "already")
    }

    @Test func `the current bag scanned again is no event, whenever`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        lane.scan(child(1), at: 60)
        let before = lane.state
        #expect(lane.outcome("sb00860", at: 600) == "already")
        #expect(lane.state == before)
    }

    @Test func `an idle lane forgets its bag, and the bag keeps its count`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        lane.scan(child(1), at: 10)
        #expect(lane.outcome(child(2), at: 1209.9).hasPrefix("stored"))
        #expect(lane.outcome(child(3), at: 2409.9) == "refused: Scan the bag first")
        #expect(lane.state.currentParent(at: 2_409_900_000_000, boot: firstBoot, settings: lane.settings) == nil)
        #expect(lane.outcome("SB00860", at: 2411) == "stored parent SB00860 in <>")
        #expect(lane.state.children == 2)
        #expect(lane.outcome(child(3), at: 2412) == "stored child 0000003 in <SB00860>")
    }

    @Test func `after a reboot the lane asks for the bag again, and nothing is debounced`() {
        var lane = Lane()
        lane.scan("SB00860", at: 5000)
        lane.scan(child(1), at: 5001)
        lane.boot = nextBoot
        #expect(lane.outcome(child(1), at: 5001.1) == "refused: Scan the bag first")
        #expect(lane.outcome("SB00860", at: 20) == "stored parent SB00860 in <>")
        #expect(lane.outcome(child(2), at: 21) == "stored child 0000002 in <SB00860>")
        #expect(lane.state.children == 2)
        #expect(lane.state.lastActivityNs == 21_000_000_000)
    }

    @Test func `a bag scanned last before a reboot is stored again within the debounce`() {
        var lane = Lane()
        lane.scan("SB00860", at: 20)
        lane.boot = nextBoot
        #expect(lane.outcome("SB00860", at: 20.1) == "stored parent SB00860 in <>")
    }

    @Test(
        arguments: [
            ([.parent], child(1), "refused: This scanner is for bag labels only"),
            ([.child], "SB00861", "refused: This scanner is for child bags only"),
            ([], "SB00861", "refused: This scanner may not scan bags"),
            ([.parent], "SB00861", "stored parent SB00861 in <>"),
            ([.child], child(1), "stored child 0000001 in <SB00860>"),
        ] as [([ScanRole], String, String)])
    func `a device scans only what its roles allow`(roles: [ScanRole], label: String, said: String) {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        #expect(lane.outcome(label, at: 10, roles: Set(roles)) == said)
    }

    @Test(arguments: [
        (LaneSettings.Other.refuse, "refused: Unknown label, not taken"), (.hold, "held other 4711 in <SB00860>"),
        (.forward, "stored other 4711 in <SB00860>"),
    ])
    func `a label that no rule knows goes the way the lane says`(other: LaneSettings.Other, said: String) {
        var lane = Lane()
        lane.settings.other = other
        lane.scan("SB00860", at: 0)
        #expect(lane.outcome("4711", at: 1, roles: []) == said)
        #expect(lane.state.children == 0)
    }

    @Test func `an unknown label after a reboot does not bring the old bag back`() {
        var lane = Lane()
        lane.settings.other = .forward
        lane.scan("SB00860", at: 0)
        lane.boot = nextBoot
        #expect(lane.outcome("4711", at: 1) == "stored other 4711 in <>")
        #expect(lane.outcome(child(1), at: 2) == "refused: Scan the bag first")
    }

    @Test func `an admin clears a lane and sets its bag`() throws {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        lane.scan(child(1), at: 1)
        lane.state = lane.state.cleared()
        #expect(lane.outcome(child(1), at: 1.1) == "refused: Scan the bag first")
        lane.state = try #require(lane.state.settingParent("SB00900", at: 2_000_000_000, boot: firstBoot))
        #expect(lane.outcome(child(1), at: 2.1) == "stored child 0000001 in <SB00900>")
        #expect(lane.state.settingParent("", at: 0, boot: firstBoot) == nil)
        #expect(lane.state.settingParent("S\u{e9}", at: 0, boot: firstBoot) == nil)
    }

    @Test func `the label of a bag that an admin named is stored when it is scanned, once`() throws {
        var lane = Lane()
        lane.state = try #require(lane.state.settingParent("SB00900", at: 0, boot: firstBoot))
        #expect(lane.outcome(child(1), at: 1) == "stored child 0000001 in <SB00900>")
        lane.state = LaneState(decoding: lane.state.encode())
        #expect(lane.outcome("SB00900", at: 3) == "stored parent SB00900 in <>")
        #expect(lane.state.children == 1)
        lane.state = LaneState(decoding: lane.state.encode())
        #expect(lane.outcome("SB00900", at: 9) == "already")
        // The bag that the lane had is scanned already.
        lane.state = try #require(lane.state.settingParent("SB00900", at: 10_000_000_000, boot: firstBoot))
        #expect(lane.outcome("SB00900", at: 12) == "already")
    }

    @Test func `a bag that is scanned again right after it was forgotten is current again`() {
        var lane = Lane()
        lane.settings.debounce = .seconds(60)
        lane.settings.forgetParentAfter = .seconds(1)
        lane.scan("SB00860", at: 0)
        #expect(lane.outcome("SB00860", at: 0.5) == "already")
        #expect(lane.outcome("SB00860", at: 2) == "stored parent SB00860 in <>")
        #expect(lane.outcome(child(1), at: 2.5) == "stored child 0000001 in <SB00860>")
    }

    @Test func `no reading makes the clocks overflow`() {
        var lane = Lane()
        lane.scan("SB00860", at: 0)
        let moment = Moment(uptimeNs: .min, wallMs: 0, synced: false)
        let label = Reading(bytes: Array(child(1).utf8), capturedAt: moment)
        _ = lane.state.decide(label, rules: .defaults, settings: lane.settings, roles: [.child], boot: firstBoot)
    }
}

@Suite struct FullBagTests {
    /// A lane with bags of three; each scan an hour's fraction later than any debounce.
    private struct Worker {
        var lane = Lane()
        var seconds = 0.0

        init() { lane.settings.childrenPerParent = 3 }

        mutating func says(_ label: String) -> String {
            seconds += 10
            return switch lane.scan(label, at: seconds) {
            case .store(let admission): admission.signal.rawValue
            case .alreadyStored: "already"
            case .refuse(let refusal): refusal.code.rawValue
            }
        }
    }

    @Test(
        arguments: [
            (["SB00860", child(1), child(2), child(3)], ["stored", "stored", "stored", "bag-complete"]),
            // A label that is in the bag already is stored, and counts no more.
            (
                ["SB00860", child(1), child(1), child(2), child(1), child(3)],
                ["stored", "stored", "duplicate", "stored", "duplicate", "bag-complete"]
            ),
            // One more is refused until there is a bag again; those in the bag are still known.
            (
                ["SB00860", child(1), child(2), child(3), child(4), child(2), child(4), "SB00861", child(4)],
                [
                    "stored", "stored", "stored", "bag-complete", "bag_full", "duplicate", "bag_full", "stored",
                    "stored",
                ]
            ),
            // The same bag once more makes no room.
            (
                ["SB00860", child(1), child(2), child(3), "sb00860", child(4)],
                ["stored", "stored", "stored", "bag-complete", "already", "bag_full"]
            ),
            // What counts is the label after its rule.
            (
                ["SB00860", child(1), "LABEL NO. 0000001 LOT NO. 78", "label no 0000001"],
                ["stored", "stored", "duplicate", "unknown_label"]
            ),
            // Another bag may have it: that is the backend's to judge.
            (["SB00860", child(1), "SB00861", child(1)], ["stored", "stored", "stored", "stored"]),
        ] as [([String], [String])])
    func `the lane knows what is in its bag`(labels: [String], said: [String]) {
        var worker = Worker()
        #expect(labels.map { worker.says($0) } == said)
    }

    @Test func `a bag is found as it was left, by count and labels, after a forgotten bag and a restart`() {
        var worker = Worker()
        #expect(["SB00860", child(1), child(2)].map { worker.says($0) } == ["stored", "stored", "stored"])
        worker.seconds += 3600
        worker.lane.state = LaneState(decoding: worker.lane.state.encode())
        #expect(
            [child(1), "SB00860", child(1), child(3), child(4)].map { worker.says($0) }
                == ["no_parent", "stored", "duplicate", "bag-complete", "bag_full"])
    }

    @Test func `a label that is no bag leaves a forgotten bag as it is`() {
        var worker = Worker()
        worker.lane.settings.other = .forward
        for label in ["SB00860", child(1), child(2)] { _ = worker.says(label) }
        worker.seconds += 3600
        #expect(
            ["4711", child(3), "SB00860", child(1), child(3), child(4)].map { worker.says($0) }
                == ["stored", "no_parent", "stored", "duplicate", "bag-complete", "bag_full"])
    }

    @Test func `an admin's clear makes the bag new`() {
        var worker = Worker()
        for label in ["SB00860", child(1), child(2), child(3)] { _ = worker.says(label) }
        worker.lane.state = worker.lane.state.cleared()
        #expect(["SB00860", child(4)].map { worker.says($0) } == ["stored", "stored"])
    }

    @Test func `a bag that a reload makes smaller is full, one that it makes larger takes more`() {
        var worker = Worker()
        for label in ["SB00860", child(1), child(2)] { _ = worker.says(label) }
        worker.lane.settings.childrenPerParent = 1
        #expect(worker.says(child(3)) == "bag_full")
        worker.lane.settings.childrenPerParent = 4
        #expect([child(3), child(4), child(5)].map { worker.says($0) } == ["stored", "bag-complete", "bag_full"])
    }

    @Test func `the largest bag is kept within its bound`() {
        var worker = Worker()
        worker.lane.settings.childrenPerParent = 1000
        _ = worker.says("SB00860")
        for number in 1..<1000 { #expect(worker.says(child(number)) == "stored") }
        #expect(worker.says(child(1000)) == "bag-complete")
        #expect(worker.says(child(1001)) == "bag_full")
        #expect(worker.lane.state.encode().count < 8200)
        #expect(LaneState(decoding: worker.lane.state.encode()) == worker.lane.state)
    }
}

@Suite struct LaneStateEncodingTests {
    private var state: LaneState {
        var lane = Lane()
        lane.scan("SB00860", at: 1)
        lane.scan(child(1), at: 2.5)
        return lane.state
    }

    @Test func `thirty children cost eight bytes each`() {
        var lane = Lane()
        lane.scan("SB00860", at: 1)
        let empty = lane.state.encode().count
        for number in 0..<30 { lane.scan(child(number), at: 2) }
        // The last label is in it, too.
        #expect(lane.state.encode().count - empty <= 30 * 8 + 32)
    }

    @Test func `a state of version 1 keeps its bag and its count, and knows no labels yet`() {
        let bytes = state.encode()
        // Version 1 ended before the list: its length, and one label.
        let old = LaneState(decoding: [1] + bytes.dropFirst().dropLast(4 + 8))
        #expect(old.parent == "SB00860" && old.children == 1 && old.lastLabel == Array(child(1).utf8))
        var lane = Lane(state: old)
        lane.settings.childrenPerParent = 2
        guard case .store(let again) = lane.scan(child(1), at: 20), case .refuse(let full) = lane.scan(child(2), at: 30)
        else {
            Issue.record("not judged as expected")
            return
        }
        #expect(again.signal == .bagComplete && full.code == .bagFull)
    }

    @Test func `a state comes back as it was`() {
        #expect(LaneState(decoding: state.encode()) == state)
        #expect(LaneState(decoding: LaneState().encode()) == LaneState())
    }

    @Test func `a newer version, a cut or a damaged state asks for the bag again`() {
        let good = state.encode()
        #expect(LaneState(decoding: [4] + good.dropFirst()) == LaneState())
        #expect(LaneState(decoding: good + [0]) == LaneState())
        for count in 0..<good.count { #expect(LaneState(decoding: Array(good.prefix(count))) == LaneState()) }
        var bad = good
        bad[1...4] = [255, 255, 255, 255]
        #expect(LaneState(decoding: bad) == LaneState())
    }

    @Test func `any bytes decode to some state`() {
        for _ in 0..<2000 {
            let noise = (0..<Int.random(in: 0...80)).map { _ in UInt8.random(in: 0...255) }
            _ = LaneState(decoding: [1] + noise)
            _ = LaneState(decoding: [2] + noise)
        }
    }
}
