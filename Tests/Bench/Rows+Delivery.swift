internal import Glibc
internal import Posix

/// Rows about what goes out: the daemon and the backend as processes.
enum DeliveryRows {
    /// The way from the daemon to the backend.
    enum Road: String {
        case devices = "verdict"
        case web
        /// By a broker and a relay, both processes on this machine.
        case mqtt = "mqtt-live"
    }

    /// From the line written to the verdict seen.
    static func verdict(_ bench: Bench, _ road: Road) async throws -> Row {
        let (name, web) = (road.rawValue, road == .web)
        let (lanes, rate, rounds) = web ? (1, 10.0, 4) : (8, 200.0, 5)
        let site = try Site(bench, name)
        let ports = (0..<lanes).map { "\(site.directory)/port-\($0)" }
        let terminals = try ports.map { try Terminal($0) }
        let backend = try Backend(bench, site, keys: try await site.add(ports: ports))
        let helpers = road == .mqtt ? try MQTTRoad(bench, site, backend: backend.url) : nil
        defer { helpers?.end() }
        try site.write(
            uplink: try helpers.map { try site.mqttUplink($0.port, ack: "application") }
                ?? (web ? site.webUplink(backend.url) : site.devicesUplink(backend.url)))
        let watch = Stopwatch()
        let bare = try await blocking {
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            daemon.watch { watch.event($0) }
            let labels = Labels(lanes: lanes)
            let loop = try BareSpool(site.directory + "/bare", lanes: lanes)
            var bare: [Double] = []
            var number = 0
            for _ in 0..<rounds {
                let scans = Int(rate * 3)
                let start = nowMs()
                for place in 0..<scans {
                    pause(ms: start + Double(place) * 1000 / rate - nowMs())
                    let (lane, label) = labels.label(number)
                    number += 1
                    watch.scanned(Labels.data(label), at: nowMs())
                    try terminals[lane].scan(label)
                    try terminals[lane].discardAnswers()
                }
                let patience = nowMs() + 10_000
                while watch.open > 0 && nowMs() < patience { pause(ms: 10) }
                bare += try loop.singles(web ? 50 : 200, wire: try site.sample())
            }
            return bare
        }
        backend.end()
        let contract =
            switch road {
            case .devices: "tracetrack-devices"
            case .web: "tracetrack-web"
            case .mqtt: "tracetrack-devices over MQTT and a relay"
            }
        var row = Row(name: name, title: "scan -> accepted by tracetrack-sim (\(contract)), \(Int(rate))/s")
        let (p50, p99) = (Order.median(watch.took), Order.value(watch.took, at: 0.99))
        let commit = Order.median(bare)
        let isHTTPS = road == .devices
        row.add(
            "p50", "ms", p50, bare: commit, target: isHTTPS ? "bare + 4 ms" : "", met: isHTTPS ? p50 <= commit + 4 : nil
        )
        row.add(
            "p99", "ms", p99, bare: Order.value(bare, at: 0.99), target: web ? "" : "< 25 ms", met: web ? nil : p99 < 25
        )
        let rest = watch.others.sorted { $0.key < $1.key }.map { ", \($0.value) \($0.key)" }.joined()
        row.notes.append(
            "\(watch.took.count) accepted, \(watch.open) not within 10 s\(rest); \(lanes) lanes; bare is one commit, "
                + "\(rounds) parts in turn")
        return row
    }

    /// CPU for a backlog that is brought out.
    static func bulk(_ bench: Bench) async throws -> Row {
        let (lanes, scans) = (16, 100_000)
        let site = try Site(bench, "bulk")
        let keys = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let gateway = try await LocalGateway(site, lanes: lanes)
        try await blocking { _ = try gateway.feed(0..<scans) }
        try await gateway.stop()
        let (ours, bare, rates) = try await blocking {
            var (ours, bare, rates): ([Double], [Double], [Double]) = ([], [], [])
            for part in 0..<3 {
                bare.append(try Bare.cpu { _ = try Bare.drain(site.spool) })
                let backend = try Backend(bench, site, keys: keys)
                defer { backend.end() }
                unlink(site.directory + "/backend.db")
                let copy = try site.copy(bench, "bulk-\(part)", uplink: try site.devicesUplink(backend.url))
                let daemon = try DaemonProcess(bench, copy)
                let start = nowMs()
                while try copy.waiting() > 0 {
                    guard nowMs() - start < 120_000 else { throw BenchError("the backlog does not drain") }
                    pause(ms: 100)
                }
                rates.append(Double(scans) * 1000 / (nowMs() - start))
                ours.append(try ProcessCost.cpu(daemon.id).total)
                daemon.end()
                Tree.remove(copy.directory)
            }
            return (ours, bare, rates)
        }
        var row = Row(name: "bulk", title: "work: a backlog of 100,000 scans out by tracetrack-devices")
        let work = Order.median(ours)
        row.add(
            "CPU for 100,000", "s", work, bare: Order.median(bare), target: "<= 1.5 s", met: work <= 1.5)
        row.add("rate (the backend verifies each)", "scans/s", Order.median(rates))
        row.notes.append("the daemon's start included; bare reads the same spool in batches of 250 and compresses it")
        return row
    }

    /// CPU at 2,000 scans/s, in and out.
    static func live(_ bench: Bench) async throws -> Row {
        let (lanes, rate, seconds) = (16, 2000, 5)
        let site = try Site(bench, "live")
        let ports = (0..<lanes).map { "\(site.directory)/port-\($0)" }
        let terminals = try ports.map { try Terminal($0) }
        let backend = try Backend(bench, site, keys: try await site.add(ports: ports))
        try site.write(uplink: try site.devicesUplink(backend.url))
        let (ours, kernel, bare, left) = try await blocking {
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            pause(ms: 300)
            let labels = Labels(lanes: lanes)
            let loop = try BareSpool(site.directory + "/bare", lanes: lanes)
            var (ours, kernel, bare): ([Double], [Double], [Double]) = ([], [], [])
            var number = 0
            for _ in 0..<4 {
                let cpu = try ProcessCost.cpu(daemon.id)
                let start = nowMs()
                for place in 0..<(rate * seconds) {
                    // Sixteen scans a pause: the tables of a hall do not scan in step, and a pause for each would
                    // cost this side more than the daemon.
                    if place % 16 == 0 { pause(ms: start + Double(place) * 1000 / Double(rate) - nowMs()) }
                    let (lane, label) = labels.label(number)
                    number += 1
                    try terminals[lane].scan(label)
                    if place % 16 == 15 { try terminals[lane].discardAnswers() }
                    if place % 512 == 0 { for terminal in terminals { try terminal.discardAnswers() } }
                }
                pause(ms: 300)
                let used = try ProcessCost.cpu(daemon.id)
                ours.append((used.total - cpu.total) * 100_000 / Double(rate * seconds))
                kernel.append((used.kernel - cpu.kernel) * 100_000 / Double(rate * seconds))
                let wire = try site.sample()
                bare.append(try Bare.cpu { _ = try loop.singles(500, wire: wire) } * 200)
            }
            return (ours, kernel, bare, try site.waiting())
        }
        backend.end()
        var row = Row(name: "live", title: "work: 2,000 scans/s live over 16 lanes, in and out")
        let work = Order.median(ours)
        row.add("CPU for 100,000", "s", work, bare: Order.median(bare), target: "<= 5 s", met: work <= 5)
        row.add("of it in the kernel", "s", Order.median(kernel))
        row.notes.append(
            "4 parts of \(seconds) s in turn; bare is one commit a scan, nothing else; \(left) left waiting")
        return row
    }
}
