/// The time between requests after the backend has asked to slow down.
struct Pace {
    private static let least: Int64 = 250_000_000
    private static let most: Int64 = 30_000_000_000

    private var intervalNs: Int64 = 0
    private var lastNs: Int64?
    private var sinceSlowDown = 0

    /// The uptime before which no request goes out.
    var earliestNs: Int64 { intervalNs == 0 ? .min : (lastNs ?? .min) + intervalNs }

    /// Doubles the time between requests: 250 ms to 30 s.
    mutating func slowDown() {
        intervalNs = min(max(intervalNs * 2, Self.least), Self.most)
        sinceSlowDown = 0
    }

    /// A request goes out; after 20 since the last slowing down the time is halved.
    mutating func requestGoesOut(_ nowNs: Int64) {
        lastNs = nowNs
        sinceSlowDown += 1
        if sinceSlowDown.isMultiple(of: 20) { intervalNs = intervalNs <= Self.least ? 0 : intervalNs / 2 }
    }
}
