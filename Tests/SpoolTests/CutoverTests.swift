import Model
import Spool
import TestSupport
import Testing

private let old = groupA
private let new = makeName(GroupID.self, "aws")
private func wires(_ labels: String...) -> [String] { labels.map { wire($0) } }

private let both = SpoolGroups([old, new])

/// A spool with two primaries, and both as uplinks see it.
private struct Bench {
    let writer: Writer
    let log: SpoolLog
    let directory: String

    /// Stores labels; those from `cut` on are the new primary's, as when a bag begins there.
    @discardableResult
    func store(_ labels: [String], lane: LaneID = laneA, cut: Int? = nil) async throws -> [Int64] {
        let numbers = try await writer.store(labels, lane: lane, cut: cut, telling: log)
        log.noteAppended(await writer.appended)
        return numbers
    }

    func waiting(_ group: GroupID, _ lane: LaneID = laneA) async throws -> [String] {
        labels(try await log.waiting(for: group, lane: lane, maxScans: 100, maxBytes: 100_000))
    }

    /// Has the group accept all that waits in the lane; what it was.
    @discardableResult
    func deliver(_ group: GroupID, _ lane: LaneID = laneA, max: Int = 100) async throws -> [Int64] {
        let scans = try await log.waiting(for: group, lane: lane, maxScans: max, maxBytes: 100_000)
        try await log.settle(group: group, lane: lane, scans.map { ($0.n, .done) }, durable: true)
        return scans.map(\.n)
    }

    func plan(_ lanes: [LaneID] = [laneA], isMain: Bool = false) async throws {
        try await writer.withSpool { spool, _ in
            _ = try spool.planCutover(of: lanes, from: old, to: new, isMain: isMain)
            log.note(spool.assignments, [])
        }
    }

    @discardableResult
    func back(_ lanes: [LaneID] = [laneA]) async throws -> (replayed: Int64, gone: Int64)? {
        try await writer.withSpool { spool, _ in
            let result = try spool.cutBack(of: lanes, to: old, from: new, isMain: false)
            log.note(spool.assignments, result.moves)
            return result.lanes[lanes[0]]
        }
    }

    /// What another start would find waiting.
    func expectAfterRestart(old oldWaits: [String], new newWaits: [String]) async throws {
        let log = try SpoolLog(directory: directory, groups: both, sink: writer)
        for (group, expected) in [(old, oldWaits), (new, newWaits)] {
            let scans = try await log.waiting(for: group, lane: laneA, maxScans: 9, maxBytes: 9000)
            #expect(labels(scans) == expected)
            #expect(log.counts(of: group).waiting == Int64(expected.count))
        }
        await log.close()
    }

    func count(_ group: GroupID) -> Int64 { log.counts(of: group).waiting }
}

private func withBench(_ groups: SpoolGroups = both, _ body: (Bench) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let writer = try Writer(directory: directory, groups: groups)
        let log = try SpoolLog(directory: directory, groups: groups, sink: writer)
        try await body(Bench(writer: writer, log: log, directory: directory))
        await log.close()
        await writer.close()
    }
}

@Suite(.timeLimit(.minutes(4)))
struct CutoverTests {
    @Test func `a further primary gets nothing before a lane is cut over to it`() async throws {
        try await withBench { bench in
            try await bench.store(["a", "b"])
            #expect(try await bench.waiting(new).isEmpty)
            #expect(bench.count(new) == 0 && bench.count(old) == 2)
            #expect(try await bench.log.lanesWaiting(for: new).isEmpty)
            #expect(bench.log.unjudged == 2)
        }
    }

    @Test func `a planned cutover changes nothing before the next bag, and splits the lane exactly there`() async throws
    {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.store(["b"])
            #expect(try await bench.waiting(old) == [wire("a"), wire("b")])
            // One commit with the end of a bag and the beginning of the next.
            try await bench.store(["c", "bag", "d"], cut: 1)
            #expect(try await bench.waiting(old) == wires("a", "b", "c"))
            #expect(try await bench.waiting(new) == wires("bag", "d"))
            #expect(bench.count(old) == 3 && bench.count(new) == 2)
            try await bench.deliver(old)
            try await bench.store(["e"])
            #expect(bench.count(old) == 0 && bench.count(new) == 3)
            #expect(try await bench.waiting(old).isEmpty)
        }
    }

    @Test func `taken back, the old one gets every scan since the watermark, in order, and the new one no more`()
        async throws
    {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.store(["bag", "b"], cut: 0)
            try await bench.deliver(new, max: 1)
            let result = try await bench.back()
            #expect(result?.replayed == 2 && result?.gone == 0)
            try await bench.store(["c"])
            #expect(try await bench.waiting(old) == wires("a", "bag", "b", "c"))
            #expect(try await bench.waiting(new).isEmpty)
            #expect(bench.count(old) == 4 && bench.count(new) == 0)
            try await bench.deliver(old)
            #expect(bench.count(old) == 0)
        }
    }

    @Test func `what the new one has in hand is its own no more once the lane is taken back`() async throws {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            let numbers = try await bench.store(["b", "bag", "c"], cut: 1)
            _ = try await bench.waiting(old)
            _ = try await bench.waiting(new)
            let (ofOld, ofNew) = (Array(numbers[..<1]), Array(numbers[1...]))
            #expect(await bench.log.areWaiting(ofOld, for: old, lane: laneA))
            #expect(await bench.log.areWaiting(ofNew, for: new, lane: laneA))
            #expect(await !bench.log.areWaiting(ofNew, for: old, lane: laneA))
            try await bench.back()
            #expect(await !bench.log.areWaiting(ofNew, for: new, lane: laneA))
            #expect(await bench.log.areWaiting(ofOld, for: old, lane: laneA))
        }
    }

    @Test func `a cutover that has not begun is undone without a trace`() async throws {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.back()
            try await bench.store(["bag"], cut: 0)
            #expect(try await bench.waiting(old) == wires("a", "bag"))
            #expect(bench.count(new) == 0)
        }
    }

    @Test func `cut over again after a return, the new one begins at the new watermark`() async throws {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.store(["bag1"], cut: 0)
            try await bench.back()
            try await bench.plan()
            try await bench.store(["bag2"], cut: 0)
            #expect(try await bench.waiting(old) == wires("a", "bag1"))
            #expect(try await bench.waiting(new) == [wire("bag2")])
            #expect(bench.count(old) == 2 && bench.count(new) == 1)
        }
    }

    @Test func `a restart changes nothing, neither before nor after the move`() async throws {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.expectAfterRestart(old: wires("a"), new: [])
            try await bench.writer.withSpool { spool, _ in try spool.reopen() }
            try await bench.store(["bag", "b"], cut: 0)
            try await bench.expectAfterRestart(old: wires("a"), new: wires("bag", "b"))
        }
    }

    @Test func `scans behind a watermark may age, and what has gone is said when the lane is taken back`() async throws
    {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan()
            try await bench.store(["bag", "b"], cut: 0)
            try await bench.deliver(new)
            // The old one still has to deliver its own.
            #expect(try await bench.writer.prune() == 0)
            try await bench.deliver(old)
            #expect(try await bench.writer.prune() == 3)
            try await bench.store(["c"])
            let result = try await bench.back()
            #expect(result?.replayed == 1 && result?.gone == 2)
            #expect(try await bench.waiting(old) == [wire("c")])
            #expect(bench.count(old) == 1)
        }
    }

    @Test func `lanes to come go to the new one where all were cut over`() async throws {
        try await withBench { bench in
            try await bench.store(["a"])
            try await bench.plan(isMain: true)
            try await bench.store(["x"], lane: laneB)
            #expect(try await bench.waiting(new, laneB) == [wire("x")])
            #expect(try await bench.waiting(old) == [wire("a")])
        }
    }

    @Test func `a lane whose primary the configuration has lost goes on with the one it came from`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.use(both)
            try spool.store(["a"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: true)
            try spool.store(["bag"], cut: 0)
            #expect(spool.assignments.receiver(of: laneA) == new)
            // With a second primary that has gone and none that came, nothing is taken for a renaming.
            try spool.use(SpoolGroups([old]))
            #expect(spool.assignments.receiver(of: laneA) == old)
            #expect(spool.assignments.receiver(of: laneB) == old)
            spool.close()
        }
    }

    @Test(arguments: 0..<20) func `whatever is moved and moved back, each scan reaches whoever has its lane, in order`(
        seed: Int
    ) async throws {
        try await withBench { bench in
            var random = SeededGenerator(seed: UInt64(seed))
            // By group and lane: what is due and what came.
            var due: [LaneID: [Int64]] = [:]
            var sinceCut: [LaneID: [Int64]] = [:]
            var owner: [LaneID: GroupID] = [laneA: old, laneB: old]
            var planned: Set<LaneID> = []
            var came: [GroupID: [LaneID: [Int64]]] = [:]
            for _ in 0..<120 {
                let lane = Bool.random(using: &random) ? laneA : laneB
                switch Int.random(in: 0..<10, using: &random) {
                case 0..<4:
                    let isBag = planned.contains(lane) && Bool.random(using: &random)
                    let numbers = try await bench.store(["x", "y"], lane: lane, cut: isBag ? 1 : nil)
                    if owner[lane] == old {
                        due[lane, default: []].append(numbers[0])
                    } else {
                        sinceCut[lane, default: []].append(numbers[0])
                    }
                    if isBag {
                        (owner[lane], sinceCut[lane]) = (new, [])
                        planned.remove(lane)
                    }
                    if owner[lane] == old {
                        due[lane, default: []].append(numbers[1])
                    } else {
                        sinceCut[lane, default: []].append(numbers[1])
                    }
                case 4..<8:
                    let group = Bool.random(using: &random) ? old : new
                    let numbers = try await bench.deliver(group, lane, max: Int.random(in: 1...4, using: &random))
                    came[group, default: [:]][lane, default: []] += numbers
                case 8:
                    guard owner[lane] == old, due[lane] != nil else { continue }
                    try await bench.plan([lane])
                    planned.insert(lane)
                default:
                    try await bench.back([lane])
                    planned.remove(lane)
                    if owner[lane] == new { due[lane, default: []] += sinceCut[lane] ?? [] }
                    (owner[lane], sinceCut[lane]) = (old, [])
                }
            }
            for lane in [laneA, laneB] {
                for group in [old, new] {
                    let numbers = try await bench.deliver(group, lane, max: 1000)
                    came[group, default: [:]][lane, default: []] += numbers
                }
                #expect(came[old]?[lane] ?? [] == due[lane] ?? [])
                let byNew = came[new]?[lane] ?? []
                #expect(byNew == byNew.sorted() && Set(sinceCut[lane] ?? []).isSubset(of: byNew))
            }
            #expect(bench.count(old) == 0 && bench.count(new) == 0)
        }
    }
}

@Suite(.timeLimit(.minutes(4)))
struct MirrorBoundTests {
    private let mirror = makeName(GroupID.self, "copy")

    @Test func `a mirror over its bound loses its oldest scans and no more, and its primary none`() async throws {
        try await withBench(SpoolGroups([old], mirrors: [mirror])) { bench in
            for n in 0..<100 { try await bench.store(["a\(n)"], lane: n % 4 == 0 ? laneB : laneA) }
            #expect(try await bench.log.skipOldest(for: mirror, keeping: 100) == 0)
            let skipped = try await bench.log.skipOldest(for: mirror, keeping: 32)
            #expect((70...71).contains(skipped))
            #expect(bench.count(mirror) == Int64(100 - skipped) && bench.count(old) == 100)
            #expect(try await bench.waiting(mirror).last == wire("a99"))
            #expect(try await bench.waiting(mirror, laneB).last == wire("a96"))
            #expect(try await bench.waiting(old).count == 75)
            // The cursor is durable: a restart does not bring them back.
            let restarted = try SpoolLog(
                directory: bench.directory, groups: SpoolGroups([old], mirrors: [mirror]), sink: bench.writer)
            #expect(restarted.counts(of: mirror).waiting == Int64(100 - skipped))
            await restarted.close()
        }
    }

    @Test func `with the file near its bound a mirror keeps nothing, so that scans go on`() async throws {
        try await withBench(SpoolGroups([old], mirrors: [mirror])) { bench in
            try await bench.store((0..<50).map { "a\($0)" })
            try await bench.deliver(old)
            #expect(try await bench.writer.prune() == 0)
            bench.log.notePressure(true)
            #expect(try await bench.log.skipOldest(for: mirror, keeping: 1000) == 50)
            #expect(try await bench.writer.prune() == 50)
        }
    }

    @Test func `an answer for scans that were skipped meanwhile changes nothing`() async throws {
        try await withBench(SpoolGroups([old], mirrors: [mirror])) { bench in
            let numbers = try await bench.store(["a", "b", "c", "d"])
            _ = try await bench.log.waiting(for: mirror, lane: laneA, maxScans: 2, maxBytes: 9000)
            #expect(try await bench.log.skipOldest(for: mirror, keeping: 1) == 3)
            try await bench.log.settle(
                group: mirror, lane: laneA, [(numbers[0], .done), (numbers[1], .done)], durable: true)
            #expect(try await bench.waiting(mirror) == [wire("d")])
            #expect(bench.count(mirror) == 1)
        }
    }
}
