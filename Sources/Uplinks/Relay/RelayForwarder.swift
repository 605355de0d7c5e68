internal import Model
internal import Synchronization

/// What a relay does with the batches that it has let in: one kind a contract.
protocol RelayForwarder: Sendable {
    /// Takes a batch, or counts why not. On the connection's thread: returns at once.
    func offer(_ batch: RelayBatch)
    /// Works until `finish`, and until what is under way by then has been answered.
    func run() async
    /// Begins nothing more; drops what waits.
    func finish()
    /// Gives up what waits of gateways that another relay handles now.
    func release(_ isOthers: (GatewayID) -> Bool)
    /// Takes over other keys; lets what is blocked ask again at once.
    func reload(_ keys: RelayKeys) async
}

extension RelayForwarder {
    /// Where any relay may handle any gateway, none has to be given up.
    func release(_ isOthers: (GatewayID) -> Bool) {}
}

/// How a forwarder answers a batch; false where the answer could not be published.
typealias RelayAnswer = @Sendable (_ batch: RelayBatch, _ payload: [UInt8]) async -> Bool

/// The counts of one relay. Any thread.
final class RelayTally: Sendable {
    // The same words of the same gateway are worth a line after this long.
    private static let sayAgain: Duration = .seconds(300)

    private let state = Mutex<(counts: RelayCounts, said: [String: Int64])>((RelayCounts(), [:]))

    var counts: RelayCounts { state.withLock { $0.counts } }

    func count(_ change: (inout RelayCounts) -> Void) { state.withLock { change(&$0.counts) } }

    /// Whether a message that was refused is worth a line in the log: once in five minutes for each gateway that is
    /// known and each reason, and once for all strangers.
    func isNews(_ reason: String, of gateway: GatewayID?, nowNs: Int64) -> Bool {
        state.withLock { state in
            let name = "\(gateway?.text ?? "") \(reason)"
            if let before = state.said[name], nowNs - before < Self.sayAgain.nanoseconds { return false }
            state.said[name] = nowNs
            return true
        }
    }
}
