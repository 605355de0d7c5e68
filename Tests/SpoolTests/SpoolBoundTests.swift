import Database
import Spool
import TestSupport
import Testing

@Suite struct SpoolBoundTests {
    @Test func `who reads while the WAL is to be folded in makes a spool full at worst, and no fault of it`() throws {
        try withTemporaryDirectory { directory in
            var limits = SpoolLimits()
            limits.maxBytes = 2 << 20
            let spool = try Spool(directory: directory, limits: limits)
            try spool.store(["SB00001"])
            let reader = try Connection(path: directory + "/spool.db", mode: .readOnly)
            try reader.execute("BEGIN")
            #expect(try reader.first("SELECT count(*) FROM scan") { $0.integer(0) } == 1)
            // Half the bound of scans, the other half and more of WAL.
            for _ in 0..<100 { try spool.store((0..<10).map { _ in String(repeating: "7", count: 1000) }) }
            let error = #expect(throws: SpoolError.self) { try spool.room() }
            #expect(error?.code == .full, "\(error?.description ?? "")")
            // Its own commits go on: verdicts make room.
            try spool.store(["SB00002"])
            try reader.execute("COMMIT")
            reader.close()
            // Seen at once, not after the next 64 commits.
            try spool.room()
            spool.close()
        }
    }
}
