internal import Model

/// One login at a time over all sessions at a host, and fewer requests to `/login` than the backend allows an
/// address: 20 an hour, GET and POST both counted.
actor LoginBudget {
    /// What became of asking for the turn.
    enum Turn: Equatable {
        /// Two requests are taken; `end` gives the turn on.
        case yours
        /// The budget is used up before this uptime; the turn is over already.
        case usedUp(untilNs: Int64)
        /// The task was cancelled while it waited.
        case cancelled
    }

    /// Two short of the backend's limit: a person behind the same address may want to log in.
    static let requestsAnHour = 18
    private static let hourNs: Int64 = 3_600_000_000_000

    private var spent: [Int64] = []
    private var busy = false
    private var queue: [(id: Int, continuation: CheckedContinuation<Bool, Never>)] = []
    private var lastID = 0

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

    /// Waits for the turn and takes two requests.
    func begin(nowNs: @Sendable () -> Int64) async -> Turn {
        if busy {
            lastID += 1
            let id = lastID
            let isOurs = await withTaskCancellationHandler {
                await withCheckedContinuation {
                    if Task.isCancelled { $0.resume(returning: false) } else { queue.append((id, $0)) }
                }
            } onCancel: {
                // Unstructured: a cancellation handler cannot await the actor.
                Task { await self.giveUp(id) }
            }
            guard isOurs else { return .cancelled }
        }
        busy = true
        let now = nowNs()
        spent.removeAll { $0 + Self.hourNs <= now }
        guard spent.count + 2 <= Self.requestsAnHour else {
            let free = spent[spent.count + 1 - Self.requestsAnHour] + Self.hourNs
            end()
            return .usedUp(untilNs: free)
        }
        spent += [now, now]
        return .yours
    }

    /// So many of the two requests never reached the backend: they do not count.
    func refund(_ requests: Int) { spent.removeLast(min(requests, spent.count)) }

    /// Gives the turn to whoever waits.
    func end() {
        if queue.isEmpty { busy = false } else { queue.removeFirst().continuation.resume(returning: true) }
    }

    private func giveUp(_ id: Int) {
        guard let place = queue.firstIndex(where: { $0.id == id }) else { return }
        queue.remove(at: place).continuation.resume(returning: false)
    }
}
