internal import Model

/// How long a lane's scans gather before they are sent: not at all, but where many lanes scan at once.
///
/// A request costs nearly the same for one scan as for a dozen. From 500 scans a second of four lanes or more on, over the
/// last 100 ms, a lane's scans wait until it has some forty of them, 20 ms at the most, and 300 ms once the load has
/// lasted; lanes that wait go at the same moments, so that one wake-up serves them all. Nobody at a table waits for a
/// verdict at that rate. A state machine.
struct RequestPace {
    private static let shortest = Duration.milliseconds(100).nanoseconds
    private static let longest = Duration.milliseconds(300).nanoseconds
    private static let longestAtFirst = Duration.milliseconds(20).nanoseconds
    /// Scans a second.
    private static let busyScans: Int64 = 500
    private static let busyLanes = 4
    private static let wantedScans: Int64 = 40

    private var startNs: Int64 = .min
    private var scans: Int64 = 0
    private var lanes: Set<LaneID> = []
    private var gatherNs: Int64 = 0
    private var busyWindows = 0

    /// Notes scans that were read to be sent.
    mutating func note(_ count: Int, of lane: LaneID, at nowNs: Int64) {
        close(nowNs)
        scans += Int64(count)
        lanes.insert(lane)
    }

    /// When scans that came just now should go: nil for at once.
    mutating func due(at nowNs: Int64) -> Int64? {
        close(nowNs)
        guard gatherNs > 0 else { return nil }
        return (nowNs / gatherNs + 1) * gatherNs
    }

    private mutating func close(_ nowNs: Int64) {
        guard startNs != .min else { return startNs = nowNs }
        let elapsed = nowNs - startNs
        // Scans that gather are seen only when they go.
        let window = max(Self.shortest, 2 * gatherNs)
        guard elapsed >= window else { return }
        let isBusy =
            scans * 1_000_000_000 >= Self.busyScans * elapsed && lanes.count >= Self.busyLanes && elapsed < 2 * window
        busyWindows = isBusy ? busyWindows + 1 : 0
        // What piled up while the machine stood still comes at once, too, and those scans have waited enough.
        let longest = busyWindows < 2 ? Self.longestAtFirst : Self.longest
        gatherNs = isBusy ? min(Self.wantedScans * Int64(lanes.count) * (elapsed / scans), longest) : 0
        (startNs, scans) = (nowNs, 0)
        lanes.removeAll(keepingCapacity: true)
    }
}
