internal import Model

/// Whether the wall clock may say how old scans are: the kernel vouches for it, and it has not jumped since this process
/// first saw it so.
///
/// A clock that jumps ten years would have every scan thrown away for its age; one that jumps back leaves marks by which
/// the next right time would do it. After a jump it is believed again when it has come back, or after a restart.
struct SteadyClock {
    /// More than any slewing, and less than any scan is kept.
    private static let most: Int64 = 3_600_000

    private var last: Moment?
    /// Whether the last reading that the kernel vouched for had jumped.
    private(set) var hasJumped = false

    /// Whether this reading is to be believed.
    mutating func believes(_ now: Moment) -> Bool {
        guard now.synced else { return false }
        if let last {
            let drift = (now.wallMs - last.wallMs) - (now.uptimeMs - last.uptimeMs)
            hasJumped = drift.magnitude >= Self.most
            guard !hasJumped else { return false }
        }
        last = now
        return true
    }
}
