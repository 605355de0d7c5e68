internal import Model
internal import Synchronization

/// The scans of batches under way, as a delivery reads a spool; in memory. Any thread.
final class RelayLog: ScanLog {
    private let state = Mutex<[LaneID: [StoredScan]]>([:])

    func add(_ scan: StoredScan, to lane: LaneID) { state.withLock { $0[lane, default: []].append(scan) } }

    /// Takes back what has not been settled of these lanes; the delivery may have read a few of them already.
    func remove(_ lanes: Set<LaneID>) -> [Int64] {
        state.withLock { state in lanes.flatMap { (state.removeValue(forKey: $0) ?? []).map(\.n) } }
    }

    func lanesWaiting(for group: GroupID) async throws -> [LaneID: Int] { state.withLock { $0.mapValues(\.count) } }

    func waiting(for group: GroupID, lane: LaneID, maxScans: Int, maxBytes: Int) async throws -> [StoredScan] {
        state.withLock { Array(($0[lane] ?? []).prefix(maxScans)) }
    }

    func settle(
        group: GroupID, lane: LaneID, _ outcomes: [(n: Int64, settlement: Settlement)], durable: Bool
    ) async throws {
        state.withLock { state in
            guard var scans = state[lane] else { return }
            for (n, _) in outcomes {
                if scans.first?.n == n { scans.removeFirst() } else { scans.removeAll { $0.n == n } }
            }
            state[lane] = scans.isEmpty ? nil : scans
        }
    }

    func skipOldest(for group: GroupID, keeping limit: Int) async throws -> Int { 0 }
}
