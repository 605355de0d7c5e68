internal import CBareLoop
internal import Glibc
internal import MQTTClient
internal import Posix
internal import Synchronization

/// Beside what a user would take instead over MQTT: a mosquitto with a bridge to the backend's broker.
enum PeerMQTTRows {
    private static let lanes = 8
    private static let rounds = 3

    static func bridge(_ bench: Bench) async throws -> Row {
        let live = try await live(bench)
        let scans = 50_000
        let site = try await BacklogRows.backlog(bench, "bridge-out", 200_000, lanes: 16)
        var (ours, theirs): ([Double], [Double]) = ([], [])
        for part in 0..<rounds {
            ours.append(try await drain(bench, site, part))
            theirs.append(try await drainBridge(bench, "bridge-\(part)", scans))
        }
        var row = Row(
            name: "peer-mqtt", title: "beside a bridge of mosquitto with persistence, to a broker", beside: "mosquitto")
        for (saving, pace) in [(Bridge.Saving.seldom, live.seldom), (.eachMessage, live.eachMessage)] {
            row.add(
                "scan in -> at the far broker, 200/s, p50, \(saving.rawValue)", "ms", live.ours.p50, bare: pace.p50)
            row.add(
                "scan in -> at the far broker, 200/s, p99, \(saving.rawValue)", "ms", live.ours.p99, bare: pace.p99)
        }
        row.add("backlog out, its default saving", "scans/s", Order.median(ours), bare: Order.median(theirs))
        row.notes.append(
            "in turn, \(rounds) parts; mosquitto gets a message a scan with QoS 1 and acknowledges it before it saves, "
                + "ours has each scan on stable storage before it goes out; backlog: 200,000 of ours, "
                + "\(Report.whole(scans)) of the bridge's, from the first arrival to the last; "
                + "\(live.ours.missing), \(live.seldom.missing) and \(live.eachMessage.missing) missing")
        return row
    }

    private struct Live: Sendable {
        var ours = Pace()
        var seldom = Pace()
        var eachMessage = Pace()
    }

    private static func live(_ bench: Bench) async throws -> Live {
        let watch = Stopwatch()
        let site = try Site(bench, "bridge-live")
        let ports = (0..<lanes).map { "\(site.directory)/port-\($0)" }
        let terminals = try ports.map { try Terminal($0) }
        _ = try await site.add(ports: ports)
        let far = try BrokerProcess(site.directory)
        defer { far.end() }
        let listener = try await client(far.port, "listener", to: ["scan/v1/+/batch", "scan"]) { message in
            guard message.topic != "scan" else { return watch.arrived(Labels.data(message.payload)) }
            let isCompressed = message.userProperty("content-encoding") == "gzip"
            Sink.labels(message.payload, isCompressed).forEach(watch.arrived)
        }
        try site.write(uplink: try site.mqttUplink(far.port, ack: "broker"))
        let seldom = try Bridge.start(site.directory + "/seldom", to: far.port, .seldom)
        defer { seldom.end() }
        let each = try Bridge.start(site.directory + "/each", to: far.port, .eachMessage)
        defer { each.end() }
        let scanners = [
            try await client(seldom.port, "scanner-seldom"), try await client(each.port, "scanner-each"),
        ]
        let live = try await blocking {
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            // Until the bridges have their connections, too.
            pause(ms: 3000)
            let labels = Labels(lanes: lanes)
            var live = Live()
            func part(_ pace: inout Pace, _ first: Int, _ scan: (Int, [UInt8]) throws -> Void) throws {
                try pace.part(
                    rate: 200, seconds: 5, from: first, labels: labels, watch: watch, processes: [daemon.process],
                    scan: scan)
            }
            for round in 0..<rounds {
                try part(&live.ours, round * 1000) { lane, label in
                    try terminals[lane].scan(label)
                    try terminals[lane].discardAnswers()
                }
                for (place, scanner) in scanners.enumerated() {
                    let publish: (Int, [UInt8]) -> Void = { _, label in
                        // Unstructured: nobody waits for the PUBACK, what arrives counts.
                        Task { _ = await scanner.publish(MQTTMessage("scan", label)) }
                    }
                    // Numbers of its own: ours have to be whole bags.
                    let first = (place + 1) * 2_000_000 + round * 1000
                    if place == 0 {
                        try part(&live.seldom, first, publish)
                    } else {
                        try part(&live.eachMessage, first, publish)
                    }
                }
            }
            return live
        }
        for client in scanners + [listener] { await client.close() }
        return live
    }

    /// Scans a second of a copy of the site, from the first arrival at the broker to the last.
    private static func drain(_ bench: Bench, _ site: Site, _ part: Int) async throws -> Double {
        let broker = try BrokerProcess(site.directory)
        defer { broker.end() }
        let arrivals = Arrivals()
        let listener = try await client(broker.port, "listener", to: ["scan/v1/+/batch"]) { message in
            var (scans, reply): (Int32, [UInt8]) = (0, [UInt8](repeating: 0, count: 1 << 17))
            let isCompressed: Int32 = message.userProperty("content-encoding") == "gzip" ? 1 : 0
            _ = bare_sink_answer(
                message.payload, message.payload.count, isCompressed, &reply, reply.count, &scans)
            arrivals.add(Int(scans))
        }
        let rate = try await blocking {
            let copy = try site.copy(
                bench, "bridge-ours-\(part)", uplink: try site.mqttUplink(broker.port, ack: "broker"))
            defer { Tree.remove(copy.directory) }
            let daemon = try DaemonProcess(bench, copy)
            defer { daemon.end() }
            return try arrivals.rate(of: 200_000)
        }
        await listener.close()
        return rate
    }

    /// Scans published while the far broker is away; scans a second once it is there.
    private static func drainBridge(_ bench: Bench, _ name: String, _ scans: Int) async throws -> Double {
        let directory = try bench.directory(name)
        defer { Tree.remove(directory) }
        let port = try Loopback.freePort()
        let near = try Bridge.start(directory + "/near", to: port, .seldom)
        defer { near.end() }
        let scanner = try await client(near.port, "scanner")
        let labels = Labels(lanes: lanes)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<scans {
                if number >= 500 { await group.next() }
                group.addTask { _ = await scanner.publish(MQTTMessage("scan", labels.label(number).bytes)) }
            }
        }
        let far = try BrokerProcess(directory, port: port)
        defer { far.end() }
        let arrivals = Arrivals()
        let listener = try await client(port, "listener", to: ["scan"]) { _ in arrivals.add(1) }
        let rate = try await blocking { try arrivals.rate(of: scans) }
        for client in [scanner, listener] { await client.close() }
        return rate
    }

    private static func client(
        _ port: Int, _ name: String, to filters: [String] = [],
        _ onMessage: @escaping @Sendable (MQTTMessage) -> Void = { _ in }
    ) async throws -> MQTTClient {
        let client = try MQTTClient(
            MQTTSettings(host: "127.0.0.1", port: UInt16(port), tls: nil, clientID: name), onMessage: onMessage)
        for filter in filters { await client.subscribe(filter) }
        await client.connect()
        if let failure = await client.connected(within: .seconds(10)) { throw failure }
        return client
    }
}

/// How many have come, and when.
private final class Arrivals: Sendable {
    private let state = Mutex((count: 0, first: 0.0, last: 0.0))

    func add(_ count: Int) {
        let now = nowMs()
        state.withLock { state in
            if state.count == 0 { state.first = now }
            state.count += count
            state.last = now
        }
    }

    /// Waits for so many: how many a second came. Blocking.
    func rate(of wanted: Int) throws -> Double {
        let patience = nowMs() + 180_000
        while true {
            let (count, first, last) = state.withLock { $0 }
            if count >= wanted { return Double(count) * 1000 / max(1, last - first) }
            guard nowMs() < patience else { throw BenchError("\(count) of \(wanted) have come") }
            pause(ms: 20)
        }
    }
}
