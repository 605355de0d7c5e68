import Glibc
import Model
import Posix
import Spool
import TestSupport
import Testing

/// A file that was set aside while answers for its scans were under way.
@Suite struct ReplacedFileTests {
    @Test func `an answer for a scan of the old file settles and rejects nothing of the new one`() async throws {
        try await withTemporaryDirectory { directory in
            let old = try Writer(directory: directory)
            let log = try SpoolLog(directory: directory, groups: SpoolGroups([groupA]), sink: old)
            let before = try await old.store(["a", "b", "c"])
            log.noteAppended(await old.appended)
            let sent = try await log.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 10_000)
            #expect(sent.map(\.n) == before)
            let after = try await old.replaceFile(["A", "B", "C", "D"])
            try await log.reopen()
            log.noteAppended(await old.appended)
            #expect(Set(after).isDisjoint(with: before))
            // The lane's next scans are in hand already when the answer for the old ones comes.
            let next = try await log.waiting(for: groupA, lane: laneA, maxScans: 2, maxBytes: 10_000)
            #expect(labels(next) == [wire("A"), wire("B")])
            try await log.settle(
                group: groupA, lane: laneA,
                [(before[0], .done), (before[1], .rejected(reason: "full")), (before[2], .held(reason: "?"))],
                durable: true)
            #expect(log.counts(of: groupA) == SpoolCounts(waiting: 4, rejected: 0, held: 0))
            let all = try await log.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 10_000)
            #expect(labels(all) == [wire("A"), wire("B"), wire("C"), wire("D")])
            let restarted = try SpoolLog(directory: directory, groups: SpoolGroups([groupA]), sink: old)
            #expect(restarted.counts(of: groupA) == SpoolCounts(waiting: 4, rejected: 0, held: 0))
            #expect(
                try await restarted.waiting(for: groupA, lane: laneA, maxScans: 10, maxBytes: 10_000).map(\.n) == after)
            await restarted.close()
            await log.close()
            await old.close()
        }
    }

    @Test func `where the new file cannot be read yet, the log goes on with the old one`() async throws {
        try await withLog { writer, log, directory in
            _ = try await writer.store(["a"])
            #expect(rename(directory + "/spool.db", directory + "/aside") == 0)
            await #expect(throws: SpoolError.self) { try await log.reopen() }
            #expect(rename(directory + "/aside", directory + "/spool.db") == 0)
            log.noteAppended(await writer.appended)
            let waiting = try await log.waiting(for: groupA, lane: laneA, maxScans: 9, maxBytes: 10_000)
            #expect(labels(waiting) == [wire("a")])
            _ = try await log.checkpoint()
        }
    }

    @Test func `a file that cannot be opened again makes every call an error, and is used once it can`() throws {
        try withTemporaryDirectory { directory in
            let state = directory + "/state"
            try Files.makeDirectory(state)
            let spool = try Spool(directory: state, limits: SpoolLimits())
            try spool.use(SpoolGroups([groupA]))
            let first = try spool.store(["a"])
            #expect(rename(state, state + "-away") == 0)
            #expect(throws: SpoolError.self) { try spool.reopen() }
            #expect(throws: SpoolError.self) { try spool.store(["b"]) }
            #expect(throws: SpoolError.self) { try spool.store(["b"], lane: laneB) }
            #expect(throws: SpoolError.self) { try spool.checkpoint() }
            #expect(throws: SpoolError.self) { try spool.use(SpoolGroups([groupA])) }
            #expect(throws: SpoolError.self) { try spool.prune(olderThan: nil, atMost: 1) }
            #expect(try spool.bytes() == 0)
            #expect(rename(state + "-away", state) == 0)
            try spool.reopen()
            let second = try spool.store(["b"])
            #expect(second[0] > first[0])
            spool.close()
            spool.close()
        }
    }
}

extension Writer {
    /// Sets the file aside as the intake does, and stores labels in a new one.
    func replaceFile(_ labels: [String]) throws -> [Int64] {
        try withSpool { spool, directory in
            _ = try SpoolRecovery.setAside(directory: directory, wallMs: 1_795_233_600_000)
            try spool.reopen()
            try spool.use(SpoolGroups([groupA]))
            return try spool.store(labels)
        }
    }
}
