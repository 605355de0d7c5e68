internal import Glibc
internal import Posix
internal import Synchronization
public import Testing

/// Runs a suite's tests on a thread that all such suites share, one test after the other, behind everything else.
///
/// Tests that compute for seconds would take the runtime's threads, of which there is one a core, from all tests that
/// wait for something and look at the clock.
public struct OneThread: SuiteTrait, TestTrait, TestScoping {
    /// See `TestScoping`.
    @concurrent public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ComputingThread.shared) { try await function() }
    }
}

extension Trait where Self == OneThread {
    /// For suites that compute much and wait for nothing.
    public static var oneThread: OneThread { OneThread() }
}

/// The thread; lives as long as the process.
private final class ComputingThread: TaskExecutor {
    static let shared = ComputingThread()

    private let jobs = Mutex<[UnownedJob]>([])
    // Never changed, and semaphores are for all threads.
    nonisolated(unsafe) private let wake: UnsafeMutablePointer<sem_t>

    private init() {
        wake = .allocate(capacity: 1)
        sem_init(wake, 0, 0)
        Threads.run(name: "computing") {
            // Of this thread alone (setpriority(2), NOTES).
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10)
            ComputingThread.shared.work()
        }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        sem_post(wake)
    }

    private func work() -> Never {
        while true {
            guard sem_wait(wake) == 0 else { continue }
            if let job = jobs.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) {
                job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
    }
}
