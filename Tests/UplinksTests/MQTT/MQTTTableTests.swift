import Gzip
import MQTTClient
import Model
import Testing
import Wire

@testable import Uplinks

@Suite struct `What a broker's words mean` {
    @Test(arguments: [
        (MQTTReason.notAuthorised, "forbidden"), (.badCredentials, "unauthorized"), (.topicInvalid, "misconfigured"),
        (.quotaExceeded, "slowDown"), (.rateTooHigh, "slowDown"), (.packetTooLarge, "tooLarge"),
        (.payloadInvalid, "refused"), (.unspecified, "failure"), (MQTTReason(rawValue: 0x83), "failure"),
    ])
    func `a refused publish`(_ reason: MQTTReason, _ row: String) throws {
        let answer = try #require(MQTTAnswer.classify(.refused(reason), "tracetrack", topic: "t"))
        #expect("\(answer)".hasPrefix(row), "\(answer)")
        #expect("\(answer)".contains("the broker refuses t: "))
    }

    @Test func `both kinds of PUBACK that are a success answer nothing`() {
        #expect(MQTTAnswer.classify(.acknowledged(.success), "x", topic: "t") == nil)
        #expect(MQTTAnswer.classify(.acknowledged(.noSubscribers), "x", topic: "t") == nil)
    }

    @Test func `what was not sent may go another way, what may have arrived may not`() {
        #expect(MQTTAnswer.classify(.notConnected(nil), "x", topic: "t") == .unreachable("x: not connected"))
        #expect(MQTTAnswer.classify(.tooLarge, "x", topic: "t")?.isUplinksTrouble == false)
        #expect(MQTTAnswer.classify(.cancelled, "x", topic: "t") == .cancelled)
    }

    @Test func `an ack's payload must be for its batch, readable, and at most 1 MiB when unpacked`() throws {
        let reply = BatchReply(batchID: scanID(1), serverTime: "", results: []).encode()
        func answer(_ payload: [UInt8], _ isCompressed: Bool = false, _ n: Int = 1) -> BatchAnswer {
            MQTTAnswer.classify(.init(payload: payload, isCompressed: isCompressed), batchID: scanID(n), place: "x")
        }
        #expect(answer(reply) == .results(try BatchReply.parse(reply)))
        #expect(answer(Gzip.compress(reply), true) == .results(try BatchReply.parse(reply)))
        for wrong in [
            answer(reply, false, 2), answer(Array("<html>".utf8)), answer(reply, true),
            answer(Gzip.compress([UInt8](repeating: 32, count: 2 << 20)), true),
        ] {
            guard case .unreadable = wrong else {
                Issue.record("\(wrong)")
                continue
            }
        }
    }

    @Test func `publishes are spread by messages and by bytes, whichever is scarcer`() {
        let second: Int64 = 1_000_000_000
        let start = 1000 * second
        let byMessages = TokenBucket(messagesPerSecond: 50, bytesPerSecond: 1 << 30)
        // A quarter of a second's worth at once, then one each 20 ms.
        let delays = (0..<20).map { _ in byMessages.take(bytes: 100, at: start) }
        #expect(delays.prefix(13).allSatisfy { $0 == .zero })
        #expect(delays[14] - delays[13] == .milliseconds(20) && delays[19] - delays[18] == .milliseconds(20))
        let byBytes = TokenBucket(messagesPerSecond: 10_000, bytesPerSecond: 100_000)
        #expect(byBytes.take(bytes: 50_000, at: start) == .zero)
        #expect(byBytes.take(bytes: 50_000, at: start) == .milliseconds(250))
        #expect(byBytes.take(bytes: 1, at: start) == .milliseconds(750))
        // After a pause there is no more than the quarter.
        #expect(byBytes.take(bytes: 50_000, at: start + 100 * second) == .zero)
        #expect(byBytes.take(bytes: 1, at: start + 100 * second) == .milliseconds(250))
    }

    @Test(arguments: [
        ("mqtts://Broker.Example", "broker.example", 8883, true), ("mqtt://a:99/", "a", 99, false),
        ("MQTTS://[::1]:443", "::1", 443, true), ("mqtt://[fe80::1]", "fe80::1", 1883, false),
    ])
    func `a url has a host, a port and TLS or not`(_ url: String, _ host: String, _ port: Int, _ hasTLS: Bool) throws {
        let gateway = try #require(GatewayID("dock-7"))
        let settings = UplinkSettings(name: "x", urls: [url], backend: "y", authentication: .mutualTLS)
        let made = try MQTTSettings(settings, url: url, gateway: gateway)
        #expect(made.host == host && made.port == port && (made.tls != nil) == hasTLS && made.clientID == "dock-7")
        for wrong in ["mqtts://", "mqtts://a:0", "mqtts://a:x", "mqtts://u@a", "mqtts://a/b", "https://a"] {
            #expect(throws: UplinkError.self) { try MQTTSettings(settings, url: wrong, gateway: gateway) }
        }
    }
}
