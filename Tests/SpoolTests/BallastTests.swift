import Glibc
import Posix
import Spool
import TestSupport
import Testing

@Suite struct BallastTests {
    @Test func `it is laid down with all its blocks, and with those that a copy of it has lost`() throws {
        try withTemporaryDirectory { directory in
            let ballast = Ballast(directory: directory, minFree: 0)
            #expect(ballast.missing == 0 && !ballast.isThere)
            let path = directory + "/ballast"
            #expect(ballast.layDown() == .whole && ballast.isThere)
            #expect(Files.status(path)?.size == Ballast.size && Files.status(path)?.mode == 0o600)
            #expect(blocks(path) == Ballast.size)
            // As cp leaves it.
            #expect(truncate(path, 0) == 0 && truncate(path, off_t(Ballast.size)) == 0)
            #expect(ballast.missing == 0 && blocks(path) == 0)
            #expect(ballast.layDown() == .whole && blocks(path) == Ballast.size)
        }
    }

    @Test func `it takes nothing of min_free, and a step that was given up is missing until there is room`() throws {
        try withTemporaryDirectory { directory in
            let room = Ballast(directory: directory, minFree: 0)
            let none = Ballast(directory: directory, minFree: .max / 2)
            #expect(none.layDown() == .noRoom && !none.isThere)
            #expect(room.layDown() == .whole)
            // There is room: nothing is given up.
            #expect(!room.giveUp() && room.missing == 0)
            #expect(truncate(directory + "/ballast", off_t(Ballast.size - Ballast.step)) == 0)
            #expect(none.layDown() == .noRoom && none.missing == Ballast.step)
            #expect(none.wanted == .max / 2 + 2 * Ballast.step)
            #expect(room.layDown() == .whole && room.missing == 0 && blocks(directory + "/ballast") == Ballast.size)
        }
    }

    // ext2 has no fallocate(2): the C library writes the blocks itself, and reads what is there before.
    @Test func `on a filesystem that cannot allocate, what was given up is laid down again all the same`() throws {
        try withTemporaryDirectory { directory in
            let (image, disk) = (directory + "/image", directory + "/disk")
            func run(_ program: String, _ arguments: [String]) -> Bool {
                (try? ChildProcess(program, arguments, output: directory + "/log"))?.wait() == 0
            }
            try Files.replace(image, with: [])
            try Files.makeDirectory(disk)
            guard truncate(image, 32 << 20) == 0, run("/usr/sbin/mkfs.ext2", ["-q", "-m", "0", image]),
                run("/usr/bin/mount", ["-o", "loop", image, disk])
            else { return print("skipped, it wants root and a loop device: a filesystem that cannot allocate") }
            // Lazily, as whatever looks through all mounts may be in it.
            defer { umount2(disk, 2) }
            let ballast = Ballast(directory: disk, minFree: 0)
            #expect(ballast.layDown() == .whole)
            #expect(truncate(disk + "/ballast", off_t(Ballast.size - Ballast.step)) == 0)
            #expect(ballast.layDown() == .whole && ballast.missing == 0)
        }
    }

    @Test func `where there is room and it cannot be made all the same, scans are taken`() throws {
        try withTemporaryDirectory { directory in
            // Nobody's ballast: it can be neither opened nor removed.
            try Files.makeDirectory(directory + "/ballast")
            let ballast = Ballast(directory: directory, minFree: 0)
            #expect(ballast.missing > 0)
            guard case .failed(let why) = ballast.layDown() else { throw SetupError("a directory was laid down") }
            #expect(why.contains(directory + "/ballast"))
            var limits = SpoolLimits()
            limits.minFree = 0
            let spool = try Spool(directory: directory, limits: limits)
            spool.keepBallast()
            try spool.room()
            spool.close()
        }
    }

    private func blocks(_ path: String) -> Int64 {
        var file = stat()
        return stat(path, &file) == 0 ? Int64(file.st_blocks) * 512 : -1
    }
}
