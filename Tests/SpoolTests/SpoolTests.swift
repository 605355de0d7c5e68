import Database
import Model
import Posix
import Spool
import TestSupport
import Testing

@Suite struct SpoolTests {
    @Test func `what a commit stored is there after the file is opened again`() throws {
        try withTemporaryDirectory { directory in
            var spool = try Spool(directory: directory, limits: SpoolLimits())
            let log = spool.log
            try spool.store(["SB00001", "0016586"])
            spool.close()
            spool = try Spool(directory: directory, limits: SpoolLimits())
            // Numbers of a copy that was put back are another log's.
            #expect(spool.log != log)
            #expect(spool.lanes[laneA]?.appended == 2)
            #expect(spool.lanes[laneA]?.state == Array("0016586".utf8))
            #expect(spool.sequence(of: laneA) == 2)
            #expect(spool.sequence(of: scanner) == 2)
            #expect(try spool.store(["0016587"]) == [3])
        }
    }

    @Test func `a number handed out to a failed commit is never used again`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.store(["SB00001"])
            var change = SpoolChange(now: moment())
            spool.handOut(lane: laneA, 2, device: scanner, 2)
            change.appends = [.init(n: spool.nextNumber(), lane: laneA, wire: [])]
            // The same place twice: SQLite refuses the commit.
            change.appends.append(.init(n: change.appends[0].n, lane: laneA, wire: []))
            #expect(throws: SpoolError.self) { try spool.commit(change) }
            try spool.reopen()
            #expect(spool.lanes[laneA]?.appended == 1)
            #expect(try spool.store(["SB00002"]) == [3])
            #expect(spool.sequence(of: laneA) == 3)
        }
    }

    @Test func `scans that come as blocks are stored each with its own bytes`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            let row = try spool.prepare(laneA)
            var change = SpoolChange(now: moment())
            change.laneStates[laneA] = []
            let labels = (1...5).map { Array("{\"data\":\"\($0)\($0)\"}".utf8.dropLast($0 % 2)) }
            change.appends = labels.map { _ in .init(n: spool.nextNumber(), lane: laneA, row: row) }
            try spool.commit(change) { index in
                var block = WireBlock()
                for label in labels[(index * 2)..<min(index * 2 + 2, 5)] {
                    block.bytes += label
                    block.ends.append(block.bytes.count)
                }
                return block
            }
            #expect(spool.lanes[laneA]?.appended == 5)
            let reader = try SpoolReader(directory: directory, groups: SpoolGroups([groupA]))
            #expect(try reader.scans([1, 2, 3, 4, 5]).map(\.wire) == labels)
        }
    }

    @Test func `numbers go on behind scans that are gone`() throws {
        try withTemporaryDirectory { directory in
            var spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.use(SpoolGroups([groupA]))
            let numbers = try spool.store(["SB00001", "SB00002"])
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: groupA, lane: laneA, cursor: numbers[1], settled: 2, exceptions: []))
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 2)
            spool.close()
            spool = try Spool(directory: directory, limits: SpoolLimits())
            #expect(try spool.store(["SB00003"]) == [3])
        }
    }

    @Test func `only scans that every group has settled are removed, and exceptions stay`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            let mirror = makeName(GroupID.self, "aws")
            try spool.use(SpoolGroups([groupA]))
            try spool.use(SpoolGroups([groupA], mirrors: [mirror]))
            let numbers = try spool.store(["SB00001", "SB00002", "SB00003"])
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: groupA, lane: laneA, cursor: numbers[2], settled: 3,
                    exceptions: [.init(n: numbers[0], state: .rejected, reason: "full")]))
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 0)
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: mirror, lane: laneA, cursor: numbers[1], settled: 2, exceptions: []))
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 1)
        }
    }

    @Test func `age counts by marks of a synced clock only`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.store(["SB00001"], at: 0)
            try spool.store(["SB00002"], at: 601)
            #expect(try spool.lastNumber(before: moment(600).wallMs) == 1)
            #expect(try spool.lastNumber(before: moment(0).wallMs) == nil)
        }
    }

    @Test func `an uplink under another name takes over its place, its rejected and its held scans`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.use(SpoolGroups([groupA]))
            let numbers = try spool.store(["SB00001", "SB00002"])
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: groupA, lane: laneA, cursor: numbers[0], settled: 1,
                    exceptions: [.init(n: numbers[0], state: .rejected, reason: "full")]))
            let renamed = makeName(GroupID.self, "renamed")
            try spool.use(SpoolGroups([renamed]))
            #expect(try spool.knownGroups() == [renamed])
            let reader = try SpoolReader(directory: directory, groups: SpoolGroups([groupA]))
            defer { reader.close() }
            let cursor = try #require(try reader.cursors(of: renamed).first)
            #expect(cursor.n == numbers[0])
            #expect(cursor.settled == 1)
            #expect(try reader.exceptions(.rejected, of: renamed, after: 0, limit: 9).map(\.reason) == ["full"])
        }
    }

    @Test func `a new mirror beside a primary begins where that one stands, with nothing for a person to look at`()
        throws
    {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.use(SpoolGroups([groupA]))
            let numbers = try spool.store(["SB00001", "SB00002"])
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: groupA, lane: laneA, cursor: numbers[1], settled: 2,
                    exceptions: [.init(n: numbers[0], state: .held, reason: "?")]))
            let mirror = makeName(GroupID.self, "aws")
            try spool.use(SpoolGroups([groupA], mirrors: [mirror]))
            let reader = try SpoolReader(directory: directory, groups: SpoolGroups([groupA]))
            defer { reader.close() }
            #expect(try reader.cursors(of: mirror).first?.n == numbers[1])
            #expect(try reader.exceptions(.held, of: mirror, after: 0, limit: 9).isEmpty)
        }
    }

    @Test func `an uplink that the configuration has no more keeps nothing from being removed`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            let mirror = makeName(GroupID.self, "aws")
            try spool.use(SpoolGroups([groupA], mirrors: [mirror]))
            let numbers = try spool.store(["SB00001"])
            try spool.settle(
                SettlementRecord(
                    log: spool.log, group: groupA, lane: laneA, cursor: numbers[0], settled: 1, exceptions: []))
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 0)
            try spool.use(SpoolGroups([groupA]))
            #expect(try spool.prune(olderThan: nil, atMost: 10) == 1)
        }
    }

    @Test func `each bound refuses with its own name`() throws {
        try withTemporaryDirectory { directory in
            var limits = SpoolLimits()
            limits.maxScans = 1
            let spool = try Spool(directory: directory, limits: limits)
            try spool.room()
            spool.unjudged = 1
            #expect(throws: SpoolError.self) { try spool.room() }
            spool.close()
            limits = SpoolLimits()
            limits.minFree = .max
            let starved = try Spool(directory: directory, limits: limits)
            let error = #expect(throws: SpoolError.self) { try starved.room() }
            #expect(error?.code == .full)
            #expect(error?.message.contains("min_free") == true)
            starved.close()
            limits = SpoolLimits()
            limits.maxBytes = 1
            let small = try Spool(directory: directory, limits: limits)
            let bytes = #expect(throws: SpoolError.self) { try small.room() }
            #expect(bytes?.message.contains("max_bytes") == true)
        }
    }

    @Test func `at max_bytes a scan is taken at once where judged scans can make way`() throws {
        try withTemporaryDirectory { directory in
            var limits = SpoolLimits()
            limits.maxBytes = 1 << 20
            let spool = try Spool(directory: directory, limits: limits)
            try spool.use(SpoolGroups([groupA]))
            var stored: Int64 = 0
            var last: Int64 = 0
            // Several times the bound.
            for _ in 0..<300 {
                // What is removed is in the WAL twice more, which must not count as full.
                try spool.room()
                last = try spool.store((0..<10).map { _ in String(repeating: "7", count: 1000) }).last ?? last
                stored += 10
                try spool.settle(
                    SettlementRecord(
                        log: spool.log, group: groupA, lane: laneA, cursor: last, settled: stored, exceptions: []))
            }
            spool.close()
        }
    }

    @Test func `a damaged file is set aside under a dated name, and a new one has another log id`() throws {
        try withTemporaryDirectory { directory in
            let first = try Spool(directory: directory, limits: SpoolLimits())
            try first.store(["SB00001"])
            let log = first.log
            first.close()
            try write([UInt8](repeating: 0x5A, count: 8192), to: directory + "/spool.db")
            let error = #expect(throws: SpoolError.self) { try Spool(directory: directory, limits: SpoolLimits()) }
            #expect(error?.code == .damaged)
            let kept = try SpoolRecovery.setAside(directory: directory, wallMs: 1_795_233_600_123)
            #expect(kept.hasSuffix("spool.db.damaged-20261121T040000123Z"))
            #expect(try read(kept).count == 8192)
            #expect(try Spool(directory: directory, limits: SpoolLimits()).log != log)
        }
    }

    @Test func `a spool of a later version is refused, and neither file nor WAL changes by a byte`() throws {
        try withTemporaryDirectory { directory in
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            try spool.store(["SB00001"])
            // Killed: what it wrote last is in the WAL. Another connection keeps that from being folded in.
            let other = try Connection(path: directory + "/spool.db")
            try other.execute("PRAGMA user_version = 99")
            try withTemporaryDirectory { later in
                for name in ["spool.db", "spool.db-wal"] {
                    try write(try read("\(directory)/\(name)"), to: "\(later)/\(name)")
                }
                let before = try ["spool.db", "spool.db-wal"].map { try read("\(later)/\($0)") }
                #expect(before[1].count > 0)
                #expect(throws: Migrations.NewerSchema.self) { try Spool(directory: later, limits: SpoolLimits()) }
                #expect(try ["spool.db", "spool.db-wal"].map { try read("\(later)/\($0)") } == before)
            }
            other.close()
            spool.close()
        }
    }
}
