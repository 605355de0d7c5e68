import Glibc
import Model
import Posix
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct FilesTests {
    @Test func `a file is replaced whole, with its mode`() throws {
        try withTemporaryDirectory { directory in
            let path = directory + "/key"
            try Files.replace(path, with: [1, 2, 3])
            try Files.replace(path, with: [4])
            #expect(try Files.read(path) == [4])
            #expect(Files.status(path)?.mode == 0o600)
            #expect(Files.names(in: directory) == ["key"])
        }
    }

    @Test func `a larger file than asked for is an error`() throws {
        try withTemporaryDirectory { directory in
            try write([UInt8](repeating: 0, count: 100), to: directory + "/big")
            #expect(throws: SystemError.self) { try Files.read(directory + "/big", limit: 99) }
        }
    }

    @Test func `a lock is had once, and names its holder`() throws {
        try withTemporaryDirectory { directory in
            let lock = try FileLock(directory + "/lock")
            let held = #expect(throws: FileLock.Held.self) { _ = try FileLock(directory + "/lock") }
            #expect(held?.holder == "process \(getpid())")
            _ = consume lock
            // A program that another test starts at this moment holds a copy of the descriptor until its exec.
            var isHadAgain = false
            for _ in 0..<10_000 where !isHadAgain {
                do {
                    _ = try FileLock(directory + "/lock")
                    isHadAgain = true
                } catch is FileLock.Held { sched_yield() }
            }
            #expect(isHadAgain)
        }
    }

    @Test func `a socket's peer is known to the kernel`() throws {
        try withTemporaryDirectory { directory in
            let listener = try UnixSocket.listen(directory + "/s", group: nil)
            let client = try UnixSocket.connect(directory + "/s")
            guard let server = UnixSocket.accept(listener.raw) else { throw SetupError("no connection waits") }
            let peer = try #require(UnixSocket.peer(server.raw))
            #expect(peer.process == getpid())
            #expect(peer.user == getuid())
            #expect(Files.status(directory + "/s")?.mode == 0o660)
            _ = consume client
        }
    }

    @Test func `the system's clocks read sensibly`() {
        let clock = TimeSource.system
        let (first, second) = (clock.now(), clock.now())
        #expect(second.uptimeNs >= first.uptimeNs)
        #expect(first.wallMs > 1_600_000_000_000)
        #expect(UUID(clock.bootID) != nil)
    }
}
