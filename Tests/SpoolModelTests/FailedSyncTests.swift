import CFaultyDisk
import Model
import Spool
import TestSupport
import Testing

/// A disk whose sync fails: what was written is in the kernel's cache and reads well, but is never written out.
@Suite struct FailedSyncTests {
    @Test func `a scan stored after a failed sync and a kill outlives a power cut`() throws {
        try withTemporaryDirectory { directory in
            let disk = try #require(faulty_disk_make(directory, 7))
            defer { faulty_disk_free(disk) }
            let lane = try name(LaneID.self, "table-1")
            func store(_ spool: Spool) throws {
                try spool.prepare(lane)
                var change = SpoolChange(now: Moment(uptimeNs: 0, wallMs: 0, synced: false))
                let n = spool.nextNumber()
                change.appends = [.init(n: n, lane: lane, wire: Array("\(n)".utf8))]
                change.laneStates[lane] = Array("\(n)".utf8)
                try spool.commit(change)
            }
            var spool = try Spool(directory: directory, limits: SpoolLimits())
            try store(spool)
            faulty_disk_break(disk, FAULTY_SYNC, 0, 1)
            #expect(throws: SpoolError.self) { try store(spool) }
            faulty_disk_cut_power(disk)
            spool.close()
            faulty_disk_thaw(disk)
            // It finds the failed commit in the WAL, whole, and goes on behind it.
            spool = try Spool(directory: directory, limits: SpoolLimits())
            let found = spool.lanes[lane]?.appended
            try store(spool)
            let stored = spool.lanes[lane]
            faulty_disk_cut_power(disk)
            spool.close()
            faulty_disk_restore_power(disk)
            spool = try Spool(directory: directory, limits: SpoolLimits())
            #expect(found == 2)
            #expect(spool.lanes[lane] == stored)
            spool.close()
        }
    }
}
