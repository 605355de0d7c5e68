internal import Model
internal import Synchronization

/// Where other threads leave word of lanes with new scans: one wake-up for any number of them.
///
/// Bounded by the number of lanes.
final class Arrivals: Sendable {
    /// Yields when there is something to take; the reader then calls `take`.
    let wakeUps: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation
    private let lanes = Mutex<Set<LaneID>>([])

    init() { (wakeUps, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    /// Any thread.
    func add(_ new: [LaneID]) {
        let wasEmpty = lanes.withLock { lanes in
            let wasEmpty = lanes.isEmpty
            lanes.formUnion(new)
            return wasEmpty && !lanes.isEmpty
        }
        if wasEmpty { wake.yield() }
    }

    func take() -> Set<LaneID> {
        lanes.withLock { lanes in
            let taken = lanes
            lanes = []
            return taken
        }
    }

    /// No wake-up comes any more; the reader's loop ends.
    func finish() { wake.finish() }
}
