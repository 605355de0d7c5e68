internal import Model

/// Batches that wait for the backend and those under way. A state machine; times are uptimes in ns.
///
/// Bounds: `inFlight` requests; `count` batches and `bytes` bytes that wait, of one gateway at most 256, the most that
/// a gateway has out at once. What is over them is dropped without an answer and counted: libmosquitto acknowledges a
/// message once its callback returns, so there is no other way to say "not now", and the gateway, whose spool has the
/// scans, asks again after its ack timeout. A batch that has waited as long as that is dropped for the same reason.
struct RelayQueue {
    struct Limits: Sendable {
        var inFlight: Int
        var count: Int
        var bytes: Int
        var age: Duration
    }

    /// What became of a batch that came.
    enum Offer: Equatable {
        case taken
        /// It waits here or is under way already, and will be answered.
        case repeated
        case full
    }

    enum Next {
        case send(RelayBatch)
        /// Nothing before this uptime.
        case wait(untilNs: Int64)
        /// Nothing until something happens.
        case nothing
    }

    static let perGateway = 256

    private let limits: Limits
    private var waiting: [RelayBatch] = []
    private var waitingBytes = 0
    private var waitingOf: [GatewayID: Int] = [:]
    private var known: Set<UUID> = []
    private(set) var running = 0
    private(set) var expired = 0
    /// The way to the backend.
    var health: UplinkHealth
    /// Gateways whose requests the backend refuses, and until when.
    private var blocked: [GatewayID: Int64] = [:]

    init(_ limits: Limits) {
        self.limits = limits
        health = UplinkHealth(limit: limits.inFlight)
    }

    mutating func offer(_ batch: RelayBatch, nowNs: Int64) -> Offer {
        guard !known.contains(batch.id) else { return .repeated }
        if isFull(for: batch) { dropExpired(nowNs) }
        guard !isFull(for: batch) else { return .full }
        waiting.append(batch)
        waitingBytes += batch.payload.count
        waitingOf[batch.gateway, default: 0] += 1
        known.insert(batch.id)
        return .taken
    }

    /// What goes out now; it is under way by this call.
    mutating func next(nowNs: Int64) -> Next {
        dropExpired(nowNs)
        guard !waiting.isEmpty, running < health.limit else { return .nothing }
        switch health.permission(nowNs) {
        case .hold: return .nothing
        case .wait(let until): return .wait(untilNs: until)
        case .probe, .go: break
        }
        blocked = blocked.filter { $0.value > nowNs }
        guard let place = waiting.firstIndex(where: { blocked[$0.gateway] == nil }) else {
            return .wait(untilNs: blocked.values.min() ?? nowNs)
        }
        if health.permission(nowNs) == .probe { health.beginProbe() }
        let batch = remove(at: place)
        known.insert(batch.id)
        running += 1
        return .send(batch)
    }

    /// A batch has been answered, or not.
    mutating func done(_ batch: RelayBatch, _ event: UplinkHealth.Event, nowNs: Int64) {
        running -= 1
        known.remove(batch.id)
        health.on(event, nowNs: nowNs)
    }

    /// Sends nothing of a gateway until then; true where that is news.
    mutating func block(_ gateway: GatewayID, untilNs: Int64) -> Bool {
        blocked.updateValue(untilNs, forKey: gateway) == nil
    }

    /// Sends for every gateway again, and asks a backend that is left alone at once.
    mutating func unblock() {
        blocked = [:]
        health.askAtOnce()
    }

    /// Drops what waits; returns how many.
    mutating func clear() -> Int {
        let count = waiting.count
        while !waiting.isEmpty { _ = remove(at: waiting.count - 1) }
        return count
    }

    private func isFull(for batch: RelayBatch) -> Bool {
        waiting.count >= limits.count || waitingBytes + batch.payload.count > limits.bytes
            || waitingOf[batch.gateway] ?? 0 >= Self.perGateway
    }

    // The oldest are in front.
    private mutating func dropExpired(_ nowNs: Int64) {
        while let first = waiting.first, nowNs - first.arrivedNs > limits.age.nanoseconds {
            _ = remove(at: 0)
            expired += 1
        }
    }

    private mutating func remove(at place: Int) -> RelayBatch {
        let batch = waiting.remove(at: place)
        waitingBytes -= batch.payload.count
        known.remove(batch.id)
        let left = (waitingOf[batch.gateway] ?? 1) - 1
        waitingOf[batch.gateway] = left > 0 ? left : nil
        return batch
    }
}
