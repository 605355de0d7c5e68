internal import Model

/// How much of what an outage has left may be at the backend at once: so many requests, of so many scans each. A state
/// machine; times are uptimes in ns.
///
/// Whoever scans now waits at the backend behind what is there already. One rule: a backlog's batch alone may take 75 ms
/// longer than the fastest answer, and those that are there together 150 ms. While answers keep to that, batches grow to
/// `batch.max_scans`, then requests to `in_flight`, each twofold at the most. Where they do not, requests become fewer,
/// and batches smaller once there is only one. What the smallest takes alone is the way and others' load, which sending
/// less does not mend: that is the fastest answer from then on. After an outage one request of a quarter of a batch goes
/// first.
struct BacklogShare {
    /// How much longer than the fastest answer that of a single request may take.
    static let alone: Duration = .milliseconds(75)
    /// The same for several requests at once.
    static let together: Duration = .milliseconds(150)
    /// One slow answer is chance.
    static let slowAnswers = 4
    /// A request without an answer for so long is no longer counted: a lane's trouble holds up no other lane.
    static let patience: Duration = .seconds(2)

    private let mostRequests: Int
    private let mostScans: Int
    private let leastScans: Int
    /// Requests with backlogs that may be under way.
    private(set) var requests: Int
    /// Scans that each of them may have.
    private(set) var scans: Int
    /// Larger batches were too slow alone.
    private var scansThatPass: Int
    /// Changes with `requests` and `scans`: answers to what was sent before a change say nothing of it.
    private(set) var stage = 0
    private var fastestNs: Int64 = .max
    /// Of the answers at this stage; `mostUnderWay` is how many requests there were in fact.
    private var took: (sumNs: Int64, count: Int, mostUnderWay: Int) = (0, 0, 1)

    init(requests: Int, scans: Int) {
        mostRequests = max(1, requests)
        mostScans = max(1, scans)
        leastScans = max(1, mostScans / 32)
        (self.requests, self.scans, scansThatPass) = (mostRequests, mostScans, mostScans)
    }

    /// The backend was away: it is cold, and may be far.
    mutating func restart() {
        (fastestNs, scansThatPass) = (.max, mostScans)
        change(requests: 1, scans: max(1, mostScans / 4))
    }

    /// How long an answer to any batch took.
    mutating func note(tookNs: Int64) { fastestNs = min(fastestNs, tookNs) }

    /// How long the answer to a backlog's batch took that was read at this stage, when so many were under way with it.
    mutating func note(backlogTookNs tookNs: Int64, stage: Int, underWay: Int) {
        note(tookNs: tookNs)
        guard stage == self.stage else { return }
        took = (took.sumNs + tookNs, took.count + 1, max(took.mostUnderWay, min(underWay, requests)))
        let mean = took.sumNs / Int64(took.count)
        let excess = mean - fastestNs
        let allowed = (requests == 1 ? Self.alone : Self.together).nanoseconds
        if excess > allowed {
            if took.count >= Self.slowAnswers { shrink(excess, mean) }
        } else if took.count >= requests {
            grow(excess)
        }
    }

    private mutating func grow(_ excess: Int64) {
        if requests == 1, scans < scansThatPass { return change(requests: 1, scans: min(scans * 2, scansThatPass)) }
        let fitting = requests(for: excess)
        if fitting > requests { return change(requests: fitting, scans: scans) }
        guard requests == mostRequests, scans < mostScans, 2 * excess <= Self.together.nanoseconds else {
            return took = (0, 0, 1)
        }
        scansThatPass = mostScans
        change(requests: requests, scans: min(scans * 2, mostScans))
    }

    private mutating func shrink(_ excess: Int64, _ mean: Int64) {
        if requests > 1 { return change(requests: min(requests - 1, requests(for: excess)), scans: scans) }
        let fitting = Int(Int64(scans) * Self.alone.nanoseconds / excess)
        guard scans > leastScans else {
            (fastestNs, scansThatPass) = (mean, mostScans)
            return took = (0, 0, 1)
        }
        scansThatPass = max(leastScans, scans / 2)
        change(requests: 1, scans: max(leastScans, min(scansThatPass, fitting)))
    }

    /// As many as would take what they together may, where one after the other is judged: at most twice as many as there
    /// were.
    private func requests(for excess: Int64) -> Int {
        let used = Int64(took.mostUnderWay)
        let fitting = used * Self.together.nanoseconds / max(1, excess)
        return min(mostRequests, Int(max(1, min(fitting, used * 2))))
    }

    private mutating func change(requests: Int, scans: Int) {
        (self.requests, self.scans, took) = (requests, scans, (0, 0, 1))
        stage += 1
    }
}
