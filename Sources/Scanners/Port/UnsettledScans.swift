internal import Synchronization

/// How many scans of one opening wait for their commit, and whether the node is left unread for that. Any thread.
///
/// A scanner that was out of reach gives hundreds of stored scans at once, faster than they are made durable. Where the
/// kernel keeps what is not read, and stops the scanner when its own room is full, waiting costs nothing; taken in, what
/// is over the intake's bound would be refused.
///
/// Bound: `most`, and what one read of 960 bytes holds beyond it.
final class UnsettledScans: Sendable {
    /// So many, and the node is read no further.
    static let most = 512
    /// So few, and it is read again.
    static let few = 128

    private let state = Mutex((count: 0, isFull: false))

    /// Whether the node is not to be read.
    var isFull: Bool { state.withLock { $0.isFull } }

    /// One more; whether the node is to be left unread from now on.
    func begin() -> Bool {
        state.withLock { state in
            state.count += 1
            guard state.count >= Self.most, !state.isFull else { return false }
            state.isFull = true
            return true
        }
    }

    /// One less; whether the node is to be read again.
    func end() -> Bool {
        state.withLock { state in
            state.count -= 1
            guard state.count <= Self.few, state.isFull else { return false }
            state.isFull = false
            return true
        }
    }
}
