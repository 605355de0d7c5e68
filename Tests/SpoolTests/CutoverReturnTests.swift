import Model
import Spool
import TestSupport
import Testing

private let old = groupA
private let new = makeName(GroupID.self, "aws")
private let third = makeName(GroupID.self, "gcp")
private let both = SpoolGroups([old, new])

extension Spool {
    /// The group has judged all that there is of the lane up to a scan, the `count`th of the lane.
    fileprivate func judge(_ group: GroupID, _ lane: LaneID = laneA, upTo n: Int64, count: Int64) throws {
        try settle(
            SettlementRecord(log: log, group: group, lane: lane, cursor: n, settled: count, exceptions: []))
    }
}

/// What a start with these groups finds waiting for one of them.
private func waiting(_ spool: Spool, _ directory: String, _ group: GroupID, _ lane: LaneID = laneA) async throws
    -> (labels: [String], count: Int64)
{
    let log = try SpoolLog(directory: directory, groups: both, sink: NoSink())
    let scans = try await log.waiting(for: group, lane: lane, maxScans: 9, maxBytes: 9000)
    let count = log.counts(of: group).waiting
    await log.close()
    return (labels(scans), count)
}

private struct NoSink: SettlementSink {
    func settle(_ record: SettlementRecord, durable: Bool) async throws {}
}

@Suite(.timeLimit(.minutes(4)))
struct CutoverReturnTests {
    private func withSpool(_ groups: SpoolGroups = both, _ body: (Spool, String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.use(groups)
            try await body(spool, directory)
            spool.close()
        }
    }

    @Test func `scans of a lane that was cut over age, whatever other lanes scanned in between`() async throws {
        try await withSpool { spool, _ in
            let a = try spool.store(["a"])[0]
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: false)
            let x = try spool.store(["x"], lane: laneB)[0]
            // The watermark is the other lane's scan: the old one's cursor never gets there.
            let bag = try spool.store(["bag"], cut: 0)[0]
            try spool.judge(new, upTo: bag, count: 2)
            try spool.judge(old, laneB, upTo: x, count: 1)
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 1)
            try spool.judge(old, upTo: a, count: 1)
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 2)
        }
    }

    @Test func `taking lanes back the wrong way round moves nothing`() async throws {
        try await withSpool { spool, directory in
            try spool.store(["a"])
            let back = try spool.cutBack(of: [laneA, laneB], to: new, from: old, isMain: true)
            #expect(back.lanes.isEmpty)
            #expect(spool.assignments.receiver(of: laneA) == old && spool.assignments.receiver(of: laneB) == old)
            #expect(try await waiting(spool, directory, old).labels == [wire("a")])
        }
    }

    @Test func `a further primary that is listed first gets nothing either`() async throws {
        try await withSpool(SpoolGroups([old])) { spool, directory in
            try spool.store(["a"])
            try spool.use(SpoolGroups([new, old]))
            #expect(spool.assignments.receiver(of: laneA) == old && spool.assignments.receiver(of: laneB) == old)
            #expect(try await waiting(spool, directory, new).labels.isEmpty)
        }
    }

    @Test func `a cutover between two others leaves lanes to come where they were`() async throws {
        try await withSpool(SpoolGroups([old, new, third])) { spool, _ in
            try spool.store(["a"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: false)
            try spool.store(["bag"], cut: 0)
            _ = try spool.planCutover(of: [laneA], from: new, to: third, isMain: true)
            #expect(spool.assignments.receiver(of: laneB) == old)
            _ = try spool.cutBack(of: [laneA], to: new, from: third, isMain: true)
            #expect(spool.assignments.receiver(of: laneB) == old)
        }
    }

    @Test func `a lane that began with the new one is taken back like any other`() async throws {
        try await withSpool { spool, directory in
            try spool.store(["a"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: true)
            let x = try spool.store(["x"], lane: laneB)[0]
            try spool.judge(new, laneB, upTo: x, count: 1)
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 1)
            try spool.store(["y"], lane: laneB)
            let back = try spool.cutBack(of: [laneA, laneB], to: old, from: new, isMain: true)
            #expect(back.lanes[laneB]?.replayed == 1 && back.lanes[laneB]?.gone == 1)
            #expect(back.moves.map(\.lane) == [laneB])
            let found = try await waiting(spool, directory, old, laneB)
            #expect(found.labels == [wire("y")] && found.count == 2)
            #expect(try await waiting(spool, directory, new, laneB).count == 0)
        }
    }

    @Test func `what has aged is not waited for where the new one left the configuration`() async throws {
        try await withSpool { spool, directory in
            let a = try spool.store(["a"])[0]
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: true)
            let bag = try spool.store(["bag"], cut: 0)[0]
            let x = try spool.store(["x"], lane: laneB)[0]
            try spool.judge(old, upTo: a, count: 1)
            try spool.judge(new, upTo: bag, count: 2)
            try spool.judge(new, laneB, upTo: x, count: 1)
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 3)
            try spool.store(["b"])
            try spool.store(["y"], lane: laneB)
            try spool.use(SpoolGroups([old]))
            for (lane, label) in [(laneA, "b"), (laneB, "y")] {
                let found = try await waiting(spool, directory, old, lane)
                #expect(found.labels == [wire(label)] && found.count == 2)
            }
            // Another start changes nothing.
            try spool.use(SpoolGroups([old]))
            #expect(try await waiting(spool, directory, old).count == 2)
        }
    }

    @Test func `a lane that was never cut over goes on where it stood when its primary leaves the configuration`()
        async throws
    {
        try await withSpool { spool, directory in
            let a = try spool.store(["a"])[0]
            try spool.judge(old, upTo: a, count: 1)
            try spool.store(["b"])
            try spool.use(SpoolGroups([new]))
            let found = try await waiting(spool, directory, new)
            #expect(found.labels == [wire("b")] && found.count == 1)
        }
    }

    @Test func `what waits for a primary that left the configuration is counted`() async throws {
        try await withSpool { spool, _ in
            try spool.store(["a", "b"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: true)
            try spool.store(["bag"], cut: 0)
            #expect(try spool.leftBehind(old) == 0)
            try spool.use(SpoolGroups([new]))
            #expect(try spool.leftBehind(old) == 2 && spool.leftBehind(new) == 0)
        }
    }

    @Test func `a mirror that comes when a primary goes is not that primary`() async throws {
        try await withSpool { spool, _ in
            try spool.store(["a", "b"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: true)
            try spool.store(["bag"], cut: 0)
            try spool.use(SpoolGroups([new], mirrors: [third]))
            #expect(try spool.leftBehind(old) == 2)
            try spool.use(SpoolGroups([new, old], mirrors: [third]))
            #expect(spool.assignments.share(of: old, in: laneA)?.total == 2)
        }
    }

    @Test func `a scan that no label rule knows is held for whoever gets the lane back`() async throws {
        try await withSpool { spool, directory in
            try spool.store(["a"])
            _ = try spool.planCutover(of: [laneA], from: old, to: new, isMain: false)
            let n = try spool.store(["bag", "odd", "b"], cut: 0)
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: new, lane: laneA, cursor: 0, settled: 0,
                    exceptions: [
                        .init(n: n[1], state: .held, reason: "no label rule knows it ([lane] other = \"hold\")"),
                        .init(n: n[2], state: .held, reason: "the backend answered 5 times with huh"),
                    ]))
            _ = try spool.cutBack(of: [laneA], to: old, from: new, isMain: false)
            #expect(try await waiting(spool, directory, old).labels == [wire("a"), wire("bag"), wire("b")])
            let reader = try SpoolReader(directory: directory, groups: both)
            defer { reader.close() }
            #expect(try reader.exceptions(.held, of: old, after: 0, limit: 9).map(\.scan.n) == [n[1]])
            #expect(try reader.exceptions(.held, of: new, after: 0, limit: 9).map(\.scan.n) == [n[2]])
        }
    }

    @Test func `a damaged file that is set aside changes nothing of who has which lane`() async throws {
        try await withSpool { spool, directory in
            try spool.store(["a"])
            try spool.store(["x"], lane: laneB)
            _ = try spool.planCutover(of: [laneA, laneB], from: old, to: new, isMain: true)
            try spool.store(["bag"], cut: 0)
            _ = try SpoolRecovery.setAside(directory: directory, wallMs: 0)
            try spool.reopen()
            try spool.use(both)
            let lanes = [laneA, laneB, makeName(LaneID.self, "table-3")]
            #expect(lanes.map(spool.assignments.receiver) == [new, old, new])
            #expect(spool.assignments.cutovers[laneB]?.target == new)
            try spool.store(["b"])
            #expect(try await waiting(spool, directory, new).labels == [wire("b")])
        }
    }
}
