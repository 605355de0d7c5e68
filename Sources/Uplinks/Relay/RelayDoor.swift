internal import Crypto
internal import MQTTClient
internal import Model
internal import Wire

/// A batch that came in and has proved whose it is.
struct RelayBatch: Sendable {
    let gateway: GatewayID
    let id: UUID
    /// As it came, compressed where `isCompressed`; empty where `isTooLarge`.
    let payload: [UInt8]
    let isCompressed: Bool
    /// Over 130,000 bytes: worth an answer, since its gateway can halve it, and nothing else.
    let isTooLarge: Bool
    /// W3C Trace Context, or empty.
    let traceparent: String
    /// The gateway's, for the answer's code.
    let ackKey: HMACKey
    /// The uptime when it came.
    let arrivedNs: Int64
}

/// Judges what comes on the gateways' topics, before anything of it is kept: which gateway, and whether it is so.
///
/// A broker's rules say who may publish where; the code over the payload says it where those rules are wrong. Nothing
/// else of a message is covered by the code: the answer's topic is made of the batch's, never read from it.
struct RelayDoor: Sendable {
    /// Why a message is not taken.
    enum Refusal: String, Sendable, CaseIterable {
        case noBatch = "it is no batch: content type, topic, correlation data, retained"
        case unknownGateway = "keys_dir has no key of its gateway"
        case notProven = "it has no code by its gateway's key"
        case tooLarge = "it is over 1 MiB"
    }

    enum Answer: Sendable {
        case taken(RelayBatch)
        case refused(Refusal, gateway: GatewayID?)
    }

    /// The largest payload: AWS IoT Core's cap for a message, its header left aside.
    static let maxBytes = 130_000

    let prefix: String

    /// The gateway of a topic `PREFIX/GATEWAY/batch`; nil for another one.
    func gateway(of topic: String) -> GatewayID? {
        guard topic.hasPrefix(prefix + "/"), topic.hasSuffix("/batch") else { return nil }
        return GatewayID(String(topic.dropFirst(prefix.count + 1).dropLast(6)))
    }

    /// On the connection's thread: a SHA-256 and an HMAC over at most 130,000 bytes are all that it computes.
    func judge(_ message: MQTTMessage, _ keys: RelayKeys, at nowNs: Int64) -> Answer {
        guard let gateway = gateway(of: message.topic) else { return .refused(.noBatch, gateway: nil) }
        guard !message.isRetained, message.contentType == Batch.contentType,
            let id = message.correlationData.flatMap({ UUID(String(decoding: $0, as: UTF8.self)) })
        else { return .refused(.noBatch, gateway: gateway) }
        guard let key = keys[gateway]?.ackKey else { return .refused(.unknownGateway, gateway: gateway) }
        let isTooLarge = message.payload.count > Self.maxBytes
        // What no broker for gateways should let through is not even computed over.
        guard message.payload.count <= BatchReply.maximumBytes else { return .refused(.tooLarge, gateway: gateway) }
        let code = message.userProperty(MessageMAC.property) ?? ""
        guard MessageMAC.batch.isValid(code, gateway: gateway, batchID: id, payload: message.payload, key: key) else {
            return .refused(.notProven, gateway: gateway)
        }
        let batch = RelayBatch(
            gateway: gateway, id: id, payload: isTooLarge ? [] : message.payload,
            isCompressed: message.userProperty("content-encoding") == "gzip", isTooLarge: isTooLarge,
            traceparent: Self.trace(message.userProperty("traceparent")), ackKey: key, arrivedNs: nowNs)
        return .taken(batch)
    }

    // It becomes a header's value: hexadecimal digits and hyphens, or nothing.
    private static func trace(_ text: String?) -> String {
        guard let text, text.utf8.count == 55, text.utf8.allSatisfy({ Hex.value($0) != nil || $0 == 45 }) else {
            return ""
        }
        return text
    }
}
