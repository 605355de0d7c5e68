import Model
import Spool
import TestSupport
import Testing

@Suite struct SpoolLogTests {
    @Test func `a lane's scans come in order, and not again once they are settled`() async throws {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["a", "b", "c"])
            log.noteAppended(await writer.appended)
            #expect(try await log.lanesWaiting(for: groupA) == [laneA: 3])
            let first = try await log.waiting(for: groupA, lane: laneA, maxScans: 2, maxBytes: 10_000)
            #expect(labels(first) == [wire("a"), wire("b")])
            try await log.settle(
                group: groupA, lane: laneA, [(numbers[0], .done), (numbers[1], .done)], durable: false)
            let second = try await log.waiting(for: groupA, lane: laneA, maxScans: 2, maxBytes: 10_000)
            #expect(labels(second) == [wire("c")])
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 1, rejected: 0, held: 0))
        }
    }

    @Test func `scans left without a verdict come first the next time, and the cursor stays before them`() async throws
    {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["a", "b", "c"])
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 3, maxBytes: 10_000)
            try await log.settle(
                group: groupA, lane: laneA, [(numbers[0], .done), (numbers[2], .done)], durable: false)
            let again = try await log.waiting(for: groupA, lane: laneA, maxScans: 3, maxBytes: 10_000)
            #expect(labels(again) == [wire("b")])
            #expect(await writer.records.last?.cursor == numbers[0])
            try await log.settle(group: groupA, lane: laneA, [(numbers[1], .done)], durable: false)
            #expect(await writer.records.last?.cursor == numbers[2])
            #expect(await writer.records.last?.settled == 3)
        }
    }

    @Test func `one scan over the byte bound still goes, alone`() async throws {
        try await withLog { writer, log, _ in
            _ = try await writer.store([String(repeating: "x", count: 500), "b"])
            log.noteAppended(await writer.appended)
            #expect(try await log.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 100).count == 1)
        }
    }

    @Test func `a rejected scan is kept with its reason, can be sent back, and then comes first`() async throws {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["a", "b"])
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 1, maxBytes: 10_000)
            try await log.settle(
                group: groupA, lane: laneA, [(numbers[0], .rejected(reason: "Parent bag is full"))], durable: false)
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 1, rejected: 1, held: 0))
            let kept = try await log.read { try $0.exceptions(.rejected, of: groupA, after: 0, limit: 10) }
            #expect(kept.map(\.reason) == ["Parent bag is full"])
            let moved = try await log.move(numbers, from: [.rejected, .held], to: .requeued, group: groupA, reason: "")
            #expect(moved.count == 1)
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 2, rejected: 0, held: 0))
            let next = try await log.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 10_000)
            #expect(labels(next) == [wire("a")])
            try await log.settle(group: groupA, lane: laneA, [(numbers[0], .done)], durable: false)
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 1, rejected: 0, held: 0))
            #expect(
                labels(try await log.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 10_000)) == [wire("b")])
        }
    }

    @Test func `after a restart the log goes on where the last durable cursor stood`() async throws {
        try await withLog { writer, log, directory in
            let numbers = try await writer.store(["a", "b", "c"])
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 3, maxBytes: 10_000)
            try await log.settle(
                group: groupA, lane: laneA, [(numbers[0], .done), (numbers[2], .held(reason: "?"))], durable: true)
            let restarted = try SpoolLog(directory: directory, groups: SpoolGroups([groupA]), sink: writer)
            #expect(
                labels(try await restarted.waiting(for: groupA, lane: laneA, maxScans: 9, maxBytes: 10_000)) == [
                    wire("b")
                ])
            #expect(restarted.counts(of: groupA).held == 1)
            await restarted.close()
        }
    }

    @Test func `lanes have cursors of their own`() async throws {
        try await withLog { writer, log, _ in
            let first = try await writer.store(["a"], lane: laneA)
            _ = try await writer.store(["b"], lane: laneB)
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 9, maxBytes: 10_000)
            try await log.settle(group: groupA, lane: laneA, [(first[0], .done)], durable: false)
            #expect(try await log.lanesWaiting(for: groupA) == [laneB: 1])
        }
    }

    @Test func `a search finds scans by what their bytes hold`() async throws {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["SB00001", "0016586", "0016587"])
            let found = try await log.read {
                try $0.containing(Array("0016587".utf8), group: groupA, after: 0, limit: 9)
            }
            #expect(found.map(\.scan.n) == [numbers[2]])
            #expect(found.map(\.isSettled) == [false])
        }
    }

    @Test func `the oldest waiting scan is the one no cursor has passed`() async throws {
        try await withLog { writer, log, _ in
            let first = try await writer.store(["a", "b"], lane: laneA)
            _ = try await writer.store(["c"], lane: laneB)
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 1, maxBytes: 10_000)
            try await log.settle(group: groupA, lane: laneA, [(first[0], .done)], durable: true)
            let oldest = try await log.read { try $0.oldestWaiting(for: groupA) }
            #expect(oldest?.n == first[1])
        }
    }

    @Test func `a held scan that is released before its turn comes in its place, and once`() async throws {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["a", "b", "c"])
            let held = SettlementRecord(
                log: await writer.log, group: groupA, lane: laneA, cursor: 0, settled: 0,
                exceptions: [.init(n: numbers[1], state: .held, reason: "?")])
            try await writer.settle(held, durable: true)
            log.noteAppended(await writer.appended)
            log.noteHeld(1, groupA)
            _ = try await log.move([numbers[1]], from: [.held], to: .requeued, group: groupA, reason: "")
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 3, rejected: 0, held: 0))
            let batch = try await log.waiting(for: groupA, lane: laneA, maxScans: 9, maxBytes: 10_000)
            #expect(labels(batch) == [wire("a"), wire("b"), wire("c")])
            try await log.settle(group: groupA, lane: laneA, numbers.map { ($0, .done) }, durable: false)
            #expect(try await log.waiting(for: groupA, lane: laneA, maxScans: 9, maxBytes: 10_000).isEmpty)
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 0, rejected: 0, held: 0))
        }
    }

    @Test func `a rejected scan sent back while those before it still wait comes in its place`() async throws {
        try await withLog { writer, log, _ in
            let numbers = try await writer.store(["a", "b", "c"])
            log.noteAppended(await writer.appended)
            _ = try await log.waiting(for: groupA, lane: laneA, maxScans: 3, maxBytes: 10_000)
            try await log.settle(
                group: groupA, lane: laneA, [(numbers[1], .rejected(reason: "full")), (numbers[2], .done)],
                durable: false)
            _ = try await log.move([numbers[1]], from: [.rejected], to: .requeued, group: groupA, reason: "")
            let again = try await log.waiting(for: groupA, lane: laneA, maxScans: 3, maxBytes: 10_000)
            #expect(labels(again) == [wire("a"), wire("b")])
            #expect(log.counts(of: groupA).waiting == 2)
        }
    }
}
