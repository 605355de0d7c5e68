import Gate
import Model
import Testing

struct LaneInDoubtTests {
    private static func decide(_ state: LaneState, _ label: String, at seconds: Int64, isInDoubt: Bool) -> LaneDecision
    {
        let moment = Moment(uptimeNs: seconds * 1_000_000_000, wallMs: 0, synced: false)
        return state.decide(
            Reading(bytes: Array(label.utf8), capturedAt: moment), rules: .defaults, settings: LaneSettings(),
            roles: [.parent, .child], boot: "this", isInDoubt: isInDoubt)
    }

    private static func stored(_ decision: LaneDecision) throws -> Admission {
        guard case .store(let admission) = decision else { throw NotStored() }
        return admission
    }
    private struct NotStored: Error {}

    private static let child = "LABEL NO. 0000001 LOT NO. 77"

    @Test func `a child is refused as one without a bag`() throws {
        let state = try Self.stored(Self.decide(LaneState(), "SB00860", at: 0, isInDoubt: false)).next
        #expect(
            Self.decide(state, Self.child, at: 1, isInDoubt: true) == .refuse(.init(.noParent, "Scan the bag first")))
        #expect(try Self.stored(Self.decide(state, Self.child, at: 1, isInDoubt: false)).parent == "SB00860")
    }

    @Test(arguments: [Int64(1), 60])
    func `the bag that the lane had is stored once more, within the debounce too, and keeps its children`(at: Int64)
        throws
    {
        var state = try Self.stored(Self.decide(LaneState(), "SB00860", at: 0, isInDoubt: false)).next
        state = try Self.stored(Self.decide(state, Self.child, at: 0, isInDoubt: false)).next
        #expect(Self.decide(state, "SB00860", at: at, isInDoubt: false) == .alreadyStored)
        let again = try Self.stored(Self.decide(state, "SB00860", at: at, isInDoubt: true))
        #expect(again.role == .parent && again.next.children == 1)
    }

    @Test func `another label is of no bag, and does not keep the old one alive`() throws {
        var settings = LaneSettings()
        settings.other = .forward
        let state = try Self.stored(Self.decide(LaneState(), "SB00860", at: 0, isInDoubt: false)).next
        let moment = Moment(uptimeNs: 1, wallMs: 0, synced: false)
        let decision = state.decide(
            Reading(bytes: Array("hello".utf8), capturedAt: moment), rules: .defaults, settings: settings,
            roles: [.parent], boot: "this", isInDoubt: true)
        let admission = try Self.stored(decision)
        #expect(admission.parent == "" && admission.next.lastActivityNs == state.lastActivityNs)
    }
}
