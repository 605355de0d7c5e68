internal import TestSupport
internal import Testing

/// Runs a suite's tests on threads of their own: they wait for processes, and must not hold one of the few threads that
/// every asynchronous test shares.
struct OnOwnThread: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) { try await function() }
    }
}

extension Trait where Self == OnOwnThread {
    static var onOwnThread: OnOwnThread { OnOwnThread() }
}
