import Crypto
import Model
import Testing

@testable import Wire

@Suite struct `The code of a message over MQTT` {
    private let key = MessageMAC.ackKey(of: HMACKey(Array(0..<32)))
    private let payload = Array("{\"v\":1}".utf8)

    /// Made with Python's hmac and hashlib: HKDF-SHA256 without salt, info `scangate mqtt ack v1`, of 00…1f; then HMAC over
    /// the text.
    @Test func `is the one that another implementation makes`() throws {
        let gateway = try #require(GatewayID("dock-7"))
        let batch = try #require(UUID("019aa0c2-7d1e-7b3a-9c55-0d6d1c1f6a10"))
        #expect(
            MessageMAC.ack.code(gateway: gateway, batchID: batch, payload: payload, key: key)
                == "EZUFV-Wlnh24fXqaS4WMMWeXu1uzbe0T9P-mWWmBS7c")
        #expect(
            MessageMAC.batch.code(gateway: gateway, batchID: batch, payload: payload, key: key)
                == "qK3RIglDIW-q9gds8oHrqed44sev3Q4U4M284m3dg2g")
    }

    @Test func `is for one gateway, batch, payload and direction`() throws {
        let (one, two) = (try #require(GatewayID("dock-7")), try #require(GatewayID("dock-8")))
        let batch = UUID(high: 1, low: 2)
        let code = MessageMAC.ack.code(gateway: one, batchID: batch, payload: payload, key: key)
        #expect(MessageMAC.ack.isValid(code, gateway: one, batchID: batch, payload: payload, key: key))
        #expect(!MessageMAC.ack.isValid(code, gateway: two, batchID: batch, payload: payload, key: key))
        #expect(!MessageMAC.ack.isValid(code, gateway: one, batchID: UUID(high: 1, low: 3), payload: payload, key: key))
        #expect(!MessageMAC.ack.isValid(code, gateway: one, batchID: batch, payload: payload + [32], key: key))
        #expect(!MessageMAC.batch.isValid(code, gateway: one, batchID: batch, payload: payload, key: key))
        for wrong in ["", "x", code + "A", String(code.dropLast())] {
            #expect(!MessageMAC.ack.isValid(wrong, gateway: one, batchID: batch, payload: payload, key: key))
        }
    }
}
