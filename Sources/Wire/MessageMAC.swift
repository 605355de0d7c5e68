public import Crypto
public import Model

/// Over MQTT: proof that a batch comes from its gateway, and that an ack comes from whoever has that gateway's key. A
/// broker's rules say who may publish to a topic; the code says it where those rules are wrong.
///
/// The text, LF after each of its four fields: `BATCH1` or `ACK1`, the gateway, the batch's id, and the base64url of the
/// SHA-256 of the payload as sent. The code travels as the user property `mac`, base64url of HMAC-SHA256 by the
/// gateway's ack key, which is HKDF-SHA256 of the gateway's key with the info string `scangate mqtt ack v1`.
public enum MessageMAC: String, Sendable {
    /// Gateway to backend.
    case batch = "BATCH1"
    /// Backend to gateway.
    case ack = "ACK1"

    /// The user property that carries the code.
    public static let property = "mac"

    /// The key for both directions, made of the gateway's own key, which signs requests and nothing else.
    public static func ackKey(of gatewayKey: HMACKey) -> HMACKey {
        var bytes = gatewayKey.derive(info: "scangate mqtt ack v1")
        defer { SecretBytes.wipe(&bytes) }
        return HMACKey(bytes)
    }

    /// The value of the property `mac`.
    public func code(gateway: GatewayID, batchID: UUID, payload: [UInt8], key: HMACKey) -> String {
        Base64URL.encode(key.authenticate(text(gateway, batchID, payload)))
    }

    /// Whether `code` is that of this message; compared in constant time.
    public func isValid(_ code: String, gateway: GatewayID, batchID: UUID, payload: [UInt8], key: HMACKey) -> Bool {
        guard let bytes = Base64URL.decode(code) else { return false }
        return key.isValid(bytes, for: text(gateway, batchID, payload))
    }

    private func text(_ gateway: GatewayID, _ batchID: UUID, _ payload: [UInt8]) -> [UInt8] {
        let digest = Base64URL.encode(SHA256.digest(payload))
        return Array("\(rawValue)\n\(gateway.text)\n\(batchID)\n\(digest)\n".utf8)
    }
}
