internal import Crypto
internal import Glibc
internal import HTTPClient
internal import JSON
internal import MQTTClient
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// Relays side by side: a broker, the reference backend and the relays as processes, the gateways in this one.
enum RelayRows {
    private static let gateways = 200
    private static let connections = 4
    private static let scansInBatch = 10
    private static let seconds = 4.0

    static func relay(_ bench: Bench) async throws -> Row {
        let site = try RelaySite(bench, gateways: gateways)
        var row = Row(name: "relay", title: "200 gateways by way of 1, 2 and 4 relays, tracetrack-devices")
        // So few that the relay's window is what bounds it: the processors are shared by broker, backend and gateways.
        let (latency, window) = (20, 4)
        var rates: [Int: [Double]] = [:]
        for _ in 0..<3 {
            for relays in [1, 2, 4] {
                rates[relays, default: []].append(
                    try await measure(bench, site, relays: relays, inFlight: window, latencyMs: latency))
            }
        }
        let medians = rates.mapValues { Order.median($0) }
        let (one, two, four) = (medians[1] ?? 0, medians[2] ?? 0, medians[4] ?? 0)
        row.add("1 relay", "scans/s", one)
        row.add("2 relays", "scans/s", two)
        row.add("4 relays", "scans/s", four)
        row.add("2 relays for 1", "x", one > 0 ? two / one : 0, target: ">= 1.6 x", met: two >= 1.6 * one)
        var free: [Int: [Double]] = [:]
        for _ in 0..<2 {
            for relays in [1, 2] {
                free[relays, default: []].append(
                    try await measure(bench, site, relays: relays, inFlight: 64, latencyMs: 0))
            }
        }
        row.add("1 relay, no latency, in_flight 64", "scans/s", Order.median(free[1] ?? []))
        row.add("2 relays, no latency, in_flight 64", "scans/s", Order.median(free[2] ?? []))
        row.notes.append(
            "accepted by tracetrack-sim, median of 3 times \(Int(seconds)) s in turn; a batch of \(scansInBatch) scans "
                + "under way for each gateway; the first four with a backend that takes \(latency) ms and in_flight = "
                + "\(window), so that a relay's window bounds it: \(window * scansInBatch * 1000 / latency) scans/s at most"
        )
        row.notes.append(
            "broker, backend, relays and gateways share the processors: without latency these bound it, not the relay")
        return row
    }

    private static func measure(_ bench: Bench, _ site: RelaySite, relays: Int, inFlight: Int, latencyMs: Int)
        async throws -> Double
    {
        let backend = try site.startBackend(bench)
        defer { backend.process.end() }
        let broker = try BrokerProcess(site.directory)
        defer { broker.end() }
        let http = HTTPClient()
        defer { http.close() }
        if latencyMs > 0 {
            try await post(http, "\(backend.url)/sim/faults", "{\"kind\":\"latency\",\"ms\":\(latencyMs)}")
        }
        let processes = try (0..<relays).map {
            try site.startRelay(bench, "relay-\($0)", broker: broker.port, backend: backend.url, inFlight: inFlight)
        }
        defer { for process in processes { process.end() } }
        let load = try await RelayLoad(
            site, port: UInt16(broker.port), connections: connections, scansInBatch: scansInBatch)
        let running = Task { await load.run() }
        // Until all relays are connected and every gateway has had an answer.
        let patience = nowMs() + 20_000
        while load.gatewaysAnswered < gateways {
            guard nowMs() < patience else { throw BenchError("the gateways are not answered") }
            try await Task.sleep(for: .milliseconds(50))
        }
        let (before, start) = (try await accepted(http, backend.url), nowMs())
        try await Task.sleep(for: .seconds(seconds))
        let (after, end) = (try await accepted(http, backend.url), nowMs())
        running.cancel()
        await load.close()
        await running.value
        return Double(after - before) * 1000 / (end - start)
    }

    private static func post(_ http: HTTPClient, _ url: String, _ body: String) async throws {
        let response = try await http.send(
            HTTPRequest(.post, url, body: Array(body.utf8), policy: HTTPPolicy(), mayRepeat: true))
        guard response.status == 200 else { throw BenchError("\(url) answered \(response.status)") }
    }

    private static func accepted(_ http: HTTPClient, _ url: String) async throws -> Int64 {
        let response = try await http.send(HTTPRequest(.get, "\(url)/sim/state", policy: HTTPPolicy(), mayRepeat: true))
        return try JSONValue.parse(response.body)["accepted"]?.integer ?? 0
    }
}

/// The files of broker, backend and relays.
struct RelaySite: Sendable {
    let directory: String
    let gateways: [(id: GatewayID, key: [UInt8])]
    let device: [UInt8]

    init(_ bench: Bench, gateways count: Int) throws {
        directory = try bench.directory("relay")
        try Files.makeDirectory(directory + "/keys")
        device = [UInt8](1...32)
        var gateways: [(id: GatewayID, key: [UInt8])] = []
        var lines = ""
        for number in 0..<count {
            guard let id = GatewayID("dock-\(number)") else { throw BenchError("no name") }
            let key = SHA256.digest(Array(id.text.utf8))
            try Files.replace("\(directory)/keys/\(id)", with: Array(Base64URL.encode(key).utf8))
            gateways.append((id, key))
            lines +=
                "{\"gateway\":\"\(id)\",\"name\":\"scanner\",\"alg\":\"hs256\",\"key\":\"\(Base64URL.encode(Self.key(device, id)))\"}\n"
        }
        self.gateways = gateways
        try Files.replace(directory + "/keys.jsonl", with: Array(lines.utf8))
    }

    /// A key for each gateway's scanner: ids of keys are unique at the backend.
    static func key(_ device: [UInt8], _ gateway: GatewayID) -> [UInt8] {
        SHA256.digest(device + Array(gateway.text.utf8))
    }

    func startBackend(_ bench: Bench) throws -> (process: Child, url: String) {
        for suffix in ["", "-wal", "-shm"] { unlink(directory + "/backend.db" + suffix) }
        var words = [
            bench.program("tracetrack-sim"), "--listen", "127.0.0.1:0", "--db", directory + "/backend.db", "--keys",
            directory + "/keys.jsonl", "--auth", "signature",
        ]
        for gateway in gateways { words += ["--gateway-key", "\(gateway.id):\(Base64URL.encode(gateway.key))"] }
        let process = try Child(words)
        let line = try process.firstLine()
        guard let url = line.split(separator: " ").last, url.hasPrefix("http") else {
            throw BenchError("tracetrack-sim does not start: \(line)")
        }
        return (process, String(url))
    }

    func startRelay(_ bench: Bench, _ id: String, broker: Int, backend: String, inFlight: Int) throws -> Child {
        let text = """
            [relay]
            url = "mqtt://127.0.0.1:\(broker)"
            id = "\(id)"
            keys_dir = "\(directory)/keys"
            in_flight = \(inFlight)
            [[uplink]]
            url = "\(backend)"
            contract = "tracetrack-devices"
            auth = { kind = "signature" }

            """
        let file = "\(directory)/\(id).toml"
        try Files.replace(file, with: Array(text.utf8))
        return try Child([bench.program("scangate"), "relay", "--config", file], log: "\(directory)/\(id).log")
    }
}

/// Gateways that each have one batch under way, over a few connections; one that is not answered in 5 s sends again.
final class RelayLoad: Sendable {
    private struct Gateway: Sendable {
        let id: GatewayID
        let ackKey: HMACKey
        let device: HMACKey
        let kid: KeyID
        let acks: AsyncStream<[UInt8]>
    }

    private final class Inbox: Sendable {
        private let doors = Mutex<[String: AsyncStream<[UInt8]>.Continuation]>([:])
        func open(_ topic: String, _ door: AsyncStream<[UInt8]>.Continuation) { doors.withLock { $0[topic] = door } }
        func take(_ message: MQTTMessage) {
            _ = doors.withLock { $0[message.topic] }?.yield(message.correlationData ?? [])
        }
        func close() { doors.withLock { $0.values.forEach { $0.finish() } } }
    }

    private let gateways: [Gateway]
    private let clients: [MQTTClient]
    private let inbox = Inbox()
    private let scansInBatch: Int
    private let answered = Mutex<Set<GatewayID>>([])

    var gatewaysAnswered: Int { answered.withLock { $0.count } }

    init(_ site: RelaySite, port: UInt16, connections: Int, scansInBatch: Int) async throws {
        self.scansInBatch = scansInBatch
        let inbox = inbox
        gateways = try site.gateways.map { gateway in
            let (acks, door) = AsyncStream.makeStream(of: [UInt8].self, bufferingPolicy: .bufferingNewest(4))
            inbox.open("scan/v1/\(gateway.id)/ack", door)
            let key = RelaySite.key(site.device, gateway.id)
            guard let kid = KeyID(Hex.encode(SHA256.digest(Array("scangate kid v1\n".utf8) + key).prefix(8))) else {
                throw BenchError("no key id")
            }
            return Gateway(
                id: gateway.id, ackKey: MessageMAC.ackKey(of: HMACKey(gateway.key)), device: HMACKey(key), kid: kid,
                acks: acks)
        }
        clients = try (0..<connections).map { number in
            try MQTTClient(
                MQTTSettings(host: "127.0.0.1", port: port, tls: nil, clientID: "load-\(number)"),
                onMessage: { inbox.take($0) })
        }
        for (number, client) in clients.enumerated() {
            // Each takes the acks of its own gateways: one filter would bring all of them to all.
            for gateway in stride(from: number, to: gateways.count, by: connections) {
                await client.subscribe("scan/v1/\(gateways[gateway].id)/ack")
            }
            await client.connect()
        }
        for client in clients {
            var failure = await client.connected(within: .seconds(5))
            let patience = nowMs() + 10_000
            while failure != nil, nowMs() < patience { failure = await client.connected(within: .seconds(5)) }
            if let failure { throw BenchError(failure.description) }
        }
    }

    func run() async {
        await withDiscardingTaskGroup { group in
            for (number, gateway) in gateways.enumerated() {
                group.addTask { await self.work(gateway, self.clients[number % self.clients.count], number) }
            }
        }
    }

    func close() async {
        inbox.close()
        for client in clients { await client.close() }
    }

    private func work(_ gateway: Gateway, _ client: MQTTClient, _ number: Int) async {
        var acks = gateway.acks.makeAsyncIterator()
        var n: Int64 = 0
        while !Task.isCancelled {
            let (id, message) = batch(gateway, number, &n)
            let wanted = Array(id.description.utf8)
            // The gateway's own timer; it is ended by the answer.
            let again = Task {
                repeat { _ = await client.publish(message) } while (try? await Task.sleep(for: .seconds(5))) != nil
            }
            var ack = await acks.next()
            while let other = ack, other != wanted { ack = await acks.next() }
            again.cancel()
            guard ack != nil else { return }
            _ = answered.withLock { $0.insert(gateway.id) }
        }
    }

    private func batch(_ gateway: Gateway, _ number: Int, _ n: inout Int64) -> (UUID, MQTTMessage) {
        let now = TimeSource.system.now()
        var scans: [[UInt8]] = []
        for _ in 0..<scansInBatch {
            n += 1
            if let scan = scan(gateway, number, n, now) { scans.append(scan) }
        }
        let id = UUID(version7At: now.wallMs, random: (.random(in: 0 ... .max), .random(in: 0 ... .max)))
        let body = Batch.encode(
            BatchHeader(
                batchID: id, gateway: gateway.id, site: "", sentAt: now, boot: TimeSource.system.bootID,
                clockErrorMs: 0, traceparent: Batch.traceparent(unixMs: now.wallMs, random: (1, 2, 3))), scans: scans)
        let code = MessageMAC.batch.code(gateway: gateway.id, batchID: id, payload: body, key: gateway.ackKey)
        return (
            id,
            MQTTMessage(
                "scan/v1/\(gateway.id)/batch", body, contentType: Batch.contentType,
                correlationData: Array(id.description.utf8), userProperties: [.init(MessageMAC.property, code)])
        )
    }

    // Bags without children: the backend's bag rules are not what is measured.
    private func scan(_ gateway: Gateway, _ number: Int, _ n: Int64, _ now: Moment) -> [UInt8]? {
        guard let device = DeviceID("scanner"), let lane = LaneID("table-1"), let log = LogID("9f2c4a1be07d6358") else {
            return nil
        }
        let scan = Scan(
            id: UUID(version7At: now.wallMs, random: (.random(in: 0 ... .max), .random(in: 0 ... .max))),
            gateway: gateway.id, device: device, kid: gateway.kid, log: log, seq: n, lane: lane, laneSeq: n,
            capturedAt: now, boot: TimeSource.system.bootID, role: .parent,
            data: Array("SB\(10_000 + (Int(n) * 211 + number) % 90_000)".utf8))
        return WireScan.encode(scan) { gateway.device.authenticate($0) }
    }
}
