internal import Model

/// Whether an uplink may send: circuit breaker, pauses, and slowing down. A state machine; times are uptimes in ns.
///
/// Five failures in a row, a second apart, open the breaker for 30 s; a block (401, 403, misconfigured, …) lasts until its probe. In
/// both cases one request goes out when the time has come, and the rest follow step by step (`RequestWindow`) only if it
/// passes.
struct UplinkHealth {
    enum Permission: Equatable {
        case go
        /// Send one, and report how it went before anything else goes out.
        case probe
        /// Nothing before this uptime.
        case wait(untilNs: Int64)
        /// Nothing until something happens: an admin resumes, or the probe under way is answered.
        case hold
    }

    /// What an answer means for the uplink as a whole.
    enum Event: Equatable {
        case success
        /// A health probe says that it works again: the next batch proves it.
        case recovered
        /// It asked for no request before `notBeforeNs`, an uptime, which an open breaker keeps to.
        case failure(String, notBeforeNs: Int64 = .min)
        /// Too many requests: nothing before this uptime, and fewer at once from then on.
        case slowDown(String, untilNs: Int64)
        /// Time alone is not expected to mend it; asked again at this uptime.
        case block(UplinkState, String, untilNs: Int64)
        /// The request was given up; it tells nothing.
        case nothing
    }

    static let failuresToOpen = 5
    /// Failures closer together than this are one: sixteen lanes that fail at once have seen one cut, and a cut of two
    /// seconds must not cost thirty.
    static let failureSpacing: Duration = .seconds(1)
    static let openFor: Duration = .seconds(30)
    /// How long after an answer that a person has to mend the uplink asks again.
    static let askAgain: Duration = .seconds(300)

    private struct Block {
        var state: UplinkState
        var untilNs: Int64
    }

    private var block: Block?
    /// Whether the request under way decides if more may go.
    private(set) var probing = false
    private var failures = 0
    private var lastCountedNs: Int64 = .min
    private var notBeforeNs: Int64 = 0
    private(set) var adminPaused = false
    private var window: RequestWindow
    /// How much of what waits since an outage may be under way at once.
    private(set) var backlog: BacklogShare
    /// How many requests may be under way at once.
    var limit: Int { window.limit }
    /// What went wrong last; nil since the last success.
    private(set) var lastError: String?

    /// - Parameters:
    ///   - limit: requests at once.
    ///   - scans: scans in a request.
    init(limit: Int, scans: Int = 250) {
        window = RequestWindow(limit)
        backlog = BacklogShare(requests: limit, scans: scans)
    }

    /// Whether nothing but a probe may go out.
    var isBlocked: Bool { adminPaused || block != nil }

    /// Whether the last answer, if there was one, was no failure; being asked to slow down is none.
    var isWell: Bool { !isBlocked && failures == 0 }

    var state: UplinkState {
        if adminPaused { return .paused }
        if let block { return block.state }
        return failures > 0 || lastError != nil ? .backingOff : .ok
    }

    func permission(_ nowNs: Int64) -> Permission {
        if adminPaused { return .hold }
        if let block {
            if probing { return .hold }
            return block.untilNs > nowNs ? .wait(untilNs: block.untilNs) : .probe
        }
        return notBeforeNs > nowNs ? .wait(untilNs: notBeforeNs) : .go
    }

    /// The request that `permission` called a probe goes out.
    mutating func beginProbe() { probing = true }

    mutating func on(_ event: Event, nowNs: Int64) {
        switch event {
        case .success:
            // One failure is a cut connection; two, a second apart, are an outage.
            if block != nil || failures > 1, !window.isStarting { restart(nowNs) }
            (block, probing, failures, lastError) = (nil, false, 0, nil)
            window.succeeded(nowNs)
        case .recovered:
            (block, probing) = (nil, false)
            restart(nowNs)
            // It has shown no more than that it answers: one failed batch opens it again.
            failures = Self.failuresToOpen - 1
        case .failure(let text, let notBeforeNs):
            lastError = text
            if window.isStarting { restart(nowNs) }
            if lastCountedNs == .min || nowNs - lastCountedNs >= Self.failureSpacing.nanoseconds {
                failures += 1
                lastCountedNs = nowNs
            }
            // A probe that fails opens the breaker anew, whatever the block was for.
            if probing || (block == nil && failures >= Self.failuresToOpen) {
                block = Block(state: .open, untilNs: max(nowNs + Self.openFor.nanoseconds, notBeforeNs))
            }
            probing = false
        case .slowDown(let text, let untilNs):
            lastError = text
            notBeforeNs = max(notBeforeNs, untilNs)
            window.halve()
            // It was answered by the backend, so that an open breaker has its proof; the wait does the rest.
            if block?.state == .open {
                block = nil
                restart(nowNs)
            }
            if let state = block?.state { block = Block(state: state, untilNs: untilNs) }
            probing = false
        case .block(let state, let text, let untilNs):
            lastError = text
            block = Block(state: state, untilNs: untilNs)
            probing = false
        case .nothing: probing = false
        }
    }

    private mutating func restart(_ nowNs: Int64) {
        window.restart(nowNs)
        backlog.restart()
    }

    /// How long an answer with verdicts took; before the event that it is.
    ///
    /// - Parameters:
    ///   - stage: of `backlog`, as its batch was read; nil where it was not of one.
    ///   - underWay: requests with backlogs, this one included.
    mutating func note(tookNs: Int64, stage: Int?, underWay: Int) {
        guard let stage else { return backlog.note(tookNs: tookNs) }
        backlog.note(backlogTookNs: tookNs, stage: stage, underWay: underWay)
    }

    mutating func pause() { adminPaused = true }

    /// Lets what is blocked ask again at once; an admin's pause stays.
    mutating func askAtOnce() { block?.untilNs = 0 }

    /// Ends an admin's pause and lets what is blocked ask again at once.
    mutating func resume() {
        adminPaused = false
        notBeforeNs = 0
        block?.untilNs = 0
    }
}
