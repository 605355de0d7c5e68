internal import Model
internal import Posix
internal import Synchronization
internal import Uplinks

/// Hears of every attempt, and has the lanes of a backend that does badly go back to the one they came from, where
/// `rollback` of its uplink says so.
///
/// Any thread; never waits. One trigger an uplink with `rollback`.
final class RollbackWatch: Sendable {
    private struct Watched {
        var trigger: RollbackTrigger
        let source: GroupID
        let target: GroupID
    }

    private let watched = Mutex<[String: Watched]>([:])
    private let clock: TimeSource
    private let rollBack: @Sendable (_ target: GroupID, _ source: GroupID, _ reason: String) async -> Void

    /// - Parameter rollBack: takes the lanes of the first group back to the second.
    init(
        clock: TimeSource,
        rollBack: @escaping @Sendable (_ target: GroupID, _ source: GroupID, _ reason: String) async -> Void
    ) {
        self.clock = clock
        self.rollBack = rollBack
    }

    /// Watches the uplinks of a configuration, and forgets what it has seen.
    func watch(_ groups: [UplinkGroup]) {
        var next: [String: Watched] = [:]
        for group in groups {
            guard let rollback = group.first.rollback, let source = GroupID(rollback.to) else { continue }
            next[group.first.name] = Watched(
                trigger: RollbackTrigger(rollback), source: source, target: group.id)
        }
        watched.withLock { $0 = next }
    }

    /// One attempt of an uplink is over.
    func attempted(_ uplink: String, took: Duration, failed: Bool) {
        let now = clock.now().uptimeNs
        let due = watched.withLock { watched -> (Watched, String)? in
            guard let reason = watched[uplink]?.trigger.on(took: took, failed: failed, now),
                let one = watched[uplink]
            else { return nil }
            return (one, reason)
        }
        guard let (one, reason) = due else { return }
        // Unstructured: whoever made the attempt cannot wait for a commit.
        Task { [rollBack] in await rollBack(one.target, one.source, reason) }
    }
}
