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
        _ = session.childAnswered(.mismatch("x"), label: "C1")
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .postParentAgain("SB00001"))
    }

    @Test func `a child that may come late keeps the session at its bag until it is answered, or a minute`() {
        var session = loggedIn()
        _ = session.parentAnswered(accepted, label: "SB00001")
        session.mayComeLate("C1", of: "SB00001", isParent: false, nowNs: 0)
        let other = WebScan(n: 9, id: scanID(9), kind: .parent("SB00002"))
        let minute = WebSession.lateFor.nanoseconds
        #expect(session.step(for: other, nowNs: 1) == .wait(untilNs: minute))
        #expect(session.step(for: child(2, of: "SB00002"), nowNs: 1) == .wait(untilNs: minute))
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 1) == .postChild("C1", of: "SB00001"))
        #expect(session.step(for: other, nowNs: minute) == .postParent("SB00002"))
        // Asked again, it is answered: whatever comes late is refused by the backend.
        _ = session.childAnswered(.retry("x", after: nil, ambiguous: true), label: "C1")
        #expect(session.step(for: other, nowNs: 2) == .wait(untilNs: minute))
        _ = session.childAnswered(.duplicate(text: ""), label: "C1")
        #expect(session.step(for: other, nowNs: 2) == .postParent("SB00002"))
    }

    @Test func `a bag that may come late keeps the session at it for a minute, whatever is answered`() {
        var session = loggedIn()
        session.parentGoesOut()
        session.mayComeLate("SB00001", of: "SB00001", isParent: true, nowNs: 0)
        _ = session.parentAnswered(accepted, label: "SB00001")
        _ = session.childAnswered(accepted, label: "C1")
        let other = WebScan(n: 9, id: scanID(9), kind: .parent("SB00002"))
        #expect(session.step(for: other, nowNs: 1) == .wait(untilNs: WebSession.lateFor.nanoseconds))
        // A new login does not end what the old session's post may do: it may be the same session to the backend.
        session.loggedIn(token: "t", nowNs: 2)
        #expect(session.step(for: other, nowNs: 3) == .wait(untilNs: WebSession.lateFor.nanoseconds))
    }

    @Test func `a lost session logs in and posts the parent again`() {
        var session = loggedIn()
        _ = session.parentAnswered(accepted, label: "SB00001")
        let isHopeless = session.childAnswered(.sessionLost("x"), label: "C1")
        #expect(!isHopeless)
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .login)
        session.loggedIn(token: "t2", nowNs: 0)
        #expect(session.step(for: child(1, of: "SB00001"), nowNs: 0) == .postParentAgain("SB00001"))
    }

    @Test func `a session lost again right after each login stops the logins`() {
        var session = loggedIn()
        var stopped: [Bool] = []
        for _ in 0..<3 {
            stopped.append(session.childAnswered(.sessionLost("x"), label: "C1"))
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

    @Test func `a renewal waits a little for the bag to end, and longer where no login is to be had`() {
        var session = loggedIn()
        _ = session.parentAnswered(accepted, label: "SB00001")
        let scan = child(1, of: "SB00001")
        #expect(session.step(for: scan, nowNs: hour * 54 / 60) == .postChild("C1", of: "SB00001"))
        #expect(session.step(for: child(2, of: "SB00002"), nowNs: hour * 54 / 60) == .login)
        #expect(session.step(for: scan, nowNs: hour * 55 / 60) == .login)
        let goesOn = session.renewLater(hour * 58 / 60)
        #expect(goesOn)
        #expect(session.step(for: scan, nowNs: hour * 57 / 60) == .postChild("C1", of: "SB00001"))
        #expect(session.step(for: scan, nowNs: hour * 58 / 60) == .login)
        _ = session.childAnswered(.sessionLost("x"), label: "C1")
        let stillGoesOn = session.renewLater(hour)
        #expect(!stillGoesOn)
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
