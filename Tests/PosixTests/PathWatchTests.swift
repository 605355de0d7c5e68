import Glibc
import Posix
import TestSupport
import Testing

/// Watches paths, each under a name, and remembers whose watch was told something.
///
/// What is done within one `run` is done on the poll thread, which reads all events of it at once afterwards.
private actor Watchers {
    private let thread: PollThread
    private let names: AsyncStream<String>
    private let said: AsyncStream<String>.Continuation
    private var watches: [String: PathWatch] = [:]
    /// The names in the order of the calls.
    private(set) var calls: [String] = []
    /// What is done, once, within the call of the one with this name, before it looks what has happened.
    var acts: [String: @Sendable (isolated Watchers) throws -> Void] = [:]
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init() throws {
        thread = try PollThread(name: "test-watch")
        (names, said) = AsyncStream.makeStream()
    }

    func run<T: Sendable>(_ body: @Sendable (isolated Watchers) throws -> T) rethrows -> T { try body(self) }

    /// Who was told something, the first that was not asked for yet.
    nonisolated func next() async -> String? { await names.first { _ in true } }

    func start(_ name: String, _ path: String) throws {
        watches[name] = try PathWatch(path, on: thread) { self.assumeIsolated { $0.changed(name) } }
    }

    func concerns(_ name: String) -> Bool { watches[name]?.concernsPath() == true }

    func stop(_ name: String) { watches.removeValue(forKey: name)?.stop() }

    /// Ends all watches and the thread.
    func end() {
        for name in watches.keys { stop(name) }
        thread.stop()
    }

    private func changed(_ name: String) {
        calls.append(name)
        // Not before it has looked what is there: what comes afterwards is another call's.
        defer { said.yield(name) }
        do { try acts.removeValue(forKey: name)?(self) } catch { Issue.record(error) }
        guard concerns(name) else { return }
        watches[name]?.renew()
    }
}

@Suite(.timeLimit(.minutes(4))) struct PathWatchTests {
    private func withWatchers(_ body: (Watchers, _ directory: String) async throws -> Void) async throws {
        try await withTemporaryDirectory { directory in
            let watchers = try Watchers()
            do { try await body(watchers, directory) } catch {
                await watchers.end()
                throw error
            }
            await watchers.end()
        }
    }

    @Test func `a path is seen to come, even where its directory was missing`() async throws {
        try await withWatchers { watchers, directory in
            let path = directory + "/by-id/scanner"
            try await watchers.start("scanner", path)
            try Files.makeDirectory(directory + "/by-id")
            #expect(await watchers.next() == "scanner")
            try write([], to: path)
            #expect(await watchers.next() == "scanner")
        }
    }

    // A user may have 128 instances of what watches (inotify(7), max_user_instances).
    @Test func `hundreds of paths are watched at once, and what happens to one is told to those who watch it`()
        async throws
    {
        try await withWatchers { watchers, directory in
            // Two for each path.
            for number in 0..<300 { try await watchers.start("\(number)", "\(directory)/scanner-\(number / 2)") }
            // One of the two that watch it ends: the other goes on.
            await watchers.stop("201")
            try write([], to: directory + "/scanner-100")
            #expect(await watchers.next() == "200")
            try write([], to: directory + "/scanner-7")
            let both = [await watchers.next(), await watchers.next()]
            #expect(Set(both) == ["14", "15"])
            #expect(await watchers.calls.count == 3)
        }
    }

    @Test func `what is read at once for two is told to both, to each once`() async throws {
        try await withWatchers { watchers, directory in
            for name in ["a", "b", "last"] { try await watchers.start(name, "\(directory)/\(name)") }
            try await watchers.run { _ in
                for name in ["a", "b"] { try write([], to: "\(directory)/\(name)") }
            }
            let both = [await watchers.next(), await watchers.next()]
            #expect(Set(both) == ["a", "b"])
            try write([], to: directory + "/last")
            #expect(await watchers.next() == "last")
            #expect(await watchers.calls.count == 3)
        }
    }

    @Test func `what one who asks has read of another's is told to that one, and not before the asking is over`()
        async throws
    {
        try await withWatchers { watchers, directory in
            for name in ["a", "b", "c"] { try await watchers.start(name, "\(directory)/\(name)") }
            let (isOwn, calls) = try await watchers.run { watchers in
                try write([], to: directory + "/b")
                return (watchers.concerns("a"), watchers.calls)
            }
            #expect(!isOwn && calls.isEmpty)
            #expect(await watchers.next() == "b")
            // Whoever has asked knows, and is not called.
            let knows = try await watchers.run { watchers in
                for name in ["a", "c"] { try write([], to: "\(directory)/\(name)") }
                return watchers.concerns("a")
            }
            #expect(knows)
            #expect(await watchers.next() == "c")
            #expect(await watchers.calls == ["b", "c"])
        }
    }

    @Test func `one that another's call has ended is told nothing more`() async throws {
        try await withWatchers { watchers, directory in
            for name in ["a", "b", "last"] { try await watchers.start(name, "\(directory)/\(name)") }
            try await watchers.run { watchers in
                // Whichever comes first.
                watchers.acts = ["a": { $0.stop("b") }, "b": { $0.stop("a") }]
                for name in ["a", "b"] { try write([], to: "\(directory)/\(name)") }
            }
            _ = await watchers.next()
            try write([], to: directory + "/last")
            #expect(await watchers.next() == "last")
            #expect(await watchers.calls.count == 2)
        }
    }

    @Test func `one that began within another's call is told what the other has read`() async throws {
        try await withWatchers { watchers, directory in
            try await watchers.start("a", directory + "/a")
            await watchers.run { watchers in
                watchers.acts["a"] = { watchers in
                    try watchers.start("b", directory + "/b")
                    try write([], to: directory + "/b")
                }
            }
            try write([], to: directory + "/a")
            #expect(await watchers.next() == "a")
            #expect(await watchers.next() == "b")
            #expect(await watchers.calls.count == 2)
        }
    }

    @Test func `the last one may end within its own call, and who begins afterwards is told`() async throws {
        try await withWatchers { watchers, directory in
            for round in 1...3 {
                try await watchers.run { watchers in
                    try watchers.start("a", "\(directory)/a\(round)")
                    watchers.acts["a"] = { $0.stop("a") }
                    try write([], to: "\(directory)/a\(round)")
                }
                #expect(await watchers.next() == "a")
            }
            #expect(await watchers.calls.count == 3)
        }
    }

    @Test func `of a directory that was moved away, with another in its place, only the other is watched`() async throws
    {
        try await withWatchers { watchers, directory in
            let place = directory + "/by-id"
            try Files.makeDirectory(place)
            for name in ["a", "b"] { try await watchers.start(name, "\(place)/\(name)") }
            try await watchers.run { _ in
                #expect(rename(place, directory + "/elsewhere") == 0)
                try Files.makeDirectory(place)
            }
            let both = [await watchers.next(), await watchers.next()]
            #expect(Set(both) == ["a", "b"])
            try await watchers.run { _ in
                try write([], to: directory + "/elsewhere/a")
                try write([], to: place + "/b")
            }
            #expect(await watchers.next() == "b")
            try write([], to: place + "/a")
            #expect(await watchers.next() == "a")
            #expect(await watchers.calls.count == 4)
        }
    }

    @Test func `a directory that was moved away is watched again when it is back`() async throws {
        try await withWatchers { watchers, directory in
            let (place, elsewhere) = (directory + "/by-id", directory + "/elsewhere")
            try Files.makeDirectory(place)
            try await watchers.start("a", place + "/a")
            #expect(rename(place, elsewhere) == 0)
            #expect(await watchers.next() == "a")
            // Not there: what happens to it elsewhere is nobody's.
            try await watchers.run { _ in
                try write([], to: elsewhere + "/a")
                #expect(unlink(elsewhere + "/a") == 0)
                #expect(rename(elsewhere, place) == 0)
            }
            #expect(await watchers.next() == "a")
            try write([], to: place + "/a")
            #expect(await watchers.next() == "a")
            #expect(await watchers.calls.count == 3)
        }
    }
}
