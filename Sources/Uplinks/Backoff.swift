internal import Model

/// Exponential backoff with full jitter: a random time up to 0.5 s, 1 s, 2 s … 5 min.
enum Backoff {
    static let base: Duration = .milliseconds(500)
    static let cap: Duration = .seconds(300)

    /// The delay before attempt `attempt + 1`; the first attempt is number 1.
    static func delay(after attempt: Int, random: () -> UInt64) -> Duration {
        let doublings = min(max(attempt - 1, 0), 10)
        let bound = min(base * (1 << doublings), cap)
        return .milliseconds(Int64(random() % UInt64(bound.milliseconds + 1)))
    }
}
