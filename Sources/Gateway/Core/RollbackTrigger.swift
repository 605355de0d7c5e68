internal import Model
internal import Uplinks

/// Tells when a new backend does so badly that its lanes should go back: it answers slowly for a time, or fails for a
/// time. A state machine; times are uptimes in ns.
///
/// Time is cut into periods, five for slowness and two for errors. It is time when, in each of the last periods that are
/// over, more attempts than allowed were bad. A period without any attempt is what the attempt before it was: whoever
/// backs off does not ask in each of them. Silence for longer than any backoff begins it anew.
struct RollbackTrigger {
    /// Attempts of one kind, by period.
    private struct Row {
        // The longest backoff, and the longest request behind it.
        private static let silence: Int64 = 600_000_000_000
        let period: Int64
        let length: Int
        /// Of a hundred attempts this many may be bad.
        let percent: Int
        private var periods: [(index: Int64, attempts: Int, bad: Int)] = []
        private var last: (isBad: Bool, atNs: Int64)?

        init(over: Duration, length: Int, percent: Int) {
            period = max(1, over.nanoseconds / Int64(length))
            self.length = length
            self.percent = percent
        }

        /// Counts an attempt; true where all of the last periods before this one were bad.
        mutating func isOver(with isBad: Bool, _ nowNs: Int64) -> Bool {
            let index = nowNs / period
            if let last, nowNs - last.atNs <= Self.silence, let latest = periods.last?.index {
                for empty in max(latest + 1, index - Int64(length))..<max(latest + 1, index) {
                    periods.append((empty, 1, last.isBad ? 1 : 0))
                }
            } else {
                periods = []
            }
            if periods.last?.index != index { periods.append((index, 0, 0)) }
            periods.removeFirst(max(0, periods.count - length - 1))
            last = (isBad, nowNs)
            periods[periods.count - 1].attempts += 1
            if isBad { periods[periods.count - 1].bad += 1 }
            let before = periods.dropLast()
            return before.count == length && before.first?.index == index - Int64(length)
                && before.allSatisfy { $0.bad * 100 > $0.attempts * percent }
        }
    }

    private let settings: UplinkSettings.Rollback
    private var slow: Row
    private var failing: Row

    init(_ settings: UplinkSettings.Rollback) {
        self.settings = settings
        slow = Row(over: settings.slowFor, length: 5, percent: 50)
        failing = Row(over: settings.errorsFor, length: 2, percent: settings.errorPercent)
    }

    /// Works an attempt in; the reason where it is time to go back, once: it begins anew after that.
    mutating func on(took: Duration, failed: Bool, _ nowNs: Int64) -> String? {
        // What was given up in the end was slow as well.
        let isSlow = slow.isOver(with: failed || took > settings.slow, nowNs)
        let isFailing = failing.isOver(with: failed, nowNs)
        guard isSlow || isFailing else { return nil }
        self = RollbackTrigger(settings)
        return isFailing
            ? "more than \(settings.errorPercent) % of its requests failed for \(settings.errorsFor)"
            : "most of its answers took longer than \(settings.slow) for \(settings.slowFor)"
    }
}
