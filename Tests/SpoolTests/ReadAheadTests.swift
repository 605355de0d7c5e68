import Glibc
import Model
import Posix
import TestSupport
import Testing

@testable import Spool

/// Which stretches are read in order, told what came from the disk.
@Suite struct ReadAheadTests {
    @Test
    func
        `after a start the stretch of a lane's batch is read in order, and what is in it for the others is not read again`()
    {
        var ahead = ReadAhead()
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == 1...640)
        ahead.note(stretch: true, fromDisk: true)
        #expect(ahead.stretch(from: 3, to: 600, holding: 10) == nil)
        ahead.note(stretch: false, fromDisk: false)
        // Another lane's batch ends a little behind it.
        #expect(ahead.stretch(from: 5, to: 643, holding: 10) == 641...643)
        ahead.note(stretch: true, fromDisk: true)
        // The next round.
        #expect(ahead.stretch(from: 644, to: 1280, holding: 10) == 644...1280)
    }

    @Test func `nothing is read ahead once a stretch was in memory already, until a batch comes from the disk`() {
        var ahead = ReadAhead()
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == 1...640)
        ahead.note(stretch: true, fromDisk: false)
        #expect(ahead.stretch(from: 641, to: 1280, holding: 10) == nil)
        ahead.note(stretch: false, fromDisk: true)
        #expect(ahead.stretch(from: 1281, to: 1920, holding: 10) == 1281...1920)
    }

    @Test func `what was read in order and is gone from memory again is read in order again`() {
        var ahead = ReadAhead()
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == 1...640)
        ahead.note(stretch: true, fromDisk: true)
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == nil)
        ahead.note(stretch: false, fromDisk: true)
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == 1...640)
    }

    @Test func `what is in memory without a stretch is not asked about again`() {
        var ahead = ReadAhead()
        #expect(ahead.stretch(from: 1, to: 10, holding: 10) == nil)
        ahead.note(stretch: false, fromDisk: false)
        #expect(!ahead.isCold)
    }

    @Test func `a lane alone is left alone, and so is one whose scans are far apart`() {
        var ahead = ReadAhead()
        #expect(ahead.stretch(from: 1, to: 10, holding: 10) == nil)
        #expect(ahead.stretch(from: 1, to: 641, holding: 10) == nil)
        #expect(ahead.stretch(from: 1, to: 640, holding: 10) == 1...640)
    }

    @Test func `a page of another lane's that cannot be read keeps no lane from being read`() throws {
        try withTemporaryDirectory { directory in
            // A scan a page.
            func label(_ n: Int) -> String { "scan \(n) " + String(repeating: "x", count: 3500) }
            let spool = try Spool(directory: directory, limits: SpoolLimits())
            for n in 0..<20 { try spool.store([label(n)], lane: n.isMultiple(of: 2) ? laneA : laneB) }
            spool.close()
            let path = directory + "/spool.db"
            let bytes = try Files.read(path, limit: 1 << 20)
            let place = try #require(bytes.firstRange(of: Array("scan 7 ".utf8))?.lowerBound)
            // The first byte says what kind of page it is (sqlite.org/fileformat2.html#b_tree_pages).
            let file = try FileDescriptor.open(path, O_WRONLY)
            #expect(pwrite(file.raw, [UInt8(0)], 1, place / 4096 * 4096) == 1)

            let reader = try SpoolReader(directory: directory, groups: SpoolGroups([groupA]))
            defer { reader.close() }
            let read = try reader.scans(of: laneA, after: 0, upTo: .max, group: groupA, limit: 20)
            #expect(read.map { String(decoding: $0.scan.wire, as: UTF8.self) } == (0..<10).map { wire(label($0 * 2)) })
            #expect(throws: SpoolError.self) {
                try reader.scans(of: laneB, after: 0, upTo: .max, group: groupA, limit: 20)
            }
        }
    }
}
