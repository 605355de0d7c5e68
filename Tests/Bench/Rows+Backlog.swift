internal import Gateway
internal import Posix

/// Rows about how fast a backlog goes out to a backend that costs nothing.
enum BacklogRows {
    private static let lanes = 16

    /// By tracetrack-devices over HTTP, on loopback and over a way of 50 ms there and back.
    static func https(_ bench: Bench) async throws -> Row {
        let scans = 400_000
        let site = try await backlog(bench, "https", scans, lanes: lanes)
        let (near, far, bare) = try await blocking {
            var (near, far, bare): ([Double], [Double], [Double]) = ([], [], [])
            for part in 0..<3 {
                let start = nowMs()
                _ = try Bare.drain(site.spool)
                bare.append(Double(scans) * 1000 / (nowMs() - start))
                near.append(try drain(bench, site, "near-\(part)", scans, delay: .zero))
                far.append(try drain(bench, site, "far-\(part)", scans, delay: .milliseconds(50)))
            }
            return (near, far, bare)
        }
        var row = Row(
            name: "https", title: "backlog of \(scans) scans out by tracetrack-devices to a sink, \(lanes) lanes")
        let (nearRate, farRate) = (Order.median(near), Order.median(far))
        row.add(
            "rate", "scans/s", nearRate, bare: Order.median(bare), target: ">= 147,000/s (syslog-ng)",
            met: nearRate >= 147_000)
        row.add(
            "rate, 50 ms round trip", "scans/s", farRate, target: ">= 60,000/s (syslog-ng 1,980)",
            met: farRate >= 60_000)
        row.notes.append(
            "medians of 3 in turn, from the first request to the last answer; sink and daemon share the cores; bare reads "
                + "the same spool on one thread, compresses it and sends nothing")
        return row
    }

    /// A site whose spool has this many scans waiting.
    static func backlog(_ bench: Bench, _ name: String, _ scans: Int, lanes: Int) async throws -> Site {
        let site = try Site(bench, name)
        _ = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let gateway = try await LocalGateway(site, lanes: lanes)
        try await blocking { _ = try gateway.feed(0..<scans) }
        try await gateway.stop()
        return site
    }

    /// Scans a second of a copy of the site, from the first answer to the last.
    static func drain(_ bench: Bench, _ site: Site, _ name: String, _ scans: Int, delay: Duration) throws
        -> Double
    {
        let sink = try Sink(delay: delay)
        defer { sink.stop() }
        let copy = try site.copy(bench, name, uplink: try site.devicesUplink(sink.url))
        defer { Tree.remove(copy.directory) }
        let daemon = try DaemonProcess(bench, copy)
        defer { daemon.end() }
        let start = nowMs()
        while sink.scans < scans {
            guard nowMs() - start < 120_000 else { throw BenchError("the backlog does not drain") }
            pause(ms: 20)
        }
        return sink.rate
    }
}
