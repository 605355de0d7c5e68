public import Model
internal import Synchronization

/// A hand-moved clock: its sleepers wake when the test moves it past their deadline. Any thread.
public final class ManualClock: Sendable {
    private struct State {
        var now: Moment
        var sleepers: [UInt64: (deadlineNs: Int64, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
        var lastID: UInt64 = 0
        var isAutomatic = false
    }

    private let state: Mutex<State>

    /// A clock that stands at 1000 s of uptime and at 2026-11-21T04:00:00Z, synced.
    public init(uptimeNs: Int64 = 1_000_000_000_000, wallMs: Int64 = 1_795_233_600_000) {
        state = Mutex(State(now: Moment(uptimeNs: uptimeNs, wallMs: wallMs, synced: true)))
    }

    /// What it shows.
    public var now: Moment { state.withLock { $0.now } }

    /// The clock as the code under test sees it.
    public var source: TimeSource {
        TimeSource(
            bootID: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", now: { [self] in now },
            sleep: { [self] duration in try await sleep(duration) })
    }

    /// Moves both clocks on and wakes whoever is due.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now.uptimeNs += duration.nanoseconds
            state.now.wallMs += duration.milliseconds
            let due = state.sleepers.filter { $0.value.deadlineNs <= state.now.uptimeNs }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.sorted { $0.deadlineNs < $1.deadlineNs }.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// While set, whoever sleeps has the clock moved to its deadline at once: for tests of what happens, not when.
    public func setAutomatic(_ isAutomatic: Bool) { state.withLock { $0.isAutomatic = isAutomatic } }

    /// Moves the wall clock alone, as a person or NTP does.
    public func setWall(_ wallMs: Int64) { state.withLock { $0.now.wallMs = wallMs } }

    /// How many sleep now.
    public var sleepers: Int { state.withLock { $0.sleepers.count } }

    /// Returns once at least `count` sleep.
    public func waitForSleepers(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let there = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if there { continuation.resume() }
        }
    }

    /// Waits for a sleeper, moves the clock to the earliest deadline and returns how far that was.
    @discardableResult
    public func advanceToNextSleeper() async -> Duration {
        await waitForSleepers()
        let step = state.withLock { state in
            max(0, (state.sleepers.values.map(\.deadlineNs).min() ?? state.now.uptimeNs) - state.now.uptimeNs)
        }
        advance(by: .nanoseconds(step))
        return .nanoseconds(step)
    }

    private func sleep(_ duration: Duration) async throws {
        let (id, isAutomatic) = state.withLock {
            $0.lastID += 1
            return ($0.lastID, $0.isAutomatic)
        }
        if isAutomatic {
            advance(by: max(duration, .zero))
            await Task.yield()
            return try Task.checkCancellation()
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (immediately, watchers) = state.withLock { state -> (Result<Void, any Error>?, [Watcher]) in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    if duration <= .zero { return (.success(()), []) }
                    // Since it was looked at above: nobody would move the clock for this one.
                    if state.isAutomatic {
                        state.now.uptimeNs += duration.nanoseconds
                        state.now.wallMs += duration.milliseconds
                        return (.success(()), [])
                    }
                    state.sleepers[id] = (state.now.uptimeNs + duration.nanoseconds, continuation)
                    let ready = state.watchers.filter { $0.count <= state.sleepers.count }
                    state.watchers.removeAll { $0.count <= state.sleepers.count }
                    return (nil, ready)
                }
                if let immediately { continuation.resume(with: immediately) }
                for watcher in watchers { watcher.continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    private typealias Watcher = (count: Int, continuation: CheckedContinuation<Void, Never>)
}
