internal import Model

/// How many requests may be under way at once. A state machine; times are uptimes in ns.
///
/// Halved by a 429, one more after each 20 successes. After an outage it begins with one, and is doubled once that many
/// have been answered, after half a second at the soonest: a backend that has just come back is cold, and every gateway of the
/// site comes at the same time. It is halved instead where answers have become slow, so that those who scan now do not wait
/// at the backend behind what others have left. A failure meanwhile begins that anew.
struct RequestWindow {
    static let step: Duration = .milliseconds(500)
    /// Answers that take longer, and half as long again as the fastest, come from a backend that has enough to do.
    static let slow: Duration = .milliseconds(200)

    private let most: Int
    /// Requests that may be under way.
    private(set) var limit: Int
    private var successes = 0
    /// While it grows after an outage: since when `limit` is what it is.
    private var steppedNs: Int64?
    /// How long answers took since then, in all, and how many; and the fastest since the outage.
    private var took: (sumNs: Int64, count: Int64, fastestNs: Int64) = (0, 0, .max)

    init(_ most: Int) {
        self.most = max(1, most)
        limit = self.most
    }

    /// Whether it grows after an outage.
    var isStarting: Bool { steppedNs != nil }

    /// How long an answer took; before `succeeded`.
    mutating func note(tookNs: Int64) {
        guard isStarting else { return }
        took = (took.sumNs + tookNs, took.count + 1, min(took.fastestNs, tookNs))
    }

    /// One request was answered.
    mutating func succeeded(_ nowNs: Int64) {
        guard limit < most else { return }
        successes += 1
        guard let steppedNs else {
            if successes.isMultiple(of: 20) { limit += 1 }
            return
        }
        guard successes >= limit, nowNs - steppedNs >= Self.step.nanoseconds else { return }
        let isSlow =
            took.count > 0
            && took.sumNs / took.count > max(Self.slow.nanoseconds, took.fastestNs / 2 * 3)
        limit = isSlow ? max(1, limit / 2) : min(limit * 2, most)
        (successes, took) = (0, (0, 0, took.fastestNs))
        self.steppedNs = limit < most ? nowNs : nil
    }

    /// The backend is there again, or has failed while this grew.
    mutating func restart(_ nowNs: Int64) {
        guard most > 1 else { return }
        (limit, successes, steppedNs) = (1, 0, nowNs)
        took = (0, 0, .max)
    }

    /// The backend asked to slow down.
    mutating func halve() {
        limit = max(1, limit / 2)
        successes = 0
        steppedNs = nil
    }
}
