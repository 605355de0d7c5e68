import Glibc
import Posix
import Synchronization
import TestSupport
import Testing

private actor Counter {
    private let thread: PollThread
    private(set) var seen: [String] = []
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ thread: PollThread) { self.thread = thread }

    func watch(_ fd: Int32, _ done: @escaping @Sendable (String) -> Void) throws {
        _ = try thread.watch(fd, for: .readable, named: "pipe") { _ in
            self.assumeIsolated { counter in
                var bytes = [UInt8](repeating: 0, count: 16)
                let count = read(fd, &bytes, bytes.count)
                counter.seen.append(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self))
                done(counter.seen.joined(separator: ","))
            }
        }
    }

    func arm(_ milliseconds: [Int64], _ done: @escaping @Sendable (String) -> Void) {
        for value in milliseconds {
            _ = thread.after(.milliseconds(value)) {
                self.assumeIsolated { counter in
                    counter.seen.append("\(value)")
                    if counter.seen.count == milliseconds.count { done(counter.seen.joined(separator: ",")) }
                }
            }
        }
    }

    func cancelled(_ done: @escaping @Sendable (String) -> Void) {
        let token = thread.after(.milliseconds(1)) { self.assumeIsolated { $0.seen.append("cancelled") } }
        thread.cancel(token)
        _ = thread.after(.milliseconds(5)) { self.assumeIsolated { done($0.seen.joined()) } }
    }
}

private actor Blocking {
    private let executor = ThreadExecutor(name: "test-blocking")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var order: [Int] = []

    func add(_ value: Int) -> [Int] {
        order.append(value)
        return order
    }

    func threadName() throws -> String {
        let text = try Files.read("/proc/thread-self/comm")
        return String(decoding: text.dropLast(), as: UTF8.self)
    }

    func stop() { executor.stop() }
}

@Suite(.timeLimit(.minutes(4))) struct ThreadTests {
    @Test func `a handler runs isolated to its actor when its descriptor is readable`() async throws {
        let thread = try PollThread(name: "test-poll")
        defer { thread.stop() }
        let counter = Counter(thread)
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let read = FileDescriptor(owning: ends[0])
        let write = FileDescriptor(owning: ends[1])
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        try await counter.watch(read.raw) { continuation.yield($0) }
        var texts = stream.makeAsyncIterator()
        try write.write(Array("one".utf8), subject: "pipe")
        #expect(await texts.next() == "one")
        try write.write(Array("two".utf8), subject: "pipe")
        #expect(await texts.next() == "one,two")
    }

    @Test func `timers run in the order they are due`() async throws {
        let thread = try PollThread(name: "test-poll")
        defer { thread.stop() }
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        await Counter(thread).arm([20, 1, 10]) { continuation.yield($0) }
        var texts = stream.makeAsyncIterator()
        #expect(await texts.next() == "1,10,20")
    }

    @Test func `a cancelled timer does not run`() async throws {
        let thread = try PollThread(name: "test-poll")
        defer { thread.stop() }
        let (stream, continuation) = AsyncStream.makeStream(of: String.self)
        await Counter(thread).cancelled { continuation.yield($0) }
        var texts = stream.makeAsyncIterator()
        #expect(await texts.next() == "")
    }

    @Test func `an actor's jobs run in order on the thread of that name`() async throws {
        let blocking = Blocking()
        for value in 0..<100 { _ = await blocking.add(value) }
        #expect(await blocking.add(100) == Array(0...100))
        #expect(try await blocking.threadName() == "test-blocking")
        await blocking.stop()
    }
}
