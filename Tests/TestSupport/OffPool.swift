internal import Posix

/// Runs blocking work on a thread of its own: a test that waits for processes must not hold one of the few threads
/// that every asynchronous test shares.
public func offPool<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Threads.run(name: "test-blocking") { continuation.resume(with: Result { try body() }) }
    }
}
