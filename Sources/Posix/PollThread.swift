internal import CLinux
internal import Glibc
internal import Model

/// One thread that waits for descriptors (epoll) and runs the jobs of the actors that own them.
///
/// A driver is an actor whose `unownedExecutor` is this thread; it registers its descriptors and timers here, and its
/// handlers run on this thread, where `assumeIsolated` is true. Nothing wakes without cause: with no descriptor
/// ready, no timer due and no job, the thread sleeps in `epoll_wait`.
public final class PollThread: SerialExecutor, @unchecked Sendable {
    // @unchecked: `jobs`, `stopping` and `sleeping` are touched only with `lock` held; `watches`, `timers` and `inotify`
    // only on the thread itself.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var stopping = false
    private var sleeping = false
    private var watches: [UInt64: (fd: Int32, handler: @Sendable (Events) -> Void)] = [:]
    private var timers: [(due: Int64, token: UInt64, handler: @Sendable () -> Void)] = []
    private var lastToken: UInt64 = 0
    /// What watches paths for this thread's owners; nil while none is watched. On the thread only.
    var inotify: Inotify?
    private let epoll: FileDescriptor
    private let wake: FileDescriptor
    private var thread = pthread_t()

    /// What a descriptor is ready for.
    public struct Events: OptionSet, Sendable {
        /// The kernel's bits.
        public let rawValue: UInt32
        /// A set of these bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Something to read.
        public static let readable = Events(rawValue: EPOLLIN.rawValue)
        /// Room to write.
        public static let writable = Events(rawValue: EPOLLOUT.rawValue)
        /// The other end is gone, or the descriptor failed; always reported.
        public static let hungUp = Events(rawValue: EPOLLHUP.rawValue | EPOLLERR.rawValue)
    }

    /// Names a watch or a timer.
    public struct Token: Sendable, Equatable {
        let value: UInt64
    }

    /// Starts the thread.
    public init(name: String) throws(SystemError) {
        let epollDescriptor = scangate_epoll_create()
        guard epollDescriptor >= 0 else { throw SystemError("make", "an epoll set") }
        epoll = FileDescriptor(owning: epollDescriptor)
        let wakeDescriptor = scangate_eventfd()
        guard wakeDescriptor >= 0 else { throw SystemError("make", "an eventfd") }
        wake = FileDescriptor(owning: wakeDescriptor)
        guard scangate_epoll_control(epoll.raw, EPOLL_CTL_ADD, wake.raw, EPOLLIN.rawValue, 0) == 0 else {
            throw SystemError("watch", "an eventfd")
        }
        pthread_mutex_init(lock, nil)
        thread = Threads.start(name: name) { [self] in work() }
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        pthread_mutex_lock(lock)
        jobs.append(unowned)
        rouse()
        pthread_mutex_unlock(lock)
    }

    /// Called by the runtime, so that `assumeIsolated` in a handler is understood.
    public func checkIsolated() {
        precondition(pthread_equal(pthread_self(), thread) != 0, "called off the poll thread")
    }

    /// Ends the thread once the jobs enqueued so far have run. Does not wait; descriptors stay open.
    public func stop() {
        pthread_mutex_lock(lock)
        stopping = true
        rouse()
        pthread_mutex_unlock(lock)
    }

    /// Calls `handler` on this thread whenever the descriptor is ready. On this thread only.
    ///
    /// Remove the watch before the descriptor is closed: the kernel may give its number to another file.
    public func watch(
        _ fd: Int32, for events: Events, named subject: String, _ handler: @escaping @Sendable (Events) -> Void
    ) throws(SystemError) -> Token {
        checkIsolated()
        lastToken += 1
        guard scangate_epoll_control(epoll.raw, EPOLL_CTL_ADD, fd, events.rawValue, lastToken) == 0 else {
            throw SystemError("watch", subject)
        }
        watches[lastToken] = (fd, handler)
        return Token(value: lastToken)
    }

    /// Changes what a watch waits for. On this thread only.
    public func change(_ token: Token, to events: Events) {
        checkIsolated()
        guard let watch = watches[token.value] else { return }
        _ = scangate_epoll_control(epoll.raw, EPOLL_CTL_MOD, watch.fd, events.rawValue, token.value)
    }

    /// Ends a watch. On this thread only.
    public func unwatch(_ token: Token) {
        checkIsolated()
        guard let watch = watches.removeValue(forKey: token.value) else { return }
        _ = scangate_epoll_control(epoll.raw, EPOLL_CTL_DEL, watch.fd, 0, 0)
    }

    /// Calls `handler` on this thread once, after a time by CLOCK_BOOTTIME. On this thread only.
    public func after(_ delay: Duration, _ handler: @escaping @Sendable () -> Void) -> Token {
        checkIsolated()
        lastToken += 1
        let due = scangate_clock_ns(Int32(CLOCK_BOOTTIME)) + delay.nanoseconds
        let place = timers.firstIndex { $0.due > due } ?? timers.endIndex
        timers.insert((due, lastToken, handler), at: place)
        return Token(value: lastToken)
    }

    /// Forgets a timer that has not run. On this thread only.
    public func cancel(_ token: Token) {
        checkIsolated()
        timers.removeAll { $0.token == token.value }
    }

    // With `lock` held: a thread that is not asleep looks at the queue before it sleeps.
    private func rouse() {
        guard sleeping else { return }
        sleeping = false
        var one: UInt64 = 1
        _ = Glibc.write(wake.raw, &one, 8)
    }

    private func work() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        var batch: [UnownedJob] = []
        while true {
            pthread_mutex_lock(lock)
            swap(&batch, &jobs)
            let ending = stopping && batch.isEmpty
            sleeping = batch.isEmpty && !ending
            pthread_mutex_unlock(lock)
            if ending { return }
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
            let timeout = batch.isEmpty ? timeoutUntilNextTimer() : 0
            batch.removeAll(keepingCapacity: true)
            let count = epoll_wait(epoll.raw, &events, Int32(events.count), timeout)
            pthread_mutex_lock(lock)
            sleeping = false
            pthread_mutex_unlock(lock)
            for event in events.prefix(Int(max(count, 0))) { handle(event) }
            runTimers()
        }
    }

    private func handle(_ event: epoll_event) {
        if event.data.u64 == 0 {
            var count: UInt64 = 0
            _ = Glibc.read(wake.raw, &count, 8)
            return
        }
        // A handler may have removed the watch of a later event of the same wait.
        watches[event.data.u64]?.handler(Events(rawValue: event.events))
    }

    private func timeoutUntilNextTimer() -> Int32 {
        guard let next = timers.first else { return -1 }
        let wait = next.due - scangate_clock_ns(Int32(CLOCK_BOOTTIME))
        return Int32(clamping: max(0, (wait + 999_999) / 1_000_000))
    }

    private func runTimers() {
        while let next = timers.first, next.due <= scangate_clock_ns(Int32(CLOCK_BOOTTIME)) {
            timers.removeFirst()
            next.handler()
        }
    }
}
