/// How far one group is with one lane: pure bookkeeping over the scans that were handed out.
///
/// Scans are handed out in order; verdicts may come for any of them, and the cursor moves over those that are settled
/// from the front on. At most one batch is out, so the list is as long as a batch.
struct LaneCursor: Equatable {
    /// Every scan of the lane up to here is settled.
    private(set) var n: Int64
    /// Scans of the lane at or before `n`.
    private(set) var settled: Int64
    private var out: [Entry] = []

    private struct Entry: Equatable {
        let n: Int64
        var isSettled: Bool
    }

    init(n: Int64, settled: Int64) {
        self.n = n
        self.settled = settled
    }

    /// Where reading goes on.
    var lastHandedOut: Int64 { out.last?.n ?? n }
    /// Scans handed out and not settled.
    var unsettled: [Int64] { out.filter { !$0.isSettled }.map(\.n) }
    /// Scans settled so far, those behind an unsettled one included.
    var settledInAll: Int64 { settled + Int64(out.count { $0.isSettled }) }

    /// Notes a scan that was read next, in order; one that has an exception already is settled from the start.
    mutating func handOut(_ number: Int64, isSettled: Bool) {
        out.append(Entry(n: number, isSettled: isSettled))
        advance()
    }

    /// Notes that scans are settled; numbers that are not out are ignored.
    mutating func settle(_ numbers: Set<Int64>) {
        for index in out.indices where numbers.contains(out[index].n) { out[index].isSettled = true }
        advance()
    }

    /// A person sent a scan back that was settled ahead of the cursor: it waits in its place again. False where the
    /// cursor is past it, or it has not been handed out.
    mutating func reopen(_ number: Int64) -> Bool {
        guard let index = out.firstIndex(where: { $0.n == number }) else { return false }
        out[index].isSettled = false
        return true
    }

    /// Scans up to a number need no settling any more; `count` of the lane's are behind the cursor and at or before it.
    mutating func skip(to number: Int64, count: Int64) {
        guard number > n else { return }
        out.removeAll { $0.n <= number }
        n = number
        settled += count
        advance()
    }

    /// Scans that are to come are there no more: they need no settling.
    mutating func forget(_ count: Int64) { settled += count }

    private mutating func advance() {
        let front = out.prefix { $0.isSettled }
        guard let last = front.last else { return }
        n = last.n
        settled += Int64(front.count)
        out.removeFirst(front.count)
    }
}
