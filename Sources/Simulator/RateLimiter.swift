/// Counts requests by client address in fixed windows of the simulator's clock, like one worker of the real backend.
struct RateLimiter {
    private struct Key: Hashable {
        let client: String
        let scope: String
        let windowMs: Int64
    }

    /// Addresses and windows remembered; at the bound all are forgotten, which lets a few requests more through.
    static let limit = 100_000
    private var windows: [Key: (start: Int64, count: Int)] = [:]

    /// Counts one request; whether it is over a limit.
    mutating func isOver(_ limits: RateLimits, client: String, path: String, nowMs: Int64) -> Bool {
        switch path {
        case "/process_child_scan_fast", "/health": return false
        case "/login":
            return count(Key(client: client, scope: path, windowMs: 3_600_000), limits.loginsPerHour, nowMs)
        default:
            let all = [
                (60_000, limits.requestsPerMinute), (3_600_000, limits.requestsPerHour),
                (86_400_000, limits.requestsPerDay),
            ]
            // Each window counts, whether or not another one is over already.
            return all.map { count(Key(client: client, scope: "", windowMs: Int64($0)), $1, nowMs) }.contains(true)
        }
    }

    private mutating func count(_ key: Key, _ limit: Int?, _ nowMs: Int64) -> Bool {
        guard let limit else { return false }
        if windows.count >= Self.limit { windows = [:] }
        let start = nowMs - nowMs % key.windowMs
        var window = windows[key] ?? (start, 0)
        if window.start != start { window = (start, 0) }
        window.count += 1
        windows[key] = window
        return window.count > limit
    }
}
