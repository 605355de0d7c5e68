internal import CLinux
internal import Glibc

/// A named thread that runs the jobs of one actor, for libraries that block or belong to a thread (SQLite, curl).
///
/// An actor owns one and returns it from `unownedExecutor`. Jobs run in the order they were enqueued. The thread
/// starts with the executor and ends after `stop()` once its queue is empty; an executor must be stopped, or its
/// thread stays for the life of the process.
public final class ThreadExecutor: SerialExecutor, @unchecked Sendable {
    // @unchecked: `jobs`, `stopping` and `sleeping` are touched only with `lock` held; `thread` is set once, in init.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var stopping = false
    private var sleeping = false
    private var thread = pthread_t()

    /// Starts the thread. `name` is cut to 15 bytes, the kernel's limit.
    public init(name: String) {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(wake, nil)
        thread = Threads.start(name: name) { [self] in work() }
    }

    deinit {
        pthread_cond_destroy(wake)
        pthread_mutex_destroy(lock)
        wake.deallocate()
        lock.deallocate()
    }

    /// Called by the runtime.
    public func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        pthread_mutex_lock(lock)
        jobs.append(unowned)
        let isFirst = sleeping
        sleeping = false
        pthread_mutex_unlock(lock)
        // One call of the kernel however many jobs come until the thread runs, and none while it works; without the
        // lock, or the thread would wake only to wait for it.
        if isFirst { pthread_cond_signal(wake) }
    }

    /// Called by the runtime, so that `assumeIsolated` from a C callback on this thread is understood.
    public func checkIsolated() {
        precondition(pthread_equal(pthread_self(), thread) != 0, "called off the thread of its executor")
    }

    /// Ends the thread once the jobs enqueued so far have run. Does not wait.
    public func stop() {
        pthread_mutex_lock(lock)
        stopping = true
        pthread_cond_signal(wake)
        pthread_mutex_unlock(lock)
    }

    private func work() {
        var batch: [UnownedJob] = []
        while true {
            pthread_mutex_lock(lock)
            while jobs.isEmpty && !stopping {
                sleeping = true
                pthread_cond_wait(wake, lock)
            }
            sleeping = false
            swap(&batch, &jobs)
            let ending = stopping && batch.isEmpty
            pthread_mutex_unlock(lock)
            if ending { return }
            for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
            batch.removeAll(keepingCapacity: true)
        }
    }
}

/// Threads outside the cooperative pool.
public enum Threads {
    private final class Body: Sendable {
        let name: String
        let run: @Sendable () -> Void
        init(name: String, run: @escaping @Sendable () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a detached thread that runs `body`. `name` is cut to 15 bytes.
    public static func run(name: String, _ body: @escaping @Sendable () -> Void) { start(name: name, body) }

    /// Puts the calling thread to sleep: only one that may block, never the cooperative pool's.
    public static func sleep(microseconds: Int64) {
        var time = timespec(tv_sec: Int(microseconds / 1_000_000), tv_nsec: Int(microseconds % 1_000_000) * 1000)
        nanosleep(&time, nil)
    }

    /// Blocks of 512 bytes that came from disks for the calling thread so far, read ahead included (getrusage(2),
    /// `ru_inblock`); always 0 where the kernel does not count them.
    public static func blocksFromDisk() -> Int64 { scangate_blocks_from_disk() }

    /// Like `run`, with the thread's handle.
    @discardableResult
    static func start(name: String, _ body: @escaping @Sendable () -> Void) -> pthread_t {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(name: name, run: body)).toOpaque()
        let failure = pthread_create(
            &thread, nil,
            { @Sendable context in
                guard let context else { return nil }
                let body = Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                scangate_name_thread(body.name)
                body.run()
                return nil
            }, context)
        guard failure == 0 else { fatalError("pthread_create failed with \(failure): the system is out of threads") }
        pthread_detach(thread)
        return thread
    }
}
