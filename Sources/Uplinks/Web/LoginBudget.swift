internal import Model

/// One login at a time over all sessions of an uplink, and fewer requests to `/login` than the backend allows an
/// address: 20 an hour, GET and POST both counted.
actor LoginBudget {
    /// Two short of the backend's limit: a person behind the same address may want to log in.
    static let requestsAnHour = 18
    private static let hourNs: Int64 = 3_600_000_000_000

    private var spent: [Int64] = []
    private var busy = false
    private var queue: [CheckedContinuation<Void, Never>] = []

    /// - Parameter saved: `spentTimes` of an earlier run; a time in the future counts as now.
    init(saved: [Int64] = [], now: Moment = Moment(uptimeNs: 0, wallMs: 0, synced: false)) {
        spent = saved.sorted().suffix(Self.requestsAnHour).map {
            now.uptimeNs - min(max(0, now.wallMs - $0) * 1_000_000, Self.hourNs)
        }
    }

    /// The requests of the last hour, wall clock in milliseconds.
    func spentTimes(_ now: Moment) -> [Int64] {
        spent.filter { $0 + Self.hourNs > now.uptimeNs }.map { now.wallMs - (now.uptimeNs - $0) / 1_000_000 }
    }

    /// Waits for the turn and takes two requests. Nil, or the uptime before which the budget is used up; the turn is
    /// over then already.
    func begin(nowNs: () -> Int64) async -> Int64? {
        if busy { await withCheckedContinuation { queue.append($0) } }
        busy = true
        let now = nowNs()
        spent.removeAll { $0 + Self.hourNs <= now }
        guard spent.count + 2 <= Self.requestsAnHour else {
            let free = spent[spent.count + 1 - Self.requestsAnHour] + Self.hourNs
            end()
            return free
        }
        spent += [now, now]
        return nil
    }

    /// The login never reached the backend: it does not count.
    func refund() { spent.removeLast(min(2, spent.count)) }

    /// Gives the turn to whoever waits.
    func end() {
        if queue.isEmpty { busy = false } else { queue.removeFirst().resume() }
    }
}
