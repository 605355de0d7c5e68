internal import Model
internal import Scanners
internal import Synchronization

/// Readings between the drivers and the intake's thread. Any thread.
///
/// Bound: 4,096 readings, some 60 ms of the fastest intake; beyond it a reading is refused with an error signal, so
/// memory stays flat while a disk stalls.
final class IntakeQueue: Sendable {
    struct Item: Sendable {
        let reading: Reading
        let device: DeviceID
        let reply: @Sendable (Acknowledgement) -> Void
    }

    static let bound = 4096

    private struct State {
        var items: [Item] = []
        var isClosed = false
    }

    private let state = Mutex(State())

    /// Whether the item was taken, and whether it is the first since the queue was emptied.
    func push(_ item: Item) -> (taken: Bool, wasEmpty: Bool) {
        state.withLock { state in
            guard !state.isClosed, state.items.count < Self.bound else { return (false, false) }
            state.items.append(item)
            return (true, state.items.count == 1)
        }
    }

    /// Everything that waits, in order.
    func takeAll() -> [Item] {
        state.withLock { state in
            let items = state.items
            state.items = []
            return items
        }
    }

    /// Whether nothing waits.
    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// Takes nothing more from here on.
    func close() { state.withLock { $0.isClosed = true } }
}
