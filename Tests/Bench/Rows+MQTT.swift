internal import Glibc
internal import MQTTClient
internal import Posix

/// Rows about MQTT: a real broker as a process, the daemon as another.
enum MQTTRows {
    private static let lanes = 16

    /// How fast a backlog goes out with QoS 1, beside a loop in C that publishes the same spool to the same broker.
    static func backlog(_ bench: Bench) async throws -> Row {
        let scans = 400_000
        let site = try await BacklogRows.backlog(bench, "mqtt", scans, lanes: lanes)
        var (ours, bare): ([Double], [Double]) = ([], [])
        for part in 0..<3 {
            let broker = try BrokerProcess(site.directory)
            defer { broker.end() }
            // Somebody has to be there: what a broker has nobody for it drops, and the daemon asks again.
            let listener = try MQTTClient(
                MQTTSettings(host: "127.0.0.1", port: UInt16(broker.port), tls: nil, clientID: "listener"),
                onMessage: { _ in })
            await listener.subscribe("scan/v1/+/batch")
            await listener.connect()
            if let failure = await listener.connected(within: .seconds(5)) { throw failure }
            let rates = try await blocking {
                (
                    try Bare.publish(site.spool, port: broker.port),
                    try drain(bench, site, "mqtt-\(part)", scans, broker.port)
                )
            }
            bare.append(rates.0)
            ours.append(rates.1)
            await listener.close()
        }
        var row = Row(
            name: "mqtt", title: "backlog of \(scans) scans out by MQTT, QoS 1, batches of 250, \(lanes) lanes")
        let (rate, bareRate) = (Order.median(ours), Order.median(bare))
        row.add(
            "rate", "scans/s", rate, bare: bareRate, target: ">= 80 % of bare", met: rate >= 0.8 * bareRate)
        row.notes.append(
            "medians of 3 in turn; ack = \"broker\", as the bare loop has it; from READY to nothing waiting; broker, a "
                + "listener and the daemon share the cores; both have 16 batches under way")
        return row
    }

    private static func drain(_ bench: Bench, _ site: Site, _ name: String, _ scans: Int, _ port: Int) throws -> Double
    {
        let copy = try site.copy(bench, name, uplink: try site.mqttUplink(port, ack: "broker"))
        defer { Tree.remove(copy.directory) }
        let daemon = try DaemonProcess(bench, copy)
        defer { daemon.end() }
        let start = nowMs()
        while try copy.waiting() > 0 {
            guard nowMs() - start < 120_000 else { throw BenchError("the backlog does not drain") }
            pause(ms: 20)
        }
        return Double(scans) * 1000 / (nowMs() - start)
    }
}

/// What stands between the daemon and the backend on the way by MQTT: a broker and a relay.
final class MQTTRoad: Sendable {
    private let broker: BrokerProcess
    private let relay: Child
    var port: Int { broker.port }

    init(_ bench: Bench, _ site: Site, backend: String) throws {
        broker = try BrokerProcess(site.directory)
        try Files.makeDirectory(site.directory + "/keys")
        try Files.replace("\(site.directory)/keys/\(Site.gateway)", with: Array(Site.key.utf8))
        let text = """
            [relay]
            url = "mqtt://127.0.0.1:\(broker.port)"
            id = "relay-1"
            keys_dir = "\(site.directory)/keys"
            [[uplink]]
            url = "\(backend)"
            contract = "tracetrack-devices"
            auth = { kind = "signature" }

            """
        let file = site.directory + "/relay.toml"
        try Files.replace(file, with: Array(text.utf8))
        relay = try Child(
            [bench.program("scangate"), "relay", "--config", file], log: site.directory + "/relay.log")
    }

    func end() {
        relay.end()
        broker.end()
    }
}

/// Debian's mosquitto on a port of 127.0.0.1, letting everybody in, with the bounds out of the way.
final class BrokerProcess: Sendable {
    let port: Int
    let process: Child

    /// - Parameters:
    ///   - port: a free one where nil.
    ///   - more: further lines of its configuration; without any it keeps nothing on disk.
    init(_ directory: String, port wanted: Int? = nil, more: String = "persistence false") throws {
        for _ in 0..<5 {
            let port = try wanted ?? Loopback.freePort()
            let file = "\(directory)/mosquitto-\(port).conf"
            let text = """
                user root
                listener \(port) 127.0.0.1
                allow_anonymous true
                max_inflight_messages 0
                max_queued_messages 0
                set_tcp_nodelay true
                log_type error
                \(more)

                """
            try Files.replace(file, with: Array(text.utf8))
            let process = try Child(["/usr/sbin/mosquitto", "-c", file], log: file + ".log")
            let patience = nowMs() + 5000
            while nowMs() < patience {
                if (try? Loopback.connect(port)) != nil {
                    self.port = port
                    self.process = process
                    return
                }
                pause(ms: 10)
            }
        }
        throw BenchError("mosquitto does not start: is the package mosquitto installed?")
    }

    func end() {
        // It sleeps through a SIGTERM until its next event.
        kill(process.id, SIGKILL)
        process.wait()
    }
}
