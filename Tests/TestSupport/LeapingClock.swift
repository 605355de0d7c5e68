public import Model
internal import Posix
internal import Synchronization

/// The machine's clock, which a test can set forward: whoever sleeps wakes when its time has come by the clock so set.
/// Any thread.
public final class LeapingClock: Sendable {
    private struct State {
        var offset = Duration.zero
        var sleeps: [UInt64: Task<Void, Never>] = [:]
        var lastID: UInt64 = 0
    }

    private let state = Mutex(State())

    /// It shows the machine's time.
    public init() {}

    /// The clock as the code under test sees it.
    public var source: TimeSource {
        TimeSource(
            bootID: TimeSource.system.bootID, now: { [self] in now }, sleep: { [self] in try await sleep($0) })
    }

    /// What it shows.
    public var now: Moment {
        var moment = TimeSource.system.now()
        let offset = state.withLock { $0.offset }
        moment.uptimeNs += offset.nanoseconds
        moment.wallMs += offset.milliseconds
        return moment
    }

    /// Sets it forward.
    public func leap(by duration: Duration) {
        let sleeps = state.withLock { state in
            state.offset += duration
            return Array(state.sleeps.values)
        }
        for sleep in sleeps { sleep.cancel() }
    }

    private func sleep(_ duration: Duration) async throws {
        let deadlineNs = now.uptimeNs + duration.nanoseconds
        while now.uptimeNs < deadlineNs {
            let offset = state.withLock { $0.offset }
            let rest = deadlineNs - now.uptimeNs
            // Unstructured: it alone is cancelled by a leap, not who waits for it.
            let sleep = Task { _ = try? await ContinuousClock().sleep(for: .nanoseconds(max(0, rest))) }
            let id = state.withLock { state in
                state.lastID += 1
                state.sleeps[state.lastID] = sleep
                if state.offset != offset { sleep.cancel() }
                return state.lastID
            }
            await withTaskCancellationHandler {
                await sleep.value
            } onCancel: {
                sleep.cancel()
            }
            state.withLock { _ = $0.sleeps.removeValue(forKey: id) }
            try Task.checkCancellation()
        }
    }
}
