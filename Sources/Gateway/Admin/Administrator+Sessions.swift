internal import Identity

extension Administrator {
    /// What the last run left behind. Called at the start, on the thread that may block.
    func loadSessions() -> SavedSessions { sessionStore.load() }

    /// Leaves it behind for the next run; on disk when it returns.
    func saveSessions(_ sessions: SavedSessions) { sessionStore.save(sessions) }

    private var sessionStore: SessionStore {
        SessionStore(
            path: directory + "/sessions", seal: { [registry] in registry.seal($0, context: $1) },
            open: { [registry] in try registry.open($0, context: $1) })
    }
}
