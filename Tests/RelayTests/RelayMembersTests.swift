import Model
import Testing

@testable import Uplinks

@Suite struct RelayMembersTests {
    private static let second = Duration.seconds(1).nanoseconds
    private let gateways = (0..<300).map { gatewayID("dock-\($0)") }

    private func members(_ own: String, _ others: [String], at: Int64 = 100 * second) -> RelayMembers {
        var members = RelayMembers(own: own)
        for other in others { _ = members.hear(other, isKept: false, nowNs: at) }
        return members
    }

    @Test func `each gateway has exactly one relay, and each relay its share`() {
        let names = ["a", "b", "c"]
        let all = names.map { members($0, names) }
        for gateway in gateways {
            #expect(all.count { $0.handles(gateway, nowNs: 101 * Self.second) } == 1)
        }
        for one in all {
            let share = gateways.count { one.handles($0, nowNs: 101 * Self.second) }
            #expect((60...140).contains(share))
        }
    }

    @Test func `a relay that joins takes gateways over, and moves no other`() {
        let before = members("a", ["b"])
        let after = members("a", ["b", "c"])
        let now = 101 * Self.second
        let gained = gateways.filter { !before.handles($0, nowNs: now) && after.handles($0, nowNs: now) }
        #expect(gained.isEmpty)
        let lost = gateways.count { before.handles($0, nowNs: now) && !after.handles($0, nowNs: now) }
        #expect((20...90).contains(lost))
    }

    @Test func `a relay is gone by its will, by its silence, and by never having said anything itself`() {
        var members = members("a", ["b"])
        let now = 100 * Self.second
        #expect(members.count(nowNs: now + 29 * Self.second) == 2)
        #expect(members.count(nowNs: now + 31 * Self.second) == 1)
        members.forget("b")
        #expect(members.count(nowNs: now) == 1)
        let isNew = members.hear("old", isKept: true, nowNs: now)
        #expect(isNew)
        #expect(members.count(nowNs: now + 4 * Self.second) == 2)
        #expect(members.count(nowNs: now + 6 * Self.second) == 1)
        #expect(gateways.allSatisfy { members.handles($0, nowNs: now + 6 * Self.second) })
    }

    @Test func `what the broker has kept does not make a relay that lives older`() {
        var members = members("a", ["b"])
        let isNew = members.hear("b", isKept: true, nowNs: 101 * Self.second)
        #expect(!isNew)
        #expect(members.count(nowNs: 125 * Self.second) == 2)
    }

    @Test func `lanes of the same name at two gateways stay apart`() {
        var lanes = RelayLanes()
        let long = String(repeating: "x", count: 63)
        let places: [RelayLanes.Place] = [
            .init(gateway: gatewayID("dock-1"), lane: "table-1"), .init(gateway: gatewayID("dock-2"), lane: "table-1"),
            .init(gateway: gatewayID("a.b"), lane: "c"), .init(gateway: gatewayID("a"), lane: "b.c"),
            .init(gateway: gatewayID(long), lane: "1"), .init(gateway: gatewayID(long), lane: "2"),
        ]
        let names = places.map { lanes.name($0) }
        #expect(Set(names).count == places.count)
        #expect(names[0].text == "dock-1.table-1")
        #expect(places.map { lanes.name($0) } == names)
        #expect(lanes.lanes { $0.text == "a" || $0.text == "a.b" } == [names[2], names[3]])
    }
}
