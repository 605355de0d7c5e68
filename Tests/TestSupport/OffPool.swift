internal import Posix

/// Runs blocking work on a thread of its own: a test that waits for processes must not hold one of the few threads
/// that every asynchronous test shares.
public func offPool<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Threads.run(name: "test-blocking") { continuation.resume(with: Result { try body() }) }
    }
}

/// Runs each piece of a task on a thread of its own. Unlike with `offPool` the task stays the same, so that what a test
/// expects is reported under the test's name.
public final class ThreadPerJob: TaskExecutor {
    /// The one instance: it holds nothing.
    public static let shared = ThreadPerJob()

    /// Starts the thread.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        Threads.run(name: "test-blocking") { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
