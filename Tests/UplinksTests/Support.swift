import Crypto
import HTTPClient
import Model
import Synchronization
import Wire

@testable import Uplinks

let boot = "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11"

func lane(_ text: String) -> LaneID {
    guard let lane = LaneID(text) else { fatalError("\(text) is no lane") }
    return lane
}

func group(_ text: String = "tracetrack") -> GroupID {
    guard let group = GroupID(text) else { fatalError("\(text) is no group") }
    return group
}

func scanID(_ n: Int) -> UUID { UUID(high: 0x019a_a0c2_7a10_7f00, low: 0x8000_0000_0000_0000 | UInt64(n)) }

/// The one device's key of the tests.
let deviceKey = HMACKey([UInt8](0..<32))

/// A stored scan: its id is `scanID(n)`.
func stored(
    _ n: Int, lane: String = "table-1", role: ScanRole = .child, parent: String = "SB00860", data: String? = nil,
    action: ScanAction = .scan
) -> StoredScan {
    guard let gateway = GatewayID("dock-7"), let device = DeviceID("scanner-3"), let lane = LaneID(lane),
        let kid = KeyID("cc8abed72e46ea38"), let log = LogID("9f2c4a1be07d6358")
    else { fatalError("a name is wrong") }
    let scan = Scan(
        id: scanID(n), gateway: gateway, device: device, kid: kid, log: log, seq: Int64(n), lane: lane,
        laneSeq: Int64(n), capturedAt: Moment(uptimeNs: 1_000_000, wallMs: 1_795_233_600_000, synced: true),
        boot: boot, action: action, role: role, parent: role == .child ? parent : "",
        data: Array((data ?? "C\(n)").utf8))
    return StoredScan(n: Int64(n), wire: WireScan.encode(scan) { deviceKey.authenticate($0) })
}

func parentScan(_ n: Int, _ label: String, lane: String = "table-1") -> StoredScan {
    stored(n, lane: lane, role: .parent, data: label)
}

func response(
    _ status: Int, _ body: String = "", _ headers: [(name: String, value: String)] = []
) -> HTTPResponse {
    HTTPResponse(status: status, headers: HTTPHeaders(headers), body: Array(body.utf8))
}

/// The spool as an uplink sees it, in memory.
final class FakeScanLog: ScanLog {
    struct Failure: Error {}
    private struct State {
        var lanes: [LaneID: [StoredScan]] = [:]
        var settled: [Int64: Settlement] = [:]
        var durable: Set<Int64> = []
        var order: [Int64] = []
        var failures = 0
        var reads = 0
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var isOutOfTime = false
    }

    private let state = Mutex(State())

    func add(_ scans: [StoredScan], to lane: LaneID) { state.withLock { $0.lanes[lane, default: []] += scans } }

    /// The next so many calls fail.
    func fail(_ times: Int) { state.withLock { $0.failures = times } }

    var settled: [Int64: Settlement] { state.withLock { $0.settled } }
    var durable: Set<Int64> { state.withLock { $0.durable } }
    /// In the order of settling.
    var order: [Int64] { state.withLock { $0.order } }
    var reads: Int { state.withLock { $0.reads } }

    /// Returns once at least `count` scans are settled, or when the test is out of time.
    func waitForSettled(_ count: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let there = state.withLock { state in
                    if state.settled.count >= count || state.isOutOfTime { return true }
                    state.watchers.append((count, continuation))
                    return false
                }
                if there { continuation.resume() }
            }
        } onCancel: {
            let all = state.withLock { state in
                state.isOutOfTime = true
                defer { state.watchers = [] }
                return state.watchers
            }
            for watcher in all { watcher.continuation.resume() }
        }
    }

    func lanesWaiting(for group: GroupID) async throws -> [LaneID: Int] {
        try state.withLock { state in
            try Self.check(&state)
            return state.lanes.mapValues(\.count).filter { $0.value > 0 }
        }
    }

    func waiting(for group: GroupID, lane: LaneID, maxScans: Int, maxBytes: Int) async throws -> [StoredScan] {
        try state.withLock { state in
            try Self.check(&state)
            state.reads += 1
            var bytes = 0
            var out: [StoredScan] = []
            for scan in (state.lanes[lane] ?? []).prefix(maxScans) {
                bytes += scan.wire.count
                if bytes > maxBytes && !out.isEmpty { break }
                out.append(scan)
            }
            return out
        }
    }

    /// The lane's scans are another group's from now on.
    func takeAway(_ lane: LaneID) { state.withLock { $0.lanes[lane] = nil } }

    func areWaiting(_ numbers: [Int64], for group: GroupID, lane: LaneID) async -> Bool {
        state.withLock { Set(numbers).isSubset(of: ($0.lanes[lane] ?? []).map(\.n)) }
    }

    func settle(
        group: GroupID, lane: LaneID, _ outcomes: [(n: Int64, settlement: Settlement)], durable: Bool
    ) async throws {
        let ready = try state.withLock { state in
            try Self.check(&state)
            for (n, settlement) in outcomes {
                state.settled[n] = settlement
                state.order.append(n)
                if durable { state.durable.insert(n) }
                state.lanes[lane]?.removeAll { $0.n == n }
            }
            let count = state.settled.count
            let ready = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return ready
        }
        for watcher in ready { watcher.continuation.resume() }
    }

    func skipOldest(for group: GroupID, keeping limit: Int) async throws -> Int {
        try state.withLock { state in
            try Self.check(&state)
            var skipped = 0
            for lane in state.lanes.keys {
                let excess = max(0, (state.lanes[lane]?.count ?? 0) - limit)
                state.lanes[lane]?.removeFirst(excess)
                skipped += excess
            }
            return skipped
        }
    }

    private static func check(_ state: inout State) throws {
        guard state.failures > 0 else { return }
        state.failures -= 1
        throw Failure()
    }
}

extension Delivery {
    /// How the group's primary does.
    func status() async -> UplinkStatus {
        guard let first = await statuses().first else { fatalError("a delivery without an uplink") }
        return first
    }

    func pause() async { await pause(nil) }

    func resume() async { await resume(nil) }
}
