import Crypto
import Glibc
import MQTTClient
import Model
import Simulator
import TestSupport
import Testing
import Wire

@testable import Uplinks

@Suite(.timeLimit(.minutes(5)))
struct `Relays under tracetrack-devices` {
    @Test func `two relays share the batches, and everything is accepted once`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 4)
            try await bench.run {
                let relays = [
                    try bench.makeRelay("a", to: bench.devicesUplink),
                    try bench.makeRelay("b", to: bench.devicesUplink),
                ]
                try await bench.with(relays) {
                    for gateway in bench.gateways { gateway.fill(lanes: 4, bags: 3, children: 12) }
                    try await bench.waitForSettled(4 * 4 * 39)
                }
                #expect(bench.refused.isEmpty)
                let acceptances = try bench.simulator.acceptances()
                #expect(acceptances.count == 4 * 4 * 39)
                #expect(acceptances.values.allSatisfy { $0 == 1 })
                #expect(try bench.simulator.count("order_broken") == 0)
                // 10 scans a batch: 16 lanes with at least four batches each.
                for relay in relays { #expect(relay.counts.answered >= 16) }
                #expect(relays.allSatisfy { $0.counts.refused == 0 && $0.counts.dropped == 0 })
            }
        }
    }

    @Test func `relays that are killed at any moment lose nothing, and nothing is accepted twice`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 4)
            try bench.simulator.addFault(Fault(.latency, contract: .devices, ms: 20))
            try await bench.run {
                var relays = [
                    try await bench.startProcess("a", web: false), try await bench.startProcess("b", web: false),
                ]
                for gateway in bench.gateways { gateway.fill(lanes: 4, bags: 10, children: 25) }
                for kill in 1...8 {
                    try await bench.waitForSettled(kill * 450)
                    let victim = kill % 2
                    #expect(relays[victim].end(SIGKILL) == SIGKILL)
                    relays[victim] = try await bench.startProcess(victim == 0 ? "a" : "b", web: false)
                }
                try await bench.waitForSettled(4 * 4 * 260)
                #expect(bench.refused.isEmpty)
                let acceptances = try bench.simulator.acceptances()
                #expect(acceptances.count == 4 * 4 * 260)
                #expect(try bench.simulator.count("accepted_twice") == 0)
                #expect(try bench.simulator.count("wrong_parent") == 0)
                // In good order: what is under way is answered first.
                for relay in relays { #expect(relay.end(SIGTERM) == 0) }
            }
        }
    }

    @Test func `a relay that is stopped answers what is under way, and takes no more`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2, timeout: .seconds(600))
            try bench.simulator.addFault(Fault(.latency, contract: .devices, ms: 4000))
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    bench.gateways[0].fill(lanes: 2, bags: 1, children: 5)
                    try await eventually("two requests are under way") {
                        try bench.simulator.count("accepted") == 12
                    }
                    #expect(relay.counts.answered == 0)
                    await relay.stop()
                    #expect(relay.counts.answered == 2)
                    // The gateway asks again after ten minutes only: these are the first acks.
                    try await bench.waitForSettled(12)
                    bench.gateways[1].fill(lanes: 1, bags: 1, children: 5)
                }
                #expect(bench.settled == 12)
                #expect(try bench.simulator.count("requests") == 2)
            }
        }
    }

    @Test func `a batch without its gateway's code, or on another's topic, is not forwarded`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2)
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    let stranger = try await Stranger(port: broker.port)
                    let gateway = bench.gateways[0]
                    let lane = try #require(LaneID("table-0"))
                    let (_, good) = gateway.message([gateway.scan(lane, .parent, "SB00860", parent: "")])
                    var bare = good
                    bare.userProperties = []
                    var wrong = good
                    wrong.userProperties = [.init("mac", Base64URL.encode([UInt8](repeating: 7, count: 32)))]
                    var moved = good
                    moved.topic = "scan/v1/\(bench.gateways[1].id)/batch"
                    var changed = good
                    changed.payload[changed.payload.count - 3] ^= 1
                    var unknown = good
                    unknown.topic = "scan/v1/dock-99/batch"
                    var page = good
                    page.contentType = "text/html"
                    let (id, _) = gateway.message([])
                    let renamed = gateway.message(id, good.payload)
                    let forged = [bare, wrong, moved, changed, unknown, page, renamed]
                    for message in forged { _ = await stranger.publish(message) }
                    try await eventually("all are judged") { relay.counts.refused == forged.count }
                    #expect(try bench.simulator.count("requests") == 0)
                    // The same without a fault goes through: it was not something else that kept them.
                    _ = await stranger.publish(good)
                    try await eventually("the good one is answered") { relay.counts.answered == 1 }
                    try await eventually("its ack is there") { stranger.messages.count == 1 }
                    #expect(stranger.messages.first?.topic == "scan/v1/dock-0/ack")
                    await stranger.close()
                }
            }
        }
    }

    @Test func `a batch in another gateway's name is not forwarded, even under the sender's own code`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2)
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    let stranger = try await Stranger(port: broker.port)
                    let lane = try #require(LaneID("table-0"))
                    let victim = bench.gateways[1]
                    let (id, other) = victim.message([victim.scan(lane, .parent, "SB00860", parent: "")])
                    _ = await stranger.publish(bench.gateways[0].message(id, other.payload))
                    try await eventually("it is judged") { relay.counts.refused == 1 }
                    #expect(try bench.simulator.count("requests") == 0)
                    await stranger.close()
                }
            }
        }
    }

    @Test func `a batch that is too large is turned down, so that its gateway halves it`() async throws {
        try await withTemporaryDirectory { directory in
            var options = MosquittoBroker.Options()
            options.maxPacketBytes = 1 << 20
            let broker = try await MosquittoBroker(in: directory, options)
            let bench = try Bench(directory, port: broker.port, gateways: 1)
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    let stranger = try await Stranger(port: broker.port)
                    let gateway = bench.gateways[0]
                    let (id, _) = gateway.message([])
                    _ = await stranger.publish(gateway.message(id, [UInt8](repeating: 32, count: 130_001)))
                    try await eventually("it is answered") { stranger.messages.count == 1 }
                    let reply = try BatchReply.parse(try #require(stranger.messages.first).payload)
                    #expect(reply.batchID == id)
                    #expect(reply.refusal?.status == 413)
                    try await eventually("it is counted") { relay.counts.turnedDown == 1 }
                    #expect(try bench.simulator.count("requests") == 0)
                    await stranger.close()
                }
            }
        }
    }

    @Test func `what the backend turns down is bisected by the gateway, and all that is good arrives`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            // A single scan is about 900 bytes with its header, ten are more than twice as much.
            let bench = try Bench(directory, port: broker.port, gateways: 1) { $0.maxBatchBytes = 2000 }
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    bench.gateways[0].fill(lanes: 1, bags: 1, children: 9)
                    try await bench.waitForSettled(10)
                }
                #expect(bench.refused.isEmpty)
                #expect(relay.counts.turnedDown >= 3)
                #expect(try bench.simulator.acceptances().count == 10)
            }
        }
    }

    @Test func `while the backend fails nothing is answered, and afterwards everything is delivered`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2)
            let fault = try bench.simulator.addFault(Fault(.status, contract: .devices, status: 503))
            try await bench.run {
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                try await bench.with([relay]) {
                    for gateway in bench.gateways { gateway.fill(lanes: 2, bags: 1, children: 5) }
                    // Each batch more than once: the gateways ask again.
                    try await eventually("batches fail") { relay.counts.failed >= 6 }
                    #expect(relay.counts.answered == 0)
                    #expect(bench.settled == 0)
                    bench.simulator.clearFaults(fault)
                    try await bench.waitForSettled(2 * 2 * 6)
                }
                #expect(bench.refused.isEmpty)
                #expect(try bench.simulator.count("accepted_twice") == 0)
            }
        }
    }

    @Test func `a gateway that the backend does not let in holds up no other`() async throws {
        try await withTemporaryDirectory { directory in
            let broker = try await MosquittoBroker(in: directory)
            let bench = try Bench(directory, port: broker.port, gateways: 2)
            try await bench.run {
                // The backend knows another key of dock-0 than the relay and the gateway do.
                let other = [UInt8](repeating: 9, count: 32)
                try write(Array("\(Base64URL.encode(other))\n".utf8), to: "\(directory)/keys/dock-0")
                let relay = try bench.makeRelay("a", to: bench.devicesUplink)
                let stranger = try await Stranger(port: broker.port)
                try await bench.with([relay]) {
                    let gateway = bench.gateways[0]
                    let (id, _) = gateway.message([])
                    var message = gateway.message(id, Array("{\"gateway\":\"dock-0\",\"batch_id\":\"\(id)\"}".utf8))
                    let code = MessageMAC.batch.code(
                        gateway: gateway.id, batchID: id, payload: message.payload,
                        key: MessageMAC.ackKey(of: HMACKey(other)))
                    message.userProperties = [.init("mac", code)]
                    _ = await stranger.publish(message)
                    try await eventually("it is refused") { relay.counts.failed == 1 }
                    bench.gateways[1].fill(lanes: 1, bags: 1, children: 5)
                    try await eventually("the other's scans are settled") { bench.gateways[1].log.settled.count == 6 }
                }
                await stranger.close()
                #expect(bench.refused.isEmpty)
            }
        }
    }
}
