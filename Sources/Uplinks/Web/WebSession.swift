internal import Model

/// One login session of tracetrack-web: what has to go out next for a scan, and what an answer does to the session.
/// A state machine; times are uptimes in ns.
///
/// The one rule against cross-links lives here: a child goes out only while the session's last accepted parent is the
/// child's own signed parent.
struct WebSession {
    enum Step: Equatable {
        /// Log in first.
        case login
        /// Read the token from a page first: the cookies are those of an earlier run.
        case readToken
        /// Post the scan's own parent label.
        case postParent(String)
        /// Post this parent once more, for the child that comes next; a scan row more.
        case postParentAgain(String)
        /// Post the child.
        case postChild(String, of: String)
        /// Nothing of another bag before this uptime: a post that was not answered in time may still be acted on.
        case wait(untilNs: Int64)
        case hold(String)
    }

    /// A post that ran out of time. The backend may act on it later, and goes by its session's parent then.
    private struct Late {
        let label: String
        let parent: String
        let isParent: Bool
        let untilNs: Int64
    }

    /// The session ends an hour after its login, whatever happens in it; it is renewed before that: where a bag begins,
    /// so that no parent has to be posted again, or else a little later.
    static let renewAfter: Duration = .seconds(50 * 60)
    static let renewInsideBagAfter: Duration = .seconds(55 * 60)
    static let loginFailuresToStop = 2
    /// No backend works longer on a request: gunicorn ends a worker after 30 s.
    static let lateFor: Duration = .seconds(60)
    /// The backend completes a bag at so many.
    static let childrenOfFullBag = 30
    static let pauseAfterFailures: Duration = .seconds(30 * 60)

    private enum Phase: Equatable {
        case loggedOut
        case restored
        case loggedIn(sinceNs: Int64)
    }

    private var phase: Phase
    /// For the header X-CSRFToken; empty where the backend has none.
    private(set) var token = ""
    /// The parent that the backend's session is at; nil where that is not known for sure.
    private(set) var parent: String?
    /// Logins that failed in a row.
    private(set) var loginFailures = 0
    private var lostSinceAccepted = 0
    private var late: Late?
    /// A login is due, but not before this uptime: the session still stands.
    private var renewNotBeforeNs: Int64 = 0

    /// Whether it could post without a login first.
    var isLoggedIn: Bool { phase != .loggedOut }

    init(restored: Bool) { phase = restored ? .restored : .loggedOut }

    /// What goes out next for the scan.
    func step(for scan: WebScan, nowNs: Int64) -> Step {
        if case .cannotBeSent(let reason) = scan.kind { return .hold(reason) }
        switch phase {
        case .loggedOut: return .login
        case .restored: return .readToken
        case .loggedIn(let since):
            let staysInBag = if case .child(_, let own) = scan.kind { parent == WebTable.normal(own) } else { false }
            let after = staysInBag ? Self.renewInsideBagAfter : Self.renewAfter
            if nowNs - since >= after.nanoseconds, nowNs >= renewNotBeforeNs { return .login }
        }
        switch scan.kind {
        case .parent(let label): return wait(before: label, nowNs) ?? .postParent(label)
        case .child(let label, let own):
            if parent == WebTable.normal(own) { return .postChild(label, of: own) }
            return wait(before: own, nowNs) ?? .postParentAgain(own)
        case .cannotBeSent(let reason): return .hold(reason)
        }
    }

    // A child that comes late would land in the next bag, and a parent that comes late would get the next bag's children.
    private func wait(before label: String, _ nowNs: Int64) -> Step? {
        guard let late, nowNs < late.untilNs, WebTable.normal(label) != WebTable.normal(late.parent) else { return nil }
        return .wait(untilNs: late.untilNs)
    }

    /// A post was not answered in time: the backend may act on it later.
    ///
    /// - Parameter parent: the bag of the child that was posted, or the bag itself.
    mutating func mayComeLate(_ label: String, of parent: String, isParent: Bool, nowNs: Int64) {
        late = Late(
            label: label, parent: parent, isParent: isParent || late?.isParent == true,
            untilNs: nowNs + Self.lateFor.nanoseconds)
    }

    /// A login, or the first look at a page with restored cookies, went well.
    mutating func loggedIn(token: String, nowNs: Int64) {
        phase = .loggedIn(sinceNs: nowNs)
        self.token = token
        renewNotBeforeNs = 0
        // A new session knows no parent, and of a restored one nobody knows.
        parent = nil
        // A login that works, of a session that is lost again at once, is no success.
        if lostSinceAccepted < Self.loginFailuresToStop { loginFailures = 0 }
    }

    /// The backend refused the login. True where it is time to stop and call for a person.
    mutating func loginFailed() -> Bool {
        phase = .loggedOut
        loginFailures += 1
        guard loginFailures >= Self.loginFailuresToStop else { return false }
        loginFailures = 0
        return true
    }

    /// The login that was due has to wait. False where there is no session to go on with until then.
    mutating func renewLater(_ untilNs: Int64) -> Bool {
        guard case .loggedIn = phase else { return false }
        renewNotBeforeNs = untilNs
        return true
    }

    /// The restored cookies are of no use.
    mutating func restoredExpired() { phase = .loggedOut }

    /// A parent goes out: from now on it is open which parent the backend's session is at.
    mutating func parentGoesOut() { parent = nil }

    /// The answer to a post of the parent `label`, its own or once more.
    mutating func parentAnswered(_ answer: WebAnswer, label: String) -> Bool {
        if case .accepted = answer { parent = WebTable.normal(label) }
        return answered(answer)
    }

    /// The answer to a post of a child. True where the session was lost right after each of two logins: no login will
    /// mend that.
    mutating func childAnswered(_ answer: WebAnswer, label: String) -> Bool {
        // The child is in its bag now, or in none: what comes late is refused. Of a parent nothing says that.
        if late?.label == label, late?.isParent == false {
            switch answer {
            case .accepted, .duplicate, .rejected: late = nil
            default: break
            }
        }
        return answered(answer)
    }

    private mutating func answered(_ answer: WebAnswer) -> Bool {
        switch answer {
        case .accepted, .duplicate, .rejected: lostSinceAccepted = 0
        case .sessionLost:
            phase = .loggedOut
            parent = nil
            lostSinceAccepted += 1
            // The first is an expiry; then the ones right after a login count.
            guard lostSinceAccepted > Self.loginFailuresToStop else { return false }
            lostSinceAccepted = 0
            return true
        // The backend's session is at another parent than meant.
        case .mismatch: parent = nil
        case .held, .foreign, .probablyAccepted, .retry, .slowDown, .cancelled: break
        }
        return false
    }
}
