internal import Model

/// Which lane the session serves next. A state machine; times are uptimes in ns.
///
/// Whole parent blocks: it stays with a lane while that lane has scans, gives way where a bag begins and another lane
/// waits, and stays `linger` longer with a lane that has run dry inside a bag, since coming back costs a scan row.
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
        /// Order of turns: the lane that has waited longest comes first.
        var servedAt = 0
    }

    private let lingerNs: Int64
    private var lanes: [LaneID: Lane] = [:]
    private var current: LaneID?
    private var insideBag = false
    private var dryAtNs: Int64?
    private var turns = 0
    private var servedSinceSwitch = false

    init(linger: Duration) { lingerNs = linger.nanoseconds }

    mutating func arrived(_ lane: LaneID) {
        lanes[lane, default: Lane()].hasScans = true
        lanes[lane]?.hasNews = true
    }

    /// The lane's log is about to be read; what arrives from now on may not be in what is read.
    mutating func willRead(_ lane: LaneID) { lanes[lane, default: Lane()].hasNews = false }

    /// The lane's log has been read: its next scan, or nothing.
    mutating func head(_ lane: LaneID, _ scan: WebScan?, nowNs: Int64) {
        let hasScans = scan != nil || lanes[lane]?.hasNews == true
        lanes[lane, default: Lane()].hasScans = hasScans
        lanes[lane]?.beginsBag = scan?.beginsBag
        if lane == current { dryAtNs = hasScans ? nil : dryAtNs ?? nowNs }
    }

    /// What was read of the lane's log is used up; what comes next is not known yet.
    mutating func headUsedUp(_ lane: LaneID) { lanes[lane]?.beginsBag = nil }

    /// The lane's head has been settled; `leavesBagOpen` where the session is at a bag of the lane.
    mutating func settled(_ lane: LaneID, leavesBagOpen: Bool) {
        guard lane == current else { return }
        insideBag = leavesBagOpen
        servedSinceSwitch = true
    }

    /// The lane's trouble: it waits, others go on.
    mutating func postpone(_ lane: LaneID, untilNs: Int64) { lanes[lane]?.notBeforeNs = untilNs }

    mutating func freeze(_ lane: LaneID) { lanes[lane]?.isFrozen = true }

    /// Everything may go at once again.
    mutating func thaw() {
        for lane in lanes.keys {
            lanes[lane]?.isFrozen = false
            lanes[lane]?.notBeforeNs = 0
        }
    }

    mutating func next(nowNs: Int64) -> Next {
        let ready = lanes.filter { $0.value.hasScans && !$0.value.isFrozen && $0.value.notBeforeNs <= nowNs }
        let others = ready.filter { $0.key != current }
        let longest = others.min { ($0.value.servedAt, $0.key) < ($1.value.servedAt, $1.key) }?.key
        if let current, let lane = ready[current] {
            guard let longest, lane.beginsBag == true, servedSinceSwitch else { return .serve(current) }
            return take(longest)
        }
        if let longest {
            let isDry = current.flatMap { lanes[$0] }.map { !$0.hasScans && !$0.isFrozen } ?? false
            if isDry, insideBag, let dryAtNs, dryAtNs + lingerNs > nowNs {
                return .wait(untilNs: dryAtNs + lingerNs)
            }
            return take(longest)
        }
        return .wait(untilNs: lanes.values.filter { $0.hasScans && !$0.isFrozen }.map(\.notBeforeNs).min())
    }

    private mutating func take(_ lane: LaneID) -> Next {
        turns += 1
        if let current { lanes[current]?.servedAt = turns }
        current = lane
        insideBag = false
        dryAtNs = nil
        servedSinceSwitch = false
        return .serve(lane)
    }
}
