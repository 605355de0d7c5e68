import Model
import Testing

@testable import Uplinks

private let second: Int64 = 1_000_000_000
private let (a, b, c) = (lane("a"), lane("b"), lane("c"))
private let bag = WebScan(n: 1, id: scanID(1), kind: .parent("SB00001"))
private let child = WebScan(n: 2, id: scanID(2), kind: .child("C", of: "SB00001"))

/// One session, which the lanes share.
struct WebPlanTests {
    private func plan(_ sessions: Int = 1, linger: Duration = .seconds(2)) -> WebPlan {
        var plan = WebPlan(sessions: sessions, linger: linger)
        for session in 0..<sessions { plan.open(session, isLoggedIn: true) }
        return plan
    }

    private func serving() -> WebPlan {
        var plan = plan()
        plan.arrived(a, nowNs: 0)
        _ = plan.next(for: 0, nowNs: 0)
        plan.willRead(a)
        plan.head(a, bag, nowNs: 0)
        plan.settled(a, leavesBagOpen: true)
        return plan
    }

    @Test func `it stays with a lane inside a bag and gives way where the next begins`() {
        var plan = serving()
        plan.arrived(b, nowNs: 0)
        plan.head(a, child, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
        plan.settled(a, leavesBagOpen: true)
        plan.head(a, bag, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(b))
    }

    @Test func `it does not give way before it has looked at what comes next`() {
        var plan = serving()
        plan.arrived(b, nowNs: 0)
        plan.headUsedUp(a)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
    }

    @Test func `a lane that has run dry inside a bag keeps the session for the linger`() {
        var plan = serving()
        plan.willRead(a)
        plan.head(a, nil, nowNs: 5 * second)
        plan.arrived(b, nowNs: 5 * second)
        #expect(plan.next(for: 0, nowNs: 6 * second) == .wait(untilNs: 7 * second))
        plan.arrived(a, nowNs: 6 * second)
        #expect(plan.next(for: 0, nowNs: 6 * second) == .serve(a))
        plan.willRead(a)
        plan.head(a, nil, nowNs: 6 * second)
        #expect(plan.next(for: 0, nowNs: 8 * second) == .serve(b))
    }

    @Test func `a lane that is dry for a moment again and again does not starve another`() {
        var plan = serving()
        plan.arrived(b, nowNs: 0)
        for half in 1..<20 {
            let now = Int64(half) * second / 2
            plan.willRead(a)
            plan.head(a, nil, nowNs: now)
            #expect(plan.next(for: 0, nowNs: now) != .serve(b))
            plan.arrived(a, nowNs: now + 1)
            #expect(plan.next(for: 0, nowNs: now + 1) == .serve(a))
            plan.willRead(a)
            plan.head(a, child, nowNs: now + 1)
        }
        // Five times the linger: the next dry moment is the other's.
        plan.willRead(a)
        plan.head(a, nil, nowNs: 10 * second)
        #expect(plan.next(for: 0, nowNs: 10 * second) == .serve(b))
    }

    @Test func `a bag that is full gives the session away at once`() {
        var plan = serving()
        plan.settled(a, leavesBagOpen: false)
        plan.willRead(a)
        plan.head(a, nil, nowNs: 0)
        plan.arrived(b, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(b))
    }

    @Test func `scans that arrive while the log is read are not overlooked`() {
        var plan = serving()
        plan.willRead(a)
        plan.arrived(a, nowNs: 0)
        plan.head(a, nil, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
    }

    @Test func `a lane in trouble lets others go on, and is asked again when its time has come`() {
        var plan = serving()
        plan.head(a, child, nowNs: 0)
        plan.arrived(b, nowNs: 0)
        plan.postpone(a, untilNs: 9 * second)
        #expect(plan.next(for: 0, nowNs: second) == .serve(b))
        plan.willRead(b)
        plan.head(b, nil, nowNs: second)
        #expect(plan.next(for: 0, nowNs: 5 * second) == .wait(untilNs: 9 * second))
        #expect(plan.next(for: 0, nowNs: 9 * second) == .serve(a))
    }

    @Test func `a frozen lane is left alone until it is thawed`() {
        var plan = serving()
        plan.head(a, child, nowNs: 0)
        plan.freeze(a)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        plan.thaw()
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
    }

    @Test func `nothing to do is no reason to wake up`() {
        var plan = serving()
        plan.willRead(a)
        plan.head(a, nil, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        #expect(!plan.hasWork(0))
    }

    @Test func `lanes take turns`() {
        var plan = plan(linger: .zero)
        let lanes = [a, b, c]
        for lane in lanes { plan.arrived(lane, nowNs: 0) }
        var served: [LaneID] = []
        for _ in 0..<6 {
            guard case .serve(let lane) = plan.next(for: 0, nowNs: 0) else { break }
            served.append(lane)
            plan.head(lane, bag, nowNs: 0)
            plan.settled(lane, leavesBagOpen: true)
        }
        #expect(served == lanes + lanes)
    }

    // MARK: Several sessions

    @Test func `each lane has a session of its own while there is one`() {
        var plan = plan(2)
        plan.arrived(a, nowNs: 0)
        plan.arrived(b, nowNs: 1)
        #expect(plan.next(for: 0, nowNs: 1) == .serve(a))
        #expect(plan.next(for: 1, nowNs: 1) == .serve(b))
        plan.head(a, bag, nowNs: 1)
        plan.settled(a, leavesBagOpen: true)
        #expect(plan.next(for: 0, nowNs: 1) == .serve(a))
        #expect(plan.session(of: a) == 0 && plan.session(of: b) == 1)
    }

    @Test func `a lane stays with its session while it is dry, and others take the free one`() {
        var plan = plan(2)
        plan.arrived(a, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
        plan.willRead(a)
        plan.head(a, nil, nowNs: 0)
        plan.settled(a, leavesBagOpen: true)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        plan.arrived(b, nowNs: 60 * second)
        // The linger is long over, and still the free session comes first.
        #expect(plan.next(for: 0, nowNs: 60 * second) == .wait(untilNs: nil))
        #expect(plan.next(for: 1, nowNs: 60 * second) == .serve(b))
        plan.arrived(a, nowNs: 61 * second)
        #expect(plan.next(for: 0, nowNs: 61 * second) == .serve(a))
    }

    @Test func `a session that is logged in comes before one that has to, and that before one at a bag`() {
        var plan = WebPlan(sessions: 3, linger: .zero)
        plan.open(0, isLoggedIn: true)
        plan.arrived(a, nowNs: 0)
        _ = plan.next(for: 0, nowNs: 0)
        plan.willRead(a)
        plan.head(a, nil, nowNs: 0)
        plan.settled(a, leavesBagOpen: true)
        _ = plan.next(for: 0, nowNs: 0)
        plan.open(1, isLoggedIn: false)
        plan.open(2, isLoggedIn: true)
        _ = plan.next(for: 1, nowNs: 0)
        _ = plan.next(for: 2, nowNs: 0)
        plan.arrived(b, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        #expect(plan.next(for: 1, nowNs: 0) == .wait(untilNs: nil))
        #expect(plan.next(for: 2, nowNs: 0) == .serve(b))
        plan.arrived(c, nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        #expect(plan.next(for: 1, nowNs: 0) == .serve(c))
        plan.arrived(lane("d"), nowNs: 0)
        #expect(plan.next(for: 0, nowNs: 0) == .serve(lane("d")))
    }

    @Test func `the lane that has waited longest goes to the session that is free first`() {
        var plan = plan(2)
        for (index, lane) in [a, b, c, lane("d")].enumerated() { plan.arrived(lane, nowNs: Int64(4 - index) * second) }
        #expect(plan.next(for: 1, nowNs: 5 * second) == .serve(c))
        #expect(plan.next(for: 0, nowNs: 5 * second) == .serve(lane("d")))
        plan.head(c, bag, nowNs: 5 * second)
        plan.settled(c, leavesBagOpen: true)
        #expect(plan.next(for: 1, nowNs: 6 * second) == .serve(b))
    }

    @Test func `a session that is closed lets its lane go to another`() {
        var plan = plan(2)
        plan.arrived(a, nowNs: 0)
        _ = plan.takeNews()
        #expect(plan.next(for: 0, nowNs: 0) == .serve(a))
        #expect(plan.next(for: 1, nowNs: 0) == .wait(untilNs: nil))
        plan.close(0, nowNs: 0)
        let isNews = plan.takeNews()
        #expect(isNews)
        #expect(plan.next(for: 0, nowNs: 0) == .wait(untilNs: nil))
        #expect(plan.next(for: 1, nowNs: 0) == .serve(a))
    }

    /// Sixteen lanes with bags of thirty over three sessions; a step of one second serves one scan a session.
    @Test func `no lane starves, none is served by two, and no bag is broken up`() {
        var plan = plan(3, linger: .zero)
        let lanes = (0..<16).map { lane("lane-\($0)") }
        for lane in lanes { plan.arrived(lane, nowNs: 0) }
        var served: [LaneID: Int] = [:]
        var owner: [LaneID: Int] = [:]
        for step in 0..<31 * 16 {
            let now = Int64(step) * second
            var servedNow: Set<LaneID> = []
            for session in 0..<3 {
                guard case .serve(let lane) = plan.next(for: session, nowNs: now) else {
                    Issue.record("session \(session) is idle at \(step)")
                    continue
                }
                #expect(servedNow.insert(lane).inserted)
                let place = served[lane, default: 0] % 31
                if place > 0 { #expect(owner[lane] == session) }
                owner[lane] = session
                served[lane, default: 0] += 1
                plan.head(lane, (place + 1) % 31 == 0 ? bag : child, nowNs: now)
                plan.settled(lane, leavesBagOpen: true)
            }
        }
        let counts = lanes.map { served[$0, default: 0] / 31 }
        #expect((counts.min() ?? 0) >= 2 && (counts.max() ?? 0) <= 4)
    }
}
