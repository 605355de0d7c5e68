import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

private actor Watcher {
    private let thread: PollThread
    private var watch: PathWatch?
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
    init(_ thread: PollThread) { self.thread = thread }

    func start(_ path: String, _ changed: @escaping @Sendable () -> Void) throws {
        watch = try PathWatch(path, on: thread) {
            guard self.assumeIsolated({ $0.isConcerned() }) else { return }
            changed()
        }
    }

    func stop() { watch?.stop() }

    private func isConcerned() -> Bool {
        defer { watch?.renew() }
        return watch?.concernsPath() == true
    }
}

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

    @Test func `a path is seen to come, even where its directory was missing`() async throws {
        try await withTemporaryDirectory { directory in
            let thread = try PollThread(name: "test-watch")
            let watcher = Watcher(thread)
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            let path = directory + "/by-id/scanner"
            try await watcher.start(path) { continuation.yield() }
            var changes = stream.makeAsyncIterator()
            try Files.makeDirectory(directory + "/by-id")
            await changes.next()
            try write([], to: path)
            while Files.status(path) == nil { await changes.next() }
            await watcher.stop()
            thread.stop()
        }
    }

    // A user may have 128 instances of what watches (inotify(7), max_user_instances).
    @Test func `hundreds of paths are watched at once, and what happens to one is told to those who watch it`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let thread = try PollThread(name: "test-watch")
            let told = Mutex<[Int]>([])
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            let watchers = (0..<300).map { _ in Watcher(thread) }
            // Two for each path.
            for (number, watcher) in watchers.enumerated() {
                try await watcher.start("\(directory)/scanner-\(number / 2)") {
                    told.withLock { $0.append(number) }
                    continuation.yield()
                }
            }
            var changes = stream.makeAsyncIterator()
            // One of the two that watch it ends: the other goes on.
            await watchers[201].stop()
            try write([], to: directory + "/scanner-100")
            await changes.next()
            try write([], to: directory + "/scanner-7")
            while told.withLock({ Set($0).count }) < 3 { await changes.next() }
            #expect(told.withLock { Set($0) } == [200, 14, 15])
            for watcher in watchers { await watcher.stop() }
            thread.stop()
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
