internal import Synchronization

/// Fewer requests to a host than its backend allows an address: counted over any minute and any hour, since nobody
/// knows where the backend's own windows begin. Times are uptimes in ns; any thread.
///
/// Memory: 720 counts.
final class RequestBudget: Sendable {
    private struct Slot {
        let startNs: Int64
        var count: Int
    }

    private static let slotNs: Int64 = 5_000_000_000
    private static let minuteNs: Int64 = 60_000_000_000
    private static let hourNs: Int64 = 3_600_000_000_000

    private let slots = Mutex<[Slot]>([])

    /// Counts one request that may go out now: nil. Else nothing is counted, and this is when to ask again.
    func take(_ limits: UplinkSettings.RequestLimits, nowNs: Int64) -> Int64? {
        slots.withLock { slots in
            slots.removeAll { $0.startNs + Self.slotNs + Self.hourNs <= nowNs }
            let minute = Self.freeAt(slots, Self.minuteNs, limits.perMinute, nowNs)
            let hour = Self.freeAt(slots, Self.hourNs, limits.perHour, nowNs)
            if let until = [minute, hour].compactMap(\.self).max() { return until }
            Self.count(&slots, nowNs)
            return nil
        }
    }

    /// Counts a request that goes out in any case.
    func note(nowNs: Int64) { slots.withLock { Self.count(&$0, nowNs) } }

    private static func count(_ slots: inout [Slot], _ nowNs: Int64) {
        let start = nowNs - nowNs % slotNs
        if let last = slots.indices.last, slots[last].startNs == start {
            slots[last].count += 1
        } else {
            slots.append(Slot(startNs: start, count: 1))
        }
    }

    // When one more fits into the window; nil now. A slot counts until its last moment has left.
    private static func freeAt(_ slots: [Slot], _ windowNs: Int64, _ limit: Int, _ nowNs: Int64) -> Int64? {
        let inside = slots.filter { $0.startNs + slotNs + windowNs > nowNs }
        var sum = inside.reduce(0) { $0 + $1.count }
        guard sum >= limit else { return nil }
        for slot in inside {
            sum -= slot.count
            if sum < limit { return slot.startNs + slotNs + windowNs }
        }
        return nowNs + slotNs
    }
}
