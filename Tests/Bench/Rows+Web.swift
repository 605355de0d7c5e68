internal import Gateway
internal import HTTPClient
internal import JSON
internal import Posix

/// Rows about several lanes and sessions of tracetrack-web.
enum WebRows {
    private static let latencyMs = 20
    /// The backend works on one request at a time, and its timer counts whole milliseconds: so held back, answers come
    /// after 20 ms, as the bare loops see it.
    private static let heldBackMs = 18

    /// A backlog of 16 lanes out over 8 sessions, the backend answering after 20 ms: 50 requests a second and session at
    /// most.
    static func scale(_ bench: Bench) async throws -> Row {
        let (lanes, sessions, bags) = (16, 8, 16)
        let site = try Site(bench, "web-scale")
        let keys = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let gateway = try await LocalGateway(site, lanes: lanes)
        try await blocking { _ = try gateway.feed(0..<(lanes * bags * 31)) }
        try await gateway.stop()
        let backend = try Backend(bench, site, keys: keys, accounts: sessions)
        defer { backend.end() }
        try site.write(uplink: try site.webUplink(backend.url, accounts: sessions))
        let client = HTTPClient()
        defer { client.close() }
        // Logins at full speed; then every answer is late.
        var bareSessions: [BareWebSession] = []
        for (number, account) in Site.users(sessions).enumerated() {
            bareSessions.append(try await BareWebSession(client, backend.url, account: account, number: number))
        }
        try await delay(client, backend.url, path: "/api/fast_parent_scan")
        try await delay(client, backend.url, path: "/process_child_scan_fast")
        let daemon = try await blocking { try DaemonProcess(bench, site) }
        defer { daemon.end() }
        try await blocking { pause(ms: 1000) }
        var (rates, bare): ([Double], [Double]) = ([], [])
        for part in 0..<5 {
            try await tell(site, "uplink pause")
            bare.append(try await loops(bareSessions, from: part * 310, ms: 2000))
            try await tell(site, "uplink resume")
            rates.append(
                try await blocking {
                    pause(ms: 300)
                    let (start, before) = (nowMs(), try site.waiting())
                    pause(ms: 2000)
                    return Double(before - (try site.waiting())) * 1000 / (nowMs() - start)
                })
        }
        let extra = try await blocking { try extraParents(site) }
        let most = Double(sessions) * 1000 / Double(latencyMs)
        var row = Row(name: "web-scale", title: "backlog by tracetrack-web: 8 sessions, 16 lanes, answers after 20 ms")
        let rate = Order.median(rates)
        row.add(
            "rate", "scans/s", rate, bare: Order.median(bare), target: ">= 380/s", met: rate >= 0.95 * most)
        row.notes.append(
            "8 x 1000 / 20 ms are 400/s; answers are held back for \(heldBackMs) ms, and the backend takes its time as well; "
                + "bare is 8 sessions that post children and keep nothing, in turn with the daemon, 5 parts; "
                + "\(extra) parents posted again")
        return row
    }

    /// From the line written to the verdict seen: 20 scans a second over 8 lanes that share one session.
    static func shared(_ bench: Bench) async throws -> Row {
        let (lanes, rate, seconds) = (8, 20.0, 60)
        var row = Row(name: "web-shared", title: "scan -> accepted by tracetrack-web, 20/s over 8 lanes on one session")
        for linger in ["2 s", "500 ms", "0 ms"] {
            let site = try Site(bench, "web-shared")
            let ports = (0..<lanes).map { "\(site.directory)/port-\($0)" }
            let terminals = try ports.map { try Terminal($0) }
            let backend = try Backend(bench, site, keys: try await site.add(ports: ports))
            defer { backend.end() }
            try site.write(uplink: try site.webUplink(backend.url) + "\nblock_linger = \"\(linger)\"")
            let watch = Stopwatch()
            let extra = try await blocking {
                let daemon = try DaemonProcess(bench, site)
                defer { daemon.end() }
                daemon.watch { watch.event($0) }
                let labels = Labels(lanes: lanes)
                let start = nowMs()
                for number in 0..<(Int(rate) * seconds) {
                    pause(ms: start + Double(number) * 1000 / rate - nowMs())
                    let (lane, label) = labels.label(number)
                    watch.scanned(Labels.data(label), at: nowMs())
                    try terminals[lane].scan(label)
                    try terminals[lane].discardAnswers()
                }
                let patience = nowMs() + 30_000
                while watch.open > 0 && nowMs() < patience { pause(ms: 10) }
                return try extraParents(site)
            }
            row.add("p50, linger \(linger)", "ms", Order.median(watch.took))
            row.add("p99, linger \(linger)", "ms", Order.value(watch.took, at: 0.99))
            row.add("parents again, linger \(linger)", "in 60 s", Double(extra))
        }
        row.notes.append("for information: one session is at one bag at a time, and a switch costs a scan row")
        return row
    }

    /// Requests a second of so many loops, each with one request under way.
    private static func loops(_ sessions: [BareWebSession], from first: Int, ms: Double) async throws -> Double {
        let start = nowMs()
        let done = try await withThrowingTaskGroup(of: Int.self) { group in
            for session in sessions { group.addTask { try await session.post(untilMs: start + ms, from: first) } }
            return try await group.reduce(0, +)
        }
        return Double(done) * 1000 / (nowMs() - start)
    }

    private static func tell(_ site: Site, _ command: String) async throws {
        try await blocking {
            _ = try ControlClient(path: site.socket).perform(
                ControlRequest(command, [("uplink", .string("backend"))]))
        }
    }

    private static func extraParents(_ site: Site) throws -> Int64 {
        let status = try ControlClient(path: site.socket).perform(ControlRequest("status"))
        return status?["uplinks"]?.array?.first?["extra_parent_posts"]?.integer ?? -1
    }

    private static func delay(_ client: HTTPClient, _ url: String, path: String) async throws {
        let fault = #"{"kind":"latency","path":"\#(path)","ms":\#(heldBackMs)}"#
        let request = HTTPRequest(
            .post, url + "/sim/faults", headers: [("Content-Type", "application/json")], body: Array(fault.utf8))
        guard try await client.send(request).status == 200 else { throw BenchError("the backend takes no fault") }
    }
}
