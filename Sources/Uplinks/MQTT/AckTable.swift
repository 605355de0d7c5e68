internal import Crypto
internal import MQTTClient
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// The batches that wait for their ack, and the judge of what comes on the topic `ack`.
///
/// An ack counts only for a batch in flight, and only with its code where one is asked for; the rest is counted and said
/// once, until a good one has come. Bound: the batches in flight, and one ack of at most 1 MiB each.
final class AckTable: Sendable {
    /// An ack as it came: its payload and whether it is compressed.
    struct Ack: Sendable, Equatable {
        var payload: [UInt8]
        var isCompressed: Bool
    }

    private enum Entry {
        case arrived(Ack)
        case awaited(CheckedContinuation<Ack?, Never>)
        case silent
    }

    private struct State {
        var entries: [UUID: Entry] = [:]
        /// For batches not in flight: repeated by the broker, late, or nobody's.
        var strays = 0
        var forged = 0
        var saysForged = false
        var saidNs: Int64 = .min
    }

    private let name: String
    private let gateway: GatewayID
    private let topic: String
    private let state = Mutex(State())

    init(_ name: String, gateway: GatewayID, topic: String) {
        self.name = name
        self.gateway = gateway
        self.topic = topic
    }

    /// Acks that counted for nothing.
    var refused: Int { state.withLock { $0.strays + $0.forged } }

    /// From now on an ack for this batch counts; before its publish, which it may otherwise overtake.
    func expect(_ batch: UUID) { state.withLock { $0.entries[batch] = .silent } }

    /// Its attempt is over.
    func forget(_ batch: UUID) {
        let entry = state.withLock { $0.entries.removeValue(forKey: batch) }
        if case .awaited(let continuation)? = entry { continuation.resume(returning: nil) }
    }

    /// The ack of an expected batch; nil where the task is cancelled first.
    func wait(for batch: UUID) async -> Ack? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let now: Ack?? = state.withLock { state in
                    switch state.entries[batch] {
                    case .arrived(let ack)?: return .some(.some(ack))
                    case .silent? where !Task.isCancelled:
                        state.entries[batch] = .awaited(continuation)
                        return .none
                    default: return .some(.none)
                    }
                }
                if let now { continuation.resume(returning: now) }
            }
        } onCancel: {
            let entry: Entry? = state.withLock { state in
                guard case .awaited? = state.entries[batch] else { return nil }
                return state.entries.updateValue(.silent, forKey: batch)
            }
            if case .awaited(let continuation)? = entry { continuation.resume(returning: nil) }
        }
    }

    /// Works a message in. On the client's thread: the code over at most 1 MiB is all that it computes.
    ///
    /// - Parameter key: what the code must be made by; nil where the broker's rules are trusted.
    func take(_ message: MQTTMessage, key: HMACKey?, at nowNs: Int64) {
        guard message.topic == topic, message.payload.count <= BatchReply.maximumBytes else { return stray() }
        let isCompressed = message.userProperty("content-encoding") == "gzip"
        guard let batch = batchID(of: message) else { return stray() }
        if let key {
            let code = message.userProperty(MessageMAC.property) ?? ""
            guard MessageMAC.ack.isValid(code, gateway: gateway, batchID: batch, payload: message.payload, key: key)
            else { return forged(batch, at: nowNs) }
        }
        let ack = Ack(payload: message.payload, isCompressed: isCompressed)
        let continuation: CheckedContinuation<Ack?, Never>? = state.withLock { state in
            state.saysForged = false
            switch state.entries[batch] {
            case .awaited(let continuation)?:
                state.entries[batch] = .arrived(ack)
                return continuation
            case .silent?: state.entries[batch] = .arrived(ack)
            // The first that proves itself counts.
            case .arrived?, nil: state.strays += 1
            }
            return nil
        }
        continuation?.resume(returning: ack)
    }

    // MQTT 3.1.1 has no correlation data: the payload names the batch, too.
    private func batchID(of message: MQTTMessage) -> UUID? {
        if let data = message.correlationData { return UUID(String(decoding: data, as: UTF8.self)) }
        return (try? BatchReply.parse(message.payload))?.batchID
    }

    private func stray() { state.withLock { $0.strays += 1 } }

    private func forged(_ batch: UUID, at nowNs: Int64) {
        let isNews = state.withLock { state in
            state.forged += 1
            // Good and forged ones in turn must not fill the log.
            guard !state.saysForged, state.saidNs == .min || nowNs - state.saidNs > 60_000_000_000 else { return false }
            (state.saysForged, state.saidNs) = (true, nowNs)
            return true
        }
        guard isNews else { return }
        Log.error(
            "uplink \(name): an ack for batch \(batch) on \(topic) has no code by the gateway's key and counts for "
                + "nothing: see who may publish there, and whether the backend has this gateway's key")
    }
}
