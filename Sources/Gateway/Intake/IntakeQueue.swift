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

    /// That labels may be missing between two readings of the queue.
    struct Gap: Sendable, Equatable {
        /// How many of the readings taken with it come before it.
        let place: Int
        let device: DeviceID
        let cause: Cause
    }

    enum Cause: Sendable, Equatable {
        /// Labels that nobody has seen, whatever scanner it is; a sentence.
        case lost(String)
        /// The same, of a camera: whoever holds another scanner hears of it, and scans again.
        case lostByCamera(String)
        /// A reading was not taken.
        case refused([UInt8], Symbology)
    }

    static let bound = 4096

    private struct State {
        var items: [Item] = []
        /// Three a place and device at most: what is refused while the queue is full takes no memory of its own.
        var gaps: [Gap] = []
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

    /// Notes that labels may be missing behind what was pushed last.
    func noteGap(of device: DeviceID, _ cause: Cause) {
        state.withLock { state in
            let place = state.items.count
            let known = state.gaps.reversed().prefix { $0.place == place }.filter { $0.device == device }.map(\.cause)
            guard let cause = cause.addition(to: known) else { return }
            state.gaps.append(Gap(place: place, device: device, cause: cause))
        }
    }

    /// Everything that waits, in order.
    func takeAll() -> (items: [Item], gaps: [Gap]) {
        state.withLock { state in
            let all = (state.items, state.gaps)
            (state.items, state.gaps) = ([], [])
            return all
        }
    }

    /// Whether nothing waits.
    var isEmpty: Bool { state.withLock { $0.items.isEmpty } }

    /// Takes nothing more from here on.
    func close() { state.withLock { $0.isClosed = true } }
}

extension IntakeQueue.Cause {
    /// What is to be remembered behind what is known of the same place; nil where that says enough.
    fileprivate func addition(to known: [Self]) -> Self? {
        var (isLost, isLostByCamera, refused): (Bool, Bool, Self?) = (false, false, nil)
        for cause in known {
            switch cause {
            case .lost: isLost = true
            case .lostByCamera: isLostByCamera = true
            case .refused: refused = cause
            }
        }
        switch self {
        case .lost: return isLost ? nil : self
        case .lostByCamera: return isLost || isLostByCamera ? nil : self
        case .refused:
            if isLost || isLostByCamera || refused == self { return nil }
            // One label can be looked at, whether it is a bag's; of any more nobody asks.
            return refused == nil ? self : .lostByCamera("labels that were not taken may have been a bag's")
        }
    }
}
