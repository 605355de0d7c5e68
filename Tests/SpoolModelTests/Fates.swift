import Model
import Spool

/// What became of each scan for one group, as the running gateway should know it: a verdict may be ahead of the file's.
struct Fates {
    var waiting: Set<Int64> = []
    var sentBack: Set<Int64> = []
    var rejected: Set<Int64> = []
    var held: Set<Int64> = []

    /// As a gateway that starts on this file should have it.
    init(_ book: Book, _ group: GroupID) {
        for (n, scan) in book.scans {
            switch book.notes[group]?[n]?.state {
            case .rejected: rejected.insert(n)
            case .held: held.insert(n)
            case .requeued: sentBack.insert(n)
            case .discarded: break
            case nil: if n > book.place(group, scan.lane).n { waiting.insert(n) }
            }
        }
    }

    mutating func settle(_ n: Int64, _ settlement: Settlement) {
        waiting.remove(n)
        sentBack.remove(n)
        switch settlement {
        case .done: break
        case .rejected: rejected.insert(n)
        case .held: held.insert(n)
        }
    }

    mutating func move(_ n: Int64, to state: ExceptionState) {
        rejected.remove(n)
        held.remove(n)
        if state == .requeued { sentBack.insert(n) }
    }

    /// What is wrong with a batch of a lane, or nil: those sent back, or the first that wait, in order, none left out.
    func fault(in batch: [Int64], of lane: [Int64], limit: Int) -> String? {
        let open = lane.filter { waiting.contains($0) || sentBack.contains($0) }
        if batch.count > limit { return "\(batch.count) scans, at most \(limit) were asked for" }
        if batch != batch.sorted() || Set(batch).count != batch.count { return "\(batch) is not in order" }
        if let wrong = batch.first(where: { !open.contains($0) }) { return "\(wrong) of \(batch) does not wait" }
        if batch.isEmpty { return open.isEmpty ? nil : "nothing, while \(open) wait" }
        // Those that lost their place come alone; else nothing is passed over.
        let fresh = batch.filter(waiting.contains)
        let first = lane.filter(waiting.contains).prefix(fresh.count)
        if fresh != Array(first) { return "\(batch) passes over \(first)" }
        if !fresh.isEmpty, let last = batch.last, batch.count < limit, let next = open.first(where: { $0 > last }) {
            return "\(batch) ends before \(next), at most \(limit) were asked for"
        }
        return nil
    }
}
