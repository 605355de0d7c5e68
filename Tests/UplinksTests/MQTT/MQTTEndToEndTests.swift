import Crypto
import MQTTClient
import Model
import Simulator
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Uplinks

@Suite(.timeLimit(.minutes(4)))
struct `MQTT from spool to backend` {
    @Test func `a thousand scans of sixteen lanes are accepted, each once, in each lane's order`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port)
            try await withBench(bench, broker.settings("backend")) { application in
                bench.fill(lanes: 16, children: 62)
                await bench.log.waitForSettled(1008)
                try bench.expectComplete(1008)
                let batch = try #require(application.batches.first)
                #expect(batch.message.contentType == Batch.contentType)
                #expect(batch.message.userProperty("content-encoding") == "gzip")
                #expect(batch.message.userProperty("traceparent")?.hasPrefix("00-") == true)
                #expect(batch.message.responseTopic == "scan/v1/dock-7/ack")
                let id = try #require(UUID(batch.id))
                let gateway = try #require(GatewayID("dock-7"))
                #expect(
                    MessageMAC.batch.isValid(
                        batch.message.userProperty("mac") ?? "", gateway: gateway, batchID: id, payload: batch.payload,
                        key: application.key))
            }
        }
    }

    @Test func `no scan is lost, and none accepted twice, while the broker is killed and started again`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port) { $0.batching.maxScans = 3 }
            try await withBench(bench, broker.settings("backend")) { _ in
                bench.fill(lanes: 8, children: 62)
                for count in [30, 90] {
                    await bench.log.waitForSettled(count)
                    broker.stop()
                    try await broker.start()
                }
                await bench.log.waitForSettled(504)
                try bench.expectComplete(504)
            }
        }
    }

    @Test func `a batch whose ack does not come goes out again, the same bytes under the same id, and counts once`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port)
            try await withBench(bench, broker.settings("backend"), plan: { [.drop, .swallow, .answer][min($0, 2)] }) {
                application in
                bench.fill(lanes: 1, children: 5)
                await bench.log.waitForSettled(6)
                try bench.expectComplete(6)
                let batches = application.batches
                // More on a machine that is too busy to answer the third within the time for an ack.
                #expect(batches.count >= 3 && Set(batches.map(\.id)).count == 1)
                #expect(batches.allSatisfy { $0.payload == batches[0].payload })
                #expect(try bench.simulator.count("replayed") >= 1)
                #expect(await bench.delivery.status().retries >= 2)
            }
        }
    }

    @Test func `acks may come twice, and in another order`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port)
            try await withBench(
                bench, broker.settings("backend"), plan: { $0 == 0 ? .afterNext : $0 == 1 ? .answer : .repeated(3) }
            ) { _ in
                bench.fill(lanes: 4, children: 30)
                await bench.log.waitForSettled(124)
                try bench.expectComplete(124)
                try await eventually("the repeats are counted") { await bench.delivery.status().foreignResults > 0 }
            }
        }
    }

    enum Forgery: String, CaseIterable, Sendable {
        case noCode, wrongCode, codeOfAnother, otherPayload, twoCodes
    }

    @Test(arguments: Forgery.allCases)
    func `an ack that does not prove itself counts for nothing`(_ forgery: Forgery) async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port)
            let key = MessageMAC.ackKey(of: HMACKey(MQTTBench.gatewayKey))
            let spoil: @Sendable (inout MQTTMessage) -> Void = { ack in
                let good = ack.userProperties
                switch forgery {
                case .noCode: ack.userProperties = []
                case .wrongCode:
                    ack.userProperties = [.init("mac", Base64URL.encode([UInt8](repeating: 7, count: 32)))]
                case .codeOfAnother:
                    guard let gateway = GatewayID("dock-7") else { return }
                    let code = MessageMAC.ack.code(gateway: gateway, batchID: scanID(1), payload: ack.payload, key: key)
                    ack.userProperties = [.init("mac", code)]
                case .otherPayload: ack.payload.append(32)
                case .twoCodes: ack.userProperties = good + good
                }
            }
            try await withBench(bench, broker.settings("backend"), plan: { $0 < 2 ? .spoil(spoil) : .answer }) {
                application in
                bench.fill(lanes: 1, children: 3)
                await bench.log.waitForSettled(4)
                // Neither of the two forged ones settled anything: a third was needed.
                #expect(application.batches.count >= 3)
                #expect(await bench.delivery.status().foreignResults >= 2)
                try bench.expectComplete(4)
            }
        }
    }

    @Test func `an ack with its right code for a batch that is not in flight counts for nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port)
            try await withBench(bench, broker.settings("backend")) { application in
                bench.fill(lanes: 1, children: 3)
                await bench.log.waitForSettled(4)
                let message = try #require(application.batches.first?.message)
                let id = scanID(77).description
                var stray = message
                stray.correlationData = Array(id.utf8)
                let reply = BatchReply(batchID: scanID(77), serverTime: "", results: []).encode()
                #expect(await application.publish(application.ack(to: stray, id, reply)).isAcknowledged)
                try await eventually("counted") { await bench.delivery.status().foreignResults == 1 }
            }
        }
    }

    @Test func `batches that are larger than the broker takes are halved`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.maxPacketBytes = 3000
            let broker = try await MosquittoBroker(in: directory, options)
            let bench = try MQTTBench(directory, port: broker.port) { $0.batching.maxScans = 100 }
            try await withBench(bench, broker.settings("backend")) { application in
                bench.fill(lanes: 2, children: 50)
                await bench.log.waitForSettled(102)
                try bench.expectComplete(102)
                #expect(application.batches.allSatisfy { $0.payload.count < 3000 })
                #expect(application.batches.count > 2)
            }
        }
    }

    @Test func `a topic that the broker's rules forbid pauses the uplink, says so, and loses nothing`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.users = ["dock-7": "secret"]
            options.rules = ["user dock-7", "topic read scan/v1/dock-7/ack"]
            let broker = try await MosquittoBroker(in: directory, options)
            try write(Array("secret\n".utf8), to: directory + "/password")
            let bench = try MQTTBench(directory, port: broker.port) {
                $0.authentication = .password(username: "dock-7", passwordFile: directory + "/password")
                $0.mqtt.ackKeyFile = directory + "/gateway.key"
            }
            try await bench.run {
                bench.fill(lanes: 3, children: 5)
                try await eventually("paused") { await bench.delivery.status().state == .paused }
                let error = try #require(await bench.delivery.status().lastError)
                #expect(error.contains("the broker refuses scan/v1/dock-7/batch: Not authorized (0x87)"))
                #expect(error.contains("allow it in the broker's rules"))
                #expect(bench.states.filter { $0.state == .paused }.count == 1)
                #expect(bench.log.settled.isEmpty)
            }
        }
    }

    @Test func `a wrong password pauses the uplink; a new file and a reload mend it`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.users = ["dock-7": "secret", "backend": "secret"]
            let broker = try await MosquittoBroker(in: directory, options)
            try write(Array("old\n".utf8), to: directory + "/password")
            let bench = try MQTTBench(directory, port: broker.port) {
                $0.authentication = .password(username: "dock-7", passwordFile: directory + "/password")
                $0.mqtt.ackKeyFile = directory + "/gateway.key"
            }
            var backend = broker.settings("backend")
            (backend.username, backend.password) = ("backend", "secret")
            try await withBench(bench, backend) { _ in
                bench.fill(lanes: 2, children: 5)
                try await eventually("paused") { await bench.delivery.status().state == .paused }
                let error = try #require(await bench.delivery.status().lastError)
                #expect(error.contains("the broker does not let the user dock-7 in") && error.contains("password"))
                try write(Array("secret\n".utf8), to: directory + "/password")
                await bench.delivery.reloadCredentials()
                await bench.log.waitForSettled(12)
                try bench.expectComplete(12)
            }
        }
    }

    struct BadTLS: Sendable, CustomTestStringConvertible {
        var certificate: String
        var authority: String
        var says: String
        var testDescription: String { says }
    }

    @Test(arguments: [
        BadTLS(certificate: "server", authority: "stranger.pem", says: "is not signed by"),
        BadTLS(certificate: "expired", authority: "ca.pem", says: "has expired"),
        BadTLS(certificate: "elsewhere", authority: "ca.pem", says: "is for another host name"),
    ])
    func `a broker that cannot be trusted gets nothing, and the status says why`(_ bad: BadTLS) async throws {
        try await withTemporaryDirectory { directory in
            try await offPool { try makeCertificates(directory) }
            var options = MosquittoBroker.Options()
            options.certificate = bad.certificate
            let broker = try await MosquittoBroker(in: directory, options)
            let bench = try MQTTBench(directory, port: broker.port, scheme: "mqtts") {
                $0.tls.caFile = directory + "/" + bad.authority
            }
            try await bench.run {
                bench.fill(lanes: 2, children: 5)
                try await eventually("the breaker opens", within: .seconds(60)) {
                    await bench.delivery.status().state == .open
                }
                let error = try #require(await bench.delivery.status().lastError)
                #expect(error.contains(bad.says), "\(error)")
                #expect(bench.log.settled.isEmpty)
            }
        }
    }

    @Test func `with client certificates over TLS scans go through, and each gateway has its own topics`() async throws
    {
        try await withTemporaryDirectory { directory in
            try await offPool { try makeCertificates(directory) }
            var options = MosquittoBroker.Options()
            options.certificate = "server"
            options.wantsClientCertificate = true
            // The certificates' names are client and server.
            options.rules = ["user client", "topic readwrite scan/v1/dock-7/#", "user server", "topic readwrite #"]
            let broker = try await MosquittoBroker(in: directory, options)
            let bench = try MQTTBench(directory, port: broker.port, scheme: "mqtts") {
                $0.authentication = .mutualTLS
                $0.mqtt.ackKeyFile = directory + "/gateway.key"
                $0.tls = .init(
                    caFile: directory + "/ca.pem", certFile: directory + "/client.pem",
                    keyFile: directory + "/client.key")
            }
            let tls = MQTTSettings.TLS(
                caFile: directory + "/ca.pem", certFile: directory + "/server.pem", keyFile: directory + "/server.key")
            try await withBench(bench, broker.settings("backend", tls: tls)) { _ in
                bench.fill(lanes: 4, children: 20)
                await bench.log.waitForSettled(84)
                try bench.expectComplete(84)
            }
        }
    }

    @Test func `a gateway whose id another client has taken pauses with an alarm and does not fight for its place`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let broker = ScriptedBroker(takesOver: true)
            defer { broker.close() }
            let bench = try MQTTBench(directory, port: Int(broker.port))
            try await bench.run {
                bench.fill(lanes: 4, children: 5)
                try await eventually("paused") { await bench.delivery.status().state == .paused }
                let error = try #require(await bench.delivery.status().lastError)
                #expect(error.contains("another client uses the id dock-7"))
                await bench.delivery.resume()
                try await eventually("paused again") { bench.states.filter { $0.state == .paused }.count >= 1 }
                #expect(broker.versions == [5])
                #expect(bench.log.settled.isEmpty)
            }
        }
    }

    @Test func `a broker without MQTT 5 is used where its rules vouch for acks, and refused where a code must`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port) {
                $0.mqtt.version = "3.1.1"
                $0.mqtt.ackProof = .brokerRules
            }
            // Without properties the other side finds the batch's id and encoding in the payload, and the topic by rule.
            try await withBench(bench, broker.settings("backend")) { _ in
                bench.fill(lanes: 2, children: 5)
                await bench.log.waitForSettled(12)
                try bench.expectComplete(12)
            }
            let strict = try MQTTBench(directory, port: broker.port) { $0.mqtt.version = "3.1.1" }
            try await strict.run {
                strict.fill(lanes: 1, children: 2)
                try await eventually("misconfigured") { await strict.delivery.status().state == .misconfigured }
                #expect(await strict.delivery.status().lastError?.contains("ack_auth = \"broker-acl\"") == true)
            }
        }
    }

    @Test func `a test of the way says how far it goes, and delivers nothing`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port) { $0.timeout = .seconds(60) }
            try await withBench(bench, broker.settings("backend")) { _ in
                try await eventually("connected") { await bench.delivery.status().state == .ok }
                let steps = try #require(await bench.delivery.test("tracetrack").first?.steps)
                #expect(steps.map(\.name) == ["address", "connection", "answer"])
                #expect(steps.allSatisfy { $0.outcome == .ok }, "\(steps)")
                #expect(try bench.simulator.acceptances().isEmpty)
            }
            // Without a daemon the test makes a connection of its own; here nobody answers.
            let idle = try MQTTBench(directory, port: broker.port)
            let steps = try #require(await idle.delivery.test("tracetrack").first?.steps)
            #expect(steps.map(\.outcome) == [.ok, .ok, .failed])
            #expect(steps.last?.text.contains("no ack within 2.0 seconds") == true, "\(steps)")
            idle.simulator.stop()
        }
    }

    @Test func `with ack = broker the broker's word is enough`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port) { $0.mqtt.ack = .broker }
            try await withBench(bench, broker.settings("backend"), plan: { _ in .swallow }) { application in
                bench.fill(lanes: 2, children: 15)
                await bench.log.waitForSettled(32)
                #expect(bench.log.settled.values.allSatisfy { $0 == .done })
                #expect(await bench.delivery.status().accepted == 32)
                try await eventually("all have arrived") { application.batches.count == 4 }
            }
        }
    }

    @Test func `with ack = broker a batch that the broker has nobody for is not accepted`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try MQTTBench(directory, port: broker.port) { $0.mqtt.ack = .broker }
            try await bench.run {
                bench.fill(lanes: 1, children: 3)
                try await eventually("the reason") {
                    await bench.delivery.status().lastError?.contains("nobody is subscribed") == true
                }
                #expect(bench.log.settled.isEmpty)
                let application = try await ApplicationSide(
                    broker.settings("backend"), backend: bench.simulator.url, gatewayKey: MQTTBench.gatewayKey,
                    plan: { _ in .swallow })
                await bench.log.waitForSettled(4)
                // Twice where its PUBACK came too late.
                try await eventually("it has arrived") { application.batches.count >= 1 }
                await application.stop()
            }
        }
    }

    @Test func `a broker that has learned MQTT 5 meanwhile is asked for it, where acks need their code`() async throws {
        let server = ScriptedBroker(speaks5: false)
        defer { server.close() }
        try await withTemporaryDirectory { directory in
            let bench = try MQTTBench(directory, port: Int(server.port))
            try await bench.run {
                bench.fill(lanes: 1, children: 1)
                try await eventually("refused") { await bench.delivery.status().state == .misconfigured }
                server.learnVersion5()
                try await eventually("asked again") { server.versions.filter { $0 == 5 }.count >= 2 }
                await bench.delivery.resume()
                try await eventually("published") { server.publishes >= 2 }
            }
        }
    }

    @Test func `the gateway's status is kept at the broker, and says offline when it stops`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let status = GatewayStatus(
                version: "1.2.3", configuration: "0123456789abcdef", waiting: 3, oldestAgeSeconds: 9, rejected: 1,
                held: 2,
                scannersMissing: ["scanner-9"])
            let bench = try MQTTBench(directory, port: broker.port, status: { status })
            let seen = Seen()
            let watcher = try MQTTClient(
                broker.settings("watcher"),
                onMessage: { message in seen.add(String(decoding: message.payload, as: UTF8.self)) })
            await watcher.subscribe("scan/v1/+/status")
            await watcher.connect()
            try await bench.run {
                try await eventually("online") { seen.texts.count == 1 }
                // Somebody takes the gateway's place, and goes again: the last will, and then the gateway anew.
                let thief = try MQTTClient(broker.settings("dock-7"))
                await thief.connect()
                #expect(await thief.connected(within: .seconds(10)) == nil)
                await thief.close()
                try await eventually("the will, and online again") { seen.texts.count == 3 }
            }
            try await eventually("offline") { seen.texts.count == 4 }
            var texts = seen.texts
            #expect(texts.remove(at: 1).hasSuffix("\"reason\":\"the connection was lost\"}"))
            #expect(texts.remove(at: 1).hasPrefix("{\"online\":true,"))
            #expect(texts[0].hasPrefix("{\"online\":true,\"gateway\":\"dock-7\","))
            #expect(
                texts[0].hasSuffix(
                    "\"version\":\"1.2.3\",\"configuration\":\"0123456789abcdef\",\"waiting\":3,\"oldest_age_s\":9,"
                        + "\"rejected\":1,\"held\":2,\"scanners_missing\":[\"scanner-9\"]}"))
            #expect(texts[1] == "{\"online\":false,\"gateway\":\"dock-7\",\"reason\":\"the gateway was stopped\"}")
            await watcher.close()
            #expect(try broker.log().contains("Client dock-7 disconnected."))
        }
    }
}

private final class Seen: Sendable {
    private let all = Mutex<[String]>([])
    var texts: [String] { all.withLock { $0 } }
    func add(_ text: String) { all.withLock { $0.append(text) } }
}

extension PublishOutcome {
    var isAcknowledged: Bool { if case .acknowledged = self { true } else { false } }
}
