internal import Model

/// Which session serves which lane. A state machine; times are uptimes in ns, sessions go by their number.
///
/// A session has one lane at a time, and a lane one session at most: whole parent blocks. A session stays with its lane
/// while that has scans, gives way where a bag begins and another lane waits for a session, and stays `linger` longer
/// with a lane that has run dry inside a bag, since coming back costs a scan row. Of the sessions that are free, those
/// take a lane first that are logged in and at no bag, then those that have to log in, then those that leave a bag; of
/// the lanes without a session the one comes first that has waited longest.
struct WebPlan {
    enum Next: Equatable {
        case serve(LaneID)
        /// Nothing before this uptime, or before something arrives (nil).
        case wait(untilNs: Int64?)
    }

    private struct Lane {
        var hasScans = false
        /// Scans came since its log was read last.
        var hasNews = false
        /// The next scan is a parent; nil where it has not been read yet.
        var beginsBag: Bool?
        var notBeforeNs: Int64 = 0
        var isFrozen = false
        /// Since when it has scans and no session.
        var waitsSinceNs: Int64 = 0
        /// Order of turns, where two have waited as long.
        var servedAt = 0
        var session: Int?

        func isReady(_ nowNs: Int64) -> Bool { hasScans && !isFrozen && notBeforeNs <= nowNs }
    }

    private struct Session {
        var lane: LaneID?
        /// It may take lanes: its site is the one in use, and nothing keeps it from logging in.
        var isOpen = false
        var isLoggedIn = false
        /// It serves its lane now, or waits for leave to.
        var isBusy = false
        var insideBag = false
        var dryAtNs: Int64?
        var servedSinceSwitch = false
    }

    // How many lingers a lane waits before it ends the linger of another.
    private static let patience: Int64 = 5

    private let lingerNs: Int64
    private var lanes: [LaneID: Lane] = [:]
    private var sessions: [Session]
    private var turns = 0
    /// Whether a lane is to be had since the last `takeNews`: sessions that wait should look.
    private var isNews = false

    init(sessions: Int, linger: Duration) {
        lingerNs = linger.nanoseconds
        self.sessions = Array(repeating: Session(), count: sessions)
    }

    /// How many lanes have ever had a scan.
    var laneCount: Int { lanes.count }

    /// The session that has the lane; nil where it is to be had.
    func session(of lane: LaneID) -> Int? { lanes[lane]?.session }

    /// Whether there is a lane to be had since this was asked last.
    mutating func takeNews() -> Bool {
        defer { isNews = false }
        return isNews
    }

    mutating func arrived(_ lane: LaneID, nowNs: Int64) {
        var state = lanes[lane] ?? Lane()
        if state.session == nil {
            if !state.hasScans { state.waitsSinceNs = nowNs }
            isNews = true
        }
        state.hasScans = true
        state.hasNews = true
        lanes[lane] = state
    }

    /// The session may take lanes from now on, or still.
    mutating func open(_ session: Int, isLoggedIn: Bool) {
        sessions[session].isOpen = true
        sessions[session].isLoggedIn = isLoggedIn
    }

    /// The session takes no lanes until `open`; its lane is to be had by others. Only while no request of it is under
    /// way.
    mutating func close(_ session: Int, nowNs: Int64) {
        letGo(session, nowNs)
        sessions[session] = Session()
    }

    /// The lane's log is about to be read; what arrives from now on may not be in what is read.
    mutating func willRead(_ lane: LaneID) { lanes[lane, default: Lane()].hasNews = false }

    /// The lane's log has been read: its next scan, or nothing.
    mutating func head(_ lane: LaneID, _ scan: WebScan?, nowNs: Int64) {
        let hasScans = scan != nil || lanes[lane]?.hasNews == true
        lanes[lane, default: Lane()].hasScans = hasScans
        lanes[lane]?.beginsBag = scan?.beginsBag
        if let session = lanes[lane]?.session {
            sessions[session].dryAtNs = hasScans ? nil : sessions[session].dryAtNs ?? nowNs
        }
    }

    /// What was read of the lane's log is used up; what comes next is not known yet.
    mutating func headUsedUp(_ lane: LaneID) { lanes[lane]?.beginsBag = nil }

    /// The lane's head has been settled; `leavesBagOpen` where the session is at a bag of the lane that may get more.
    mutating func settled(_ lane: LaneID, leavesBagOpen: Bool) {
        guard let session = lanes[lane]?.session else { return }
        sessions[session].insideBag = leavesBagOpen
        sessions[session].servedSinceSwitch = true
    }

    /// The lane's trouble: it waits, others go on.
    mutating func postpone(_ lane: LaneID, untilNs: Int64) { lanes[lane]?.notBeforeNs = untilNs }

    mutating func freeze(_ lane: LaneID) { lanes[lane]?.isFrozen = true }

    /// No lane waits for its time any more: the trouble was the site's, and it is another's turn.
    mutating func askAtOnce() {
        for lane in lanes.keys { lanes[lane]?.notBeforeNs = 0 }
        isNews = true
    }

    /// Everything may go at once again.
    mutating func thaw() {
        for lane in lanes.keys { lanes[lane]?.isFrozen = false }
        askAtOnce()
    }

    /// Whether anything waits that this session could serve, now or later: else no timer is worth setting.
    func hasWork(_ session: Int) -> Bool {
        lanes.contains { $0.value.hasScans && !$0.value.isFrozen && ($0.value.session ?? session) == session }
    }

    /// What the session does next. It has no request under way, and the last answer is recorded.
    mutating func next(for session: Int, nowNs: Int64) -> Next {
        sessions[session].isBusy = false
        let waiting = lanes.filter { $0.value.session == nil && $0.value.isReady(nowNs) }.sorted {
            ($0.value.waitsSinceNs, $0.value.servedAt, $0.key) < ($1.value.waitsSinceNs, $1.value.servedAt, $1.key)
        }
        if let own = sessions[session].lane, let lane = lanes[own], lane.isReady(nowNs) {
            let givesWay = lane.beginsBag == true && sessions[session].servedSinceSwitch
            if givesWay, let other = share(waiting, for: session, givesWay: true, nowNs) {
                return take(other, session, nowNs)
            }
            sessions[session].isBusy = true
            return .serve(own)
        }
        guard sessions[session].isOpen else { return .wait(untilNs: nil) }
        if let lane = share(waiting, for: session, givesWay: false, nowNs) { return take(lane, session, nowNs) }
        var times = lanes.values.filter {
            $0.hasScans && !$0.isFrozen && $0.notBeforeNs > nowNs && ($0.session ?? session) == session
        }.map(\.notBeforeNs)
        if let longest = waiting.first { times.append(freeAt(session, longest.value, nowNs)) }
        // A time that has come means that the lane is another session's, which has been woken for it.
        return .wait(untilNs: times.filter { $0 > nowNs }.min())
    }

    // The lane that falls to the session, of those that wait: each of the free sessions gets one in turn.
    private func share(
        _ waiting: [(key: LaneID, value: Lane)], for session: Int, givesWay: Bool, _ nowNs: Int64
    ) -> LaneID? {
        var free = sessions.indices.filter { isFree($0, nowNs) }
        for (name, lane) in waiting {
            let able = free.filter { freeAt($0, lane, nowNs) <= nowNs }
            guard let best = able.min(by: { rank($0) < rank($1) }) else { return givesWay ? name : nil }
            if best == session { return name }
            free.removeAll { $0 == best }
        }
        return nil
    }

    // Whether the session has nothing to do now.
    private func isFree(_ session: Int, _ nowNs: Int64) -> Bool {
        let one = sessions[session]
        guard one.isOpen, !one.isBusy else { return false }
        return one.lane.flatMap { lanes[$0] }.map { !$0.isReady(nowNs) } ?? true
    }

    // When a session without work leaves its lane for one that waits.
    private func freeAt(_ session: Int, _ lane: Lane, _ nowNs: Int64) -> Int64 {
        let one = sessions[session]
        guard one.insideBag, let dryAt = one.dryAtNs, let own = one.lane.flatMap({ lanes[$0] }), !own.isFrozen else {
            return nowNs
        }
        return max(dryAt, min(dryAt + lingerNs, lane.waitsSinceNs + Self.patience * lingerNs))
    }

    // The least is the first choice.
    private func rank(_ session: Int) -> (Int, Int64, Int) {
        let one = sessions[session]
        let kind = one.insideBag ? 2 : one.isLoggedIn ? 0 : 1
        return (kind, one.dryAtNs ?? 0, session)
    }

    private mutating func take(_ lane: LaneID, _ session: Int, _ nowNs: Int64) -> Next {
        letGo(session, nowNs)
        lanes[lane]?.session = session
        let one = sessions[session]
        sessions[session] = Session(lane: lane, isOpen: one.isOpen, isLoggedIn: one.isLoggedIn, isBusy: true)
        return .serve(lane)
    }

    private mutating func letGo(_ session: Int, _ nowNs: Int64) {
        guard let lane = sessions[session].lane else { return }
        sessions[session].lane = nil
        turns += 1
        lanes[lane]?.servedAt = turns
        lanes[lane]?.session = nil
        lanes[lane]?.waitsSinceNs = nowNs
        if lanes[lane]?.hasScans == true { isNews = true }
    }
}
