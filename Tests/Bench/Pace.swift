internal import Posix

/// Labels handed in at an even pace, and what became of them.
struct Pace: Sendable {
    /// Milliseconds from a label's start to its arrival.
    var took: [Double] = []
    /// CPU seconds for 100,000 scans, of each part.
    var cpu: [Double] = []
    var missing = 0

    /// One part: labels from `first` on, `rate` a second, then up to 10 s for those that are under way. Blocking.
    ///
    /// - Parameters:
    ///   - processes: whose work is counted.
    ///   - scan: hands in the label of this number.
    mutating func part(
        rate: Int, seconds: Int, from first: Int, labels: Labels, watch: Stopwatch, processes: [Child],
        scan: (_ lane: Int, _ label: [UInt8]) throws -> Void
    ) throws {
        func work() throws -> Double { try processes.reduce(0) { $0 + (try ProcessCost.cpu($1.id).total) } }
        let (before, known) = (try work(), watch.took.count)
        let (start, scans) = (nowMs(), rate * seconds)
        // Some at a time where there are many: a pause for each would cost this side more than the daemon.
        let group = max(1, rate / 125)
        for place in 0..<scans {
            if place % group == 0 { pause(ms: start + Double(place) * 1000 / Double(rate) - nowMs()) }
            let (lane, label) = labels.label(first + place)
            watch.scanned(Labels.data(label), at: nowMs())
            try scan(lane, label)
        }
        let patience = nowMs() + 10_000
        while watch.open > 0 && nowMs() < patience { pause(ms: 5) }
        cpu.append((try work() - before) * 100_000 / Double(scans))
        took += watch.took[known...]
        missing = watch.open
    }

    var p50: Double { Order.median(took) }
    var p99: Double { Order.value(took, at: 0.99) }
}
