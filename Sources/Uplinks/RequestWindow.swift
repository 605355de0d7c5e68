internal import Model

/// How many requests may be under way at once. A state machine; times are uptimes in ns.
///
/// Halved by a 429, one more after each 20 successes. After an outage it begins with one, and is doubled once that many
/// have been answered, after half a second at the soonest: a backend that has just come back is cold, and every gateway of the
/// site comes at the same time. A failure meanwhile begins that anew. How much of it backlogs may take is `BacklogShare`'s.
struct RequestWindow {
    static let step: Duration = .milliseconds(500)

    private let most: Int
    /// Requests that may be under way.
    private(set) var limit: Int
    private var successes = 0
    /// While it grows after an outage: since when `limit` is what it is.
    private var steppedNs: Int64?

    init(_ most: Int) {
        self.most = max(1, most)
        limit = self.most
    }

    /// Whether it grows after an outage.
    var isStarting: Bool { steppedNs != nil }

    /// One request was answered.
    mutating func succeeded(_ nowNs: Int64) {
        guard limit < most else { return }
        successes += 1
        guard let steppedNs else {
            if successes.isMultiple(of: 20) { limit += 1 }
            return
        }
        guard successes >= limit, nowNs - steppedNs >= Self.step.nanoseconds else { return }
        limit = min(limit * 2, most)
        successes = 0
        self.steppedNs = limit < most ? nowNs : nil
    }

    /// The backend is there again, or has failed while this grew.
    mutating func restart(_ nowNs: Int64) {
        guard most > 1 else { return }
        (limit, successes, steppedNs) = (1, 0, nowNs)
    }

    /// The backend asked to slow down.
    mutating func halve() {
        limit = max(1, limit / 2)
        successes = 0
        steppedNs = nil
    }
}
