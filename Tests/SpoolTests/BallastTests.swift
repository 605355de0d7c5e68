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
            #expect(ballast.layDown() && ballast.isThere)
            #expect(Files.status(path)?.size == Ballast.size && Files.status(path)?.mode == 0o600)
            #expect(blocks(path) == Ballast.size)
            // As cp leaves it.
            #expect(truncate(path, 0) == 0 && truncate(path, off_t(Ballast.size)) == 0)
            #expect(ballast.missing == 0 && blocks(path) == 0)
            #expect(ballast.layDown() && blocks(path) == Ballast.size)
        }
    }

    @Test func `it takes nothing of min_free, and a step that was given up is missing until there is room`() throws {
        try withTemporaryDirectory { directory in
            let room = Ballast(directory: directory, minFree: 0)
            let none = Ballast(directory: directory, minFree: .max / 2)
            #expect(!none.layDown() && !none.isThere)
            #expect(room.layDown())
            // There is room: nothing is given up.
            #expect(!room.giveUp() && room.missing == 0)
            #expect(truncate(directory + "/ballast", off_t(Ballast.size - Ballast.step)) == 0)
            #expect(!none.layDown() && none.missing == Ballast.step)
            #expect(none.wanted == .max / 2 + 2 * Ballast.step)
            #expect(room.layDown() && room.missing == 0 && blocks(directory + "/ballast") == Ballast.size)
        }
    }

    private func blocks(_ path: String) -> Int64 {
        var file = stat()
        return stat(path, &file) == 0 ? Int64(file.st_blocks) * 512 : -1
    }
}
