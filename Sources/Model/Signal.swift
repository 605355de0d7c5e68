/// What an operator hears, sees or feels after a scan: the same five everywhere, whatever gives them.
public enum Signal: String, Sendable, CaseIterable {
    /// On stable storage, and an uplink works.
    case stored
    /// On stable storage; no uplink works now, and it is sent later.
    case storedOffline = "stored-offline"
    /// Not taken: whatever was scanned has to be dealt with.
    case refused
    /// It is stored already; nothing more was stored, or it counts only once.
    case duplicate
    /// Stored, and the bag is full: the next label is a bag's.
    case bagComplete = "bag-complete"
}
