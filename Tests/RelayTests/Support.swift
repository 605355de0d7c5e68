import Crypto
import Glibc
import HTTPClient
import MQTTClient
import Model
import Posix
import Simulator
import Synchronization
import TestSupport
import Testing
import Wire

@testable import Uplinks

func gatewayID(_ text: String) -> GatewayID {
    guard let id = GatewayID(text) else { fatalError("\(text) is no gateway") }
    return id
}

/// One gateway's spool in memory: what it has scanned, and what became of it.
final class GatewayLog: ScanLog {
    private struct State {
        var lanes: [LaneID: [StoredScan]] = [:]
        var settled: [Int64: Settlement] = [:]
    }

    private let state = Mutex(State())

    var settled: [Int64: Settlement] { state.withLock { $0.settled } }

    func add(_ scans: [StoredScan], to lane: LaneID) { state.withLock { $0.lanes[lane, default: []] += scans } }

    func lanesWaiting(for group: GroupID) async throws -> [LaneID: Int] {
        state.withLock { $0.lanes.mapValues(\.count).filter { $0.value > 0 } }
    }

    func waiting(for group: GroupID, lane: LaneID, maxScans: Int, maxBytes: Int) async throws -> [StoredScan] {
        state.withLock { Array(($0.lanes[lane] ?? []).prefix(maxScans)) }
    }

    func settle(
        group: GroupID, lane: LaneID, _ outcomes: [(n: Int64, settlement: Settlement)], durable: Bool
    ) async throws {
        state.withLock { state in
            for (n, settlement) in outcomes { state.settled[n] = settlement }
            let gone = Set(outcomes.map(\.n))
            state.lanes[lane]?.removeAll { gone.contains($0.n) }
        }
    }

    func skipOldest(for group: GroupID, keeping limit: Int) async throws -> Int { 0 }
}

/// A gateway without scanners: the real uplink over MQTT, a spool in memory, one device's key.
final class TestGateway: Sendable {
    let id: GatewayID
    let key: [UInt8]
    let deviceKey: Crypto.HMACKey
    let kid: String
    let log = GatewayLog()
    let delivery: any Delivery
    private let context: DeliveryContext
    private let scans = Mutex(0)
    private let number: Int

    init(_ number: Int, broker port: Int, directory: String, http: HTTPClient, timeout: Duration = .seconds(1)) throws {
        self.number = number
        id = gatewayID("dock-\(number)")
        key = (0..<32).map { UInt8(truncatingIfNeeded: $0 + number * 7) }
        let secret = (0..<32).map { UInt8(truncatingIfNeeded: $0 + number * 3 + 100) }
        deviceKey = HMACKey(secret)
        kid = DeviceKey.id(of: secret)
        let file = "\(directory)/keys/\(id)"
        try write(Array("\(Base64URL.encode(key))\n".utf8), to: file)
        var settings = UplinkSettings(
            name: "tracetrack", urls: ["mqtt://127.0.0.1:\(port)"], backend: "prod",
            authentication: .signature(keyFile: file))
        settings.contract = .devices
        settings.batching.maxScans = 10
        settings.timeout = timeout
        settings.mqtt.maxMessagesPerSecond = 10_000
        settings.mqtt.maxBytesPerSecond = 1 << 30
        context = DeliveryContext(
            gateway: id, site: "", log: log, client: http, time: .system, random: { UInt64.random(in: 0 ... .max) })
        // A wait of minutes is no test of anything here.
        var impatient = context
        impatient.jitter = { UInt64.random(in: 0...200) }
        guard let delivery = try buildDeliveries([UplinkGroup(settings)], context: impatient).first else {
            fatalError("no delivery")
        }
        self.delivery = delivery
    }

    /// The line of `device export --reveal`.
    var exported: String {
        "{\"gateway\":\"\(id)\",\"name\":\"scanner\",\"kind\":\"serial\",\"lane\":\"table-0\",\"kid\":\"\(kid)\","
            + "\"alg\":\"hs256\",\"key\":\"\(Base64URL.encode(deviceKey.bytes))\"}\n"
    }

    /// Scans so many bags with so many children in each of so many lanes.
    func fill(lanes: Int, bags: Int, children: Int) {
        for table in 0..<lanes {
            guard let lane = LaneID("table-\(table)") else { fatalError("no lane") }
            var scans: [StoredScan] = []
            for bag in 0..<bags {
                let parent = "SB\(10_000 + number * 1000 + table * 100 + bag)"
                scans.append(scan(lane, .parent, parent, parent: ""))
                for child in 0..<children {
                    scans.append(scan(lane, .child, "C\(number)X\(table)X\(bag)X\(child)", parent: parent))
                }
            }
            log.add(scans, to: lane)
            delivery.scansArrived(in: [lane])
        }
    }

    /// A scan, signed by the device or by a stranger.
    func scan(_ lane: LaneID, _ role: ScanRole, _ label: String, parent: String, signer: HMACKey? = nil) -> StoredScan {
        let n = scans.withLock { count in
            count += 1
            return count
        }
        guard let device = DeviceID("scanner"), let kid = KeyID(kid), let log = LogID("9f2c4a1be07d6358") else {
            fatalError("a name is wrong")
        }
        let scan = Scan(
            id: UUID(high: 0x019a_a0c2_7a10_7000 | UInt64(number), low: 0x8000_0000_0000_0000 | UInt64(n)),
            gateway: id, device: device, kid: kid, log: log, seq: Int64(n), lane: lane, laneSeq: Int64(n),
            capturedAt: Moment(uptimeNs: 1_000_000, wallMs: 1_795_233_600_000, synced: true),
            boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", role: role, parent: parent, data: Array(label.utf8))
        let signer = signer ?? deviceKey
        return StoredScan(n: Int64(n), wire: WireScan.encode(scan) { signer.authenticate($0) })
    }

    /// A batch of stored scans, as this gateway publishes it.
    func message(_ stored: [StoredScan]) -> (id: UUID, message: MQTTMessage) {
        let batch = UUID(version7At: 1_795_233_600_000, random: (.random(in: 0 ... .max), .random(in: 0 ... .max)))
        let body = Batch.encode(
            BatchHeader(
                batchID: batch, gateway: id, site: "",
                sentAt: Moment(uptimeNs: 1, wallMs: 1_795_233_600_000, synced: true),
                boot: "1f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", clockErrorMs: 0,
                traceparent: Batch.traceparent(unixMs: 0, random: (1, 2, 3))), scans: stored.map(\.wire))
        return (batch, message(batch, body))
    }

    /// A message with these bytes, under this gateway's code.
    func message(_ batch: UUID, _ body: [UInt8]) -> MQTTMessage {
        let code = MessageMAC.batch.code(
            gateway: id, batchID: batch, payload: body, key: MessageMAC.ackKey(of: HMACKey(key)))
        return MQTTMessage(
            "scan/v1/\(id)/batch", body, contentType: Batch.contentType,
            correlationData: Array(batch.description.utf8), userProperties: [.init("mac", code)])
    }
}

/// A broker, a backend, gateways, and a directory with what relays need of files.
final class Bench: Sendable {
    let directory: String
    let port: Int
    let simulator: Simulator
    let gateways: [TestGateway]
    let http = HTTPClient()

    init(
        _ directory: String, port: Int, gateways count: Int, timeout: Duration = .seconds(1),
        _ change: (inout SimulatorSettings) -> Void = { _ in }
    ) throws {
        self.directory = directory
        self.port = port
        if mkdir(directory + "/keys", 0o700) != 0 { throw SetupError("mkdir keys") }
        var wants = SimulatorSettings()
        wants.authentication = .signature
        wants.accounts = [("relay", "secret")]
        change(&wants)
        simulator = try Simulator(wants)
        var gateways: [TestGateway] = []
        for number in 0..<count {
            gateways.append(try TestGateway(number, broker: port, directory: directory, http: http, timeout: timeout))
        }
        self.gateways = gateways
        for gateway in gateways {
            try simulator.addDeviceKey(
                DeviceKey(gateway: gateway.id.text, name: "scanner", key: gateway.deviceKey.bytes))
            try simulator.addGatewayKey(gateway: gateway.id.text, key: gateway.key)
        }
        try write(Array(gateways.map(\.exported).joined().utf8), to: directory + "/devices.jsonl")
        try write(Array("secret\n".utf8), to: directory + "/password")
    }

    var relaySettings: RelaySettings {
        RelaySettings(url: "mqtt://127.0.0.1:\(port)", keysDirectory: directory + "/keys")
    }

    var devicesUplink: UplinkSettings {
        var uplink = UplinkSettings(
            name: "tracetrack", urls: [simulator.url], backend: "prod",
            authentication: .signature(keyFile: directory + "/keys"))
        uplink.contract = .devices
        return uplink
    }

    var webUplink: UplinkSettings {
        UplinkSettings(
            name: "tracetrack", urls: [simulator.url], backend: "prod",
            authentication: .login([.init(username: "relay", passwordFile: directory + "/password")]))
    }

    func makeRelay(
        _ id: String, to uplink: UplinkSettings, _ change: (inout RelaySettings) -> Void = { _ in }
    ) throws -> Relay {
        var settings = relaySettings
        settings.id = id
        settings.devicesFile = directory + "/devices.jsonl"
        change(&settings)
        return try Relay(
            settings, to: uplink, http: http, time: .system, random: { UInt64.random(in: 0 ... .max) })
    }

    /// Runs relays while `body` works.
    func with(_ relays: [Relay], isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void)
        async throws
    {
        let work = relays.map { relay in Task { await relay.run() } }
        var failure: (any Error)?
        do {
            try await eventually("the relays are connected") { relays.allSatisfy(\.isConnected) }
            try await body()
        } catch { failure = error }
        for relay in relays { await relay.stop() }
        for one in work { await one.value }
        if let failure { throw failure }
    }

    /// Runs the gateways' deliveries while `body` works; closes all afterwards.
    func run(isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Void) async throws {
        let work = gateways.map { gateway in Task { await gateway.delivery.run() } }
        var failure: (any Error)?
        do { try await body() } catch { failure = error }
        for gateway in gateways { await gateway.delivery.stop() }
        for one in work { await one.value }
        http.close()
        simulator.stop()
        if let failure { throw failure }
    }

    var settled: Int { gateways.reduce(0) { $0 + $1.log.settled.count } }

    /// Scans that are neither accepted nor a duplicate.
    var refused: [Settlement] { gateways.flatMap { $0.log.settled.values.filter { $0 != .done } } }

    func waitForSettled(
        _ count: Int, within limit: Duration = .seconds(200), isolation: isolated (any Actor)? = #isolation
    ) async throws {
        try await eventually("\(count) scans are settled", within: limit) { self.settled >= count }
    }

    /// The configuration of a relay as a process.
    func writeConfiguration(_ id: String, web: Bool) throws -> String {
        let auth =
            web
            ? "{ kind = \"login\", accounts = [{ username = \"relay\", password_file = \"\(directory)/password\" }] }"
            : "{ kind = \"signature\" }"
        let text = """
            [relay]
            url = "mqtt://127.0.0.1:\(port)"
            id = "\(id)"
            keys_dir = "\(directory)/keys"
            devices_file = "\(directory)/devices.jsonl"
            answer_within = "2 s"
            [[uplink]]
            name = "tracetrack"
            url = "\(simulator.url)"
            contract = "\(web ? "tracetrack-web" : "tracetrack-devices")"
            auth = \(auth)

            """
        let path = "\(directory)/\(id).toml"
        try write(Array(text.utf8), to: path)
        return path
    }

    /// A relay as a process of its own, once it is connected.
    func startProcess(_ id: String, web: Bool, isolation: isolated (any Actor)? = #isolation) async throws
        -> ChildProcess
    {
        let configuration = try writeConfiguration(id, web: web)
        let log = "\(directory)/\(id).log"
        let before = processLog(id).components("connected")
        let process = try ChildProcess("scangate", ["relay", "--config", configuration], output: log)
        try await eventually("\(id) is connected") { self.processLog(id).components("connected") > before }
        return process
    }

    func processLog(_ id: String) -> String {
        (try? read("\(directory)/\(id).log")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension String {
    /// How often a word comes.
    func components(_ word: String) -> Int { split(separator: "\n").count { $0.hasSuffix(word) } }
}

/// A client that publishes what a test makes, and keeps what comes on a filter.
final class Stranger: Sendable {
    private let client: MQTTClient

    init(port: Int, id: String = "stranger", filter: String = "scan/v1/+/ack") async throws {
        let store = Store()
        client = try MQTTClient(
            MQTTSettings(host: "127.0.0.1", port: UInt16(port), tls: nil, clientID: id),
            onMessage: { store.add($0) })
        self.store = store
        await client.subscribe(filter)
        await client.connect()
        if let failure = await client.connected(within: .seconds(10)) { throw failure }
    }

    private final class Store: Sendable {
        private let list = Mutex<[MQTTMessage]>([])
        var all: [MQTTMessage] { list.withLock { $0 } }
        func add(_ message: MQTTMessage) { list.withLock { $0.append(message) } }
    }

    private let store: Store

    var messages: [MQTTMessage] { store.all }

    func publish(_ message: MQTTMessage) async -> PublishOutcome { await client.publish(message) }

    func close() async { await client.close() }
}
