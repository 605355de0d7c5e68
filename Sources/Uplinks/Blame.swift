internal import Model

/// What a way has done with requests so far.
struct Traffic: Equatable {
    /// Brought through.
    var passed = 0
    /// Failed.
    var failed = 0
}

/// Whether it is a request's own fault that it fails again and again, or its way's. A state machine, one a request.
///
/// What became of others since its first failure tells. Where all of them pass, five to ten failures of one are enough;
/// where half of them fail, as in a hall with bad radio, it takes thirty: there, one good scan in 32 fails five times in
/// a row. Where nothing passes, nothing is anybody's fault. And it takes its time: what a backend is short of for a while
/// may concern one sort of request.
struct Blame: Equatable {
    // By chance alone no more than one in a billion requests fails as often as that; and never fewer than five, since
    // chance is not all there is: a backend that restarts fails one and takes another.
    private static let chance = 1e-9
    private static let least = 5

    /// How often it failed, of the failures between which another passed only one.
    private(set) var failures = 0
    private var all = 0
    private var sinceNs: Int64 = 0
    private var first = Traffic()
    private var passedAtLast = 0

    /// It failed once more.
    ///
    /// - Parameters:
    ///   - traffic: all requests that could have gone its way, this failure not counted.
    ///   - nowNs: the uptime.
    mutating func failed(_ traffic: Traffic, nowNs: Int64) {
        if all == 0 { (first, sinceNs) = (traffic, nowNs) }
        if all == 0 || traffic.passed > passedAtLast { failures += 1 }
        passedAtLast = traffic.passed
        all += 1
    }

    /// Whether that is no chance any more.
    ///
    /// - Parameters:
    ///   - traffic: as at the last failure, as `nowNs` is.
    ///   - after: no sooner than this after the first failure.
    func isItsOwn(_ traffic: Traffic, nowNs: Int64, after: Duration) -> Bool {
        guard failures >= Self.least, nowNs - sinceNs >= after.nanoseconds else { return false }
        let passed = traffic.passed - first.passed
        let failed = max(0, traffic.failed - first.failed - (all - 1))
        // One more of each: no share is certain after a few.
        let share = Double(failed + 1) / Double(passed + failed + 2)
        var chance = 1.0
        for _ in 0..<failures { chance *= share }
        return chance < Self.chance
    }
}
