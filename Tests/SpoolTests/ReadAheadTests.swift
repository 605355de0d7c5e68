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
}
