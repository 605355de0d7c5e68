internal import Model
internal import Wire

/// Which scans are under way, what became of those that were, and which batches wait for them. A state machine.
///
/// A batch is answered once all its scans are settled, or after a while with those that are: the gateway asks for the
/// others under another batch id, and finds them under way here or settled. Bounds: `queue` batches, `maxOpen` scans
/// under way, and what became of the last `maxKept`; a scan that is asked about after that is posted once more.
struct WebBook {
    struct Waiting {
        let batch: RelayBatch
        /// In the batch's order.
        let ids: [UUID]
        /// What is known without asking the backend.
        var results: [UUID: BatchReply.Result]
        var open: Set<UUID>
    }

    static let maxOpen = 20_000
    static let maxKept = 20_000
    static let refusalKept: Duration = .seconds(60)

    private var waiting: [UUID: Waiting] = [:]
    private var batchesOf: [UUID: [UUID]] = [:]
    private var places: [Int64: UUID] = [:]
    private var verdicts: [UUID: (result: BatchReply.Result, atNs: Int64)] = [:]
    private var order: [UUID] = []
    private var lastN: Int64 = 0

    var openCount: Int { places.count }
    var waitingCount: Int { waiting.count }
    var keptCount: Int { verdicts.count }

    func isWaiting(_ batch: UUID) -> Bool { waiting[batch] != nil }

    /// What became of a scan. A refusal is forgotten after a minute: an admin of the gateway may send the scan again.
    func verdict(_ scan: UUID, nowNs: Int64) -> BatchReply.Result? {
        guard let (result, atNs) = verdicts[scan] else { return nil }
        let isTaken = result.status == "accepted" || result.status == "duplicate"
        return isTaken || nowNs - atNs < Self.refusalKept.nanoseconds ? result : nil
    }

    /// A scan is to be posted: its place in the log; nil where it is under way already.
    mutating func begin(_ scan: UUID) -> Int64? {
        guard batchesOf[scan] == nil else { return nil }
        batchesOf[scan] = []
        lastN += 1
        places[lastN] = scan
        return lastN
    }

    /// A batch waits for those of its scans that are not settled; nil where it need not.
    mutating func wait(_ batch: RelayBatch, ids: [UUID], results: [UUID: BatchReply.Result]) -> Waiting? {
        let open = Set(ids.filter { results[$0] == nil && batchesOf[$0] != nil })
        let entry = Waiting(batch: batch, ids: ids, results: results, open: open)
        guard !open.isEmpty else { return entry }
        waiting[batch.id] = entry
        for id in open { batchesOf[id]?.append(batch.id) }
        return nil
    }

    /// A scan is settled; the batches that waited for nothing else.
    mutating func settle(_ n: Int64, _ result: BatchReply.Result, nowNs: Int64) -> [Waiting] {
        guard places[n] == result.id else { return [] }
        if verdicts.updateValue((result, nowNs), forKey: result.id) == nil { order.append(result.id) }
        if order.count > Self.maxKept + 1000 {
            for id in order.prefix(1000) { verdicts[id] = nil }
            order.removeFirst(1000)
        }
        return close(n, result)
    }

    /// Scans that nobody will post any more; the batches that waited for nothing else.
    mutating func abandon(_ places: [Int64]) -> [Waiting] { places.flatMap { close($0, nil) } }

    /// A batch waits no longer: it, with what is known by now.
    mutating func take(_ batch: UUID) -> Waiting? {
        guard let entry = waiting.removeValue(forKey: batch) else { return nil }
        for id in entry.open { batchesOf[id]?.removeAll { $0 == batch } }
        return entry
    }

    /// All batches that wait.
    mutating func takeAll() -> [Waiting] { Array(waiting.keys).compactMap { take($0) } }

    private mutating func close(_ n: Int64, _ result: BatchReply.Result?) -> [Waiting] {
        guard let scan = places.removeValue(forKey: n) else { return [] }
        return (batchesOf.removeValue(forKey: scan) ?? []).compactMap { batch in
            waiting[batch]?.open.remove(scan)
            if let result { waiting[batch]?.results[scan] = result }
            return waiting[batch]?.open.isEmpty == true ? waiting.removeValue(forKey: batch) : nil
        }
    }
}
