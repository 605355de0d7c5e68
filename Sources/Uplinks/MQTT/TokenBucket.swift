internal import Model
internal import Synchronization

/// Spreads publishes over time, so that a broker with a quota discards none of them. In the order of the calls; any
/// thread.
///
/// Virtual scheduling: each publish moves the time at which the next may go. A quarter of a second's worth may go at
/// once after a pause. Bound: as many wait as callers, which is the batches in flight.
final class TokenBucket: Sendable {
    private struct State {
        var messageNs: Int64 = .min
        var byteNs: Int64 = .min
    }

    private static let second: Int64 = 1_000_000_000
    private static let burstNs: Int64 = second / 4

    private let messageCostNs: Int64
    private let bytesPerSecond: Int64
    private let state = Mutex(State())

    init(messagesPerSecond: Int, bytesPerSecond: Int) {
        messageCostNs = Self.second / Int64(max(1, messagesPerSecond))
        self.bytesPerSecond = Int64(max(1, bytesPerSecond))
    }

    /// Takes the room of one publish and returns how long to wait before it goes.
    func take(bytes: Int, at nowNs: Int64) -> Duration {
        state.withLock { state in
            let earliest = nowNs - Self.burstNs
            let due = max(state.messageNs, state.byteNs, earliest)
            state.messageNs = max(state.messageNs, earliest) + messageCostNs
            state.byteNs = max(state.byteNs, earliest) + Int64(bytes) * Self.second / bytesPerSecond
            return .nanoseconds(max(0, due - nowNs))
        }
    }
}
