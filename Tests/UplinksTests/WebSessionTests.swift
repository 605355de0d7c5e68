import Model
import Testing

@testable import Uplinks

struct WebSessionTests {
    private let hour: Int64 = 3_600_000_000_000
    private func child(_ n: Int, of parent: String) -> WebScan {
        WebScan(n: Int64(n), id: scanID(n), kind: .child("C\(n)", of: parent))
    }
    private let accepted = WebAnswer.accepted(text: "", childCount: nil)

    private func loggedIn() -> WebSession {
        var session = WebSession(restored: false)
        session.loggedIn(token: "t", nowNs: 0)
        return session
    }

    @Test func `a child goes out only behind its own signed parent`() {
        var session = WebSession(restored: false)
        let scan = child(1, of: "SB00001")
        #expect(session.step(for: scan, nowNs: 0) == .login)
        session.loggedIn(token: "t", nowNs: 0)
        #expect(session.step(for: scan, nowNs: 0) == .postParentAgain("SB00001"))
        session.parentGoesOut()
        _ = session.parentAnswered(accepted, label: "SB00001")
        #expect(session.step(for: scan, nowNs: 0) == .postChild("C1", of: "SB00001"))
        // Another lane's child, on the same session.
        #expect(session.step(for: child(2, of: "SB00002"), nowNs: 0) == .postParentAgain("SB00002"))
    }

    @Test(
        arguments: [
            WebAnswer.retry("x", after: nil, ambiguous: true), .rejected("x"), .held("x"), .mismatch("x"),
            .slowDown("x", after: nil), .sessionLost("x"), .cancelled,
        ])
    func `after a parent's post that did not succeed nobody knows the session's parent`(answer: WebAnswer) {
        var session = loggedIn()
        session.parentGoesOut()
        _ = session.parentAnswered(accepted, label: "SB00001")
        session.parentGoesOut()
        _ = session.parentAnswered(answer, label: "SB00002")
        #expect(session.parent == nil)
    }

    @Test func `a child answered with another parent takes the session's parent away`() {
        var session = loggedIn()
        _ = session.parentAnswered(accepted, label: "SB00001")
        _ = session.childAnswered(.mismatch("x"))
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .postParentAgain("SB00001"))
    }

    @Test func `a lost session logs in and posts the parent again`() {
        var session = loggedIn()
        _ = session.parentAnswered(accepted, label: "SB00001")
        let isHopeless = session.childAnswered(.sessionLost("x"))
        #expect(!isHopeless)
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .login)
        session.loggedIn(token: "t2", nowNs: 0)
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .postParentAgain("SB00001"))
    }

    @Test func `a session lost again right after each login stops the logins`() {
        var session = loggedIn()
        var stopped: [Bool] = []
        for _ in 0..<3 {
            stopped.append(session.childAnswered(.sessionLost("x")))
            session.loggedIn(token: "t", nowNs: 0)
        }
        #expect(stopped == [false, false, true])
    }

    @Test func `the session is renewed before its hour is over`() {
        let session = loggedIn()
        let scan = WebScan(n: 1, id: scanID(1), kind: .parent("SB00001"))
        #expect(session.step(for: scan, nowNs: hour * 49 / 60) == .postParent("SB00001"))
        #expect(session.step(for: scan, nowNs: hour * 50 / 60) == .login)
    }

    @Test func `two failed logins in a row stop, a good one between starts the count anew`() {
        var session = WebSession(restored: false)
        let first = session.loginFailed()
        session.loggedIn(token: "", nowNs: 0)
        let second = session.loginFailed()
        let third = session.loginFailed()
        #expect([first, second, third] == [false, false, true])
    }

    @Test func `restored cookies are looked at before they are used`() {
        var session = WebSession(restored: true)
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .readToken)
        session.restoredExpired()
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .login)
    }

    @Test(
        arguments: [
            stored(1, role: .other), stored(1, action: .unlink), stored(1, action: .bill), stored(1, action: .giveBack),
            stored(1, parent: ""), StoredScan(n: 1, wire: Array("{}".utf8)),
        ])
    func `what the contract has no request for is held`(scan: StoredScan) {
        guard case .hold = WebSession(restored: false).step(for: WebScan(scan), nowNs: 0) else {
            Issue.record("not held")
            return
        }
    }
}

struct WebPlanTests {
    private let second: Int64 = 1_000_000_000
    private let a = lane("a")
    private let b = lane("b")
    private let bag = WebScan(n: 1, id: scanID(1), kind: .parent("SB00001"))
    private let child = WebScan(n: 2, id: scanID(2), kind: .child("C", of: "SB00001"))

    private func serving() -> WebPlan {
        var plan = WebPlan(linger: .seconds(2))
        plan.arrived(a)
        _ = plan.next(nowNs: 0)
        plan.willRead(a)
        plan.head(a, bag, nowNs: 0)
        plan.settled(a, leavesBagOpen: true)
        return plan
    }

    @Test func `it stays with a lane inside a bag and gives way where the next begins`() {
        var plan = serving()
        plan.arrived(b)
        plan.head(a, child, nowNs: 0)
        #expect(plan.next(nowNs: 0) == .serve(a))
        plan.settled(a, leavesBagOpen: true)
        plan.head(a, bag, nowNs: 0)
        #expect(plan.next(nowNs: 0) == .serve(b))
    }

    @Test func `it does not give way before it has looked at what comes next`() {
        var plan = serving()
        plan.arrived(b)
        plan.headUsedUp(a)
        #expect(plan.next(nowNs: 0) == .serve(a))
    }

    @Test func `a lane that has run dry inside a bag keeps the session for the linger`() {
        var plan = serving()
        plan.arrived(b)
        plan.head(a, nil, nowNs: 5 * second)
        #expect(plan.next(nowNs: 6 * second) == .wait(untilNs: 7 * second))
        plan.arrived(a)
        #expect(plan.next(nowNs: 6 * second) == .serve(a))
        plan.willRead(a)
        plan.head(a, nil, nowNs: 6 * second)
        #expect(plan.next(nowNs: 8 * second) == .serve(b))
    }

    @Test func `scans that arrive while the log is read are not overlooked`() {
        var plan = serving()
        plan.willRead(a)
        plan.arrived(a)
        plan.head(a, nil, nowNs: 0)
        #expect(plan.next(nowNs: 0) == .serve(a))
    }

    @Test func `a lane in trouble lets others go on, and is asked again when its time has come`() {
        var plan = serving()
        plan.head(a, child, nowNs: 0)
        plan.arrived(b)
        plan.postpone(a, untilNs: 9 * second)
        #expect(plan.next(nowNs: second) == .serve(b))
        plan.willRead(b)
        plan.head(b, nil, nowNs: second)
        #expect(plan.next(nowNs: 5 * second) == .wait(untilNs: 9 * second))
        #expect(plan.next(nowNs: 9 * second) == .serve(a))
    }

    @Test func `a frozen lane is left alone until it is thawed`() {
        var plan = serving()
        plan.head(a, child, nowNs: 0)
        plan.freeze(a)
        #expect(plan.next(nowNs: 0) == .wait(untilNs: nil))
        plan.thaw()
        #expect(plan.next(nowNs: 0) == .serve(a))
    }

    @Test func `nothing to do is no reason to wake up`() {
        var plan = serving()
        plan.willRead(a)
        plan.head(a, nil, nowNs: 0)
        #expect(plan.next(nowNs: 0) == .wait(untilNs: nil))
    }

    @Test func `lanes take turns`() {
        var plan = WebPlan(linger: .zero)
        let lanes = ["a", "b", "c"].map(lane)
        for lane in lanes { plan.arrived(lane) }
        var served: [LaneID] = []
        for _ in 0..<6 {
            guard case .serve(let lane) = plan.next(nowNs: 0) else { break }
            served.append(lane)
            plan.head(lane, bag, nowNs: 0)
            plan.settled(lane, leavesBagOpen: true)
        }
        #expect(served == lanes + lanes)
    }

    @Test func `logins are one at a time and nine an hour`() async {
        let budget = LoginBudget()
        for _ in 0..<9 {
            #expect(await budget.begin { 0 } == nil)
            await budget.end()
        }
        #expect(await budget.begin { second } == 3600 * second)
        #expect(await budget.begin { 3600 * second } == nil)
        await budget.refund()
        await budget.end()
    }

    @Test func `requests are paced after a 429 and no longer after a while`() {
        var pace = Pace()
        #expect(pace.earliestNs == .min)
        pace.slowDown()
        pace.slowDown()
        pace.requestGoesOut(second)
        #expect(pace.earliestNs == second + second / 2)
        for _ in 0..<60 { pace.requestGoesOut(second) }
        #expect(pace.earliestNs == .min)
    }
}
