internal import Glibc
internal import Posix

/// Beside what a user would take instead over HTTP: syslog-ng with a reliable disk buffer.
enum PeerHTTPRows {
    private static let lanes = 8
    private static let rounds = 3
    /// Where the peer's labels begin: ours have to be whole bags.
    private static let peerNumbers = 4_000_000

    static func syslog(_ bench: Bench) async throws -> Row {
        let live = try await live(bench)
        let backlog = 200_000
        let site = try await BacklogRows.backlog(bench, "peer-out", backlog, lanes: 16)
        let (ours, theirs) = try await blocking {
            var (ours, theirs): ([Duration: [Double]], [Duration: [Double]]) = ([:], [:])
            for part in 0..<rounds {
                for delay in [Duration.zero, .milliseconds(50)] {
                    // A log shipper of one worker needs a quarter of an hour for all of it over a long way.
                    let fewer = delay == .zero ? backlog : 20_000
                    ours[delay, default: []].append(
                        try BacklogRows.drain(bench, site, "peer-\(part)", backlog, delay: delay))
                    theirs[delay, default: []].append(try drain(bench, "syslog-\(part)", fewer, delay))
                }
            }
            return (ours, theirs)
        }
        var row = Row(
            name: "peer-http", title: "beside syslog-ng with a reliable disk buffer, to a sink that accepts everything",
            beside: "syslog-ng")
        for rate in live {
            row.add("line in -> at the backend, \(rate.rate)/s, p50", "ms", rate.ours.p50, bare: rate.theirs.p50)
            row.add("line in -> at the backend, \(rate.rate)/s, p99", "ms", rate.ours.p99, bare: rate.theirs.p99)
        }
        if let fast = live.last {
            row.add(
                "CPU for 100,000 at \(fast.rate)/s", "s", Order.median(fast.ours.cpu),
                bare: Order.median(fast.theirs.cpu))
            row.add("PSS afterwards", "MiB", fast.oursPSS, bare: fast.theirsPSS)
        }
        for (what, delay, target) in [
            ("backlog out", Duration.zero, 147_000.0), ("over 50 ms", .milliseconds(50), 60_000),
        ] {
            let rate = Order.median(ours[delay] ?? [])
            row.add(
                what, "scans/s", rate, bare: Order.median(theirs[delay] ?? []),
                target: ">= \(Report.whole(Int(target)))/s", met: rate >= target)
        }
        row.notes.append(
            "in turn, \(rounds) parts; ours signs each scan and has it on stable storage before it goes out, syslog-ng "
                + "writes without fsync; \(live.map(\.missing).joined(separator: ", "))")
        return row
    }

    private struct Live: Sendable {
        var rate: Int
        var ours = Pace()
        var theirs = Pace()
        var oursPSS = 0.0
        var theirsPSS = 0.0
        var missing: String { "\(ours.missing) and \(theirs.missing) missing at \(rate)/s" }
    }

    private static func live(_ bench: Bench) async throws -> [Live] {
        let watch = Stopwatch()
        let sink = try Sink { watch.arrived($0) }
        defer { sink.stop() }
        let site = try Site(bench, "peer-live")
        let ports = (0..<lanes).map { "\(site.directory)/port-\($0)" }
        let terminals = try ports.map { try Terminal($0) }
        _ = try await site.add(ports: ports)
        try site.write(uplink: try site.devicesUplink(sink.url))
        return try await blocking {
            let syslog = try SyslogNG(site.directory + "/syslog", to: sink.url)
            defer { syslog.end() }
            let line = try syslog.connect()
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            pause(ms: 300)
            let labels = Labels(lanes: lanes)
            var all: [Live] = []
            var next = 0
            for rate in [200, 2000] {
                var live = Live(rate: rate)
                for _ in 0..<rounds {
                    try live.ours.part(
                        rate: rate, seconds: 5, from: next, labels: labels, watch: watch, processes: [daemon.process]
                    ) { lane, label in
                        try terminals[lane].scan(label)
                        try terminals[lane].discardAnswers()
                    }
                    try live.theirs.part(
                        rate: rate, seconds: 5, from: peerNumbers + next, labels: labels, watch: watch,
                        processes: [syslog.process]
                    ) { _, label in try line.write(label + [10], subject: "syslog-ng") }
                    next += rate * 5
                }
                live.oursPSS = try ProcessCost.memory(daemon.id).pss
                live.theirsPSS = try ProcessCost.memory(syslog.process.id).pss
                all.append(live)
            }
            return all
        }
    }

    /// Lines taken in while the backend is closed; scans a second once it opens.
    private static func drain(_ bench: Bench, _ name: String, _ scans: Int, _ delay: Duration) throws -> Double {
        let sink = try Sink(delay: delay, isOpen: false)
        defer { sink.stop() }
        let directory = try bench.directory(name)
        defer { Tree.remove(directory) }
        let syslog = try SyslogNG(directory, to: sink.url)
        defer { syslog.end() }
        let line = try syslog.connect()
        let labels = Labels(lanes: lanes)
        for first in stride(from: 0, to: scans, by: 1000) {
            try line.write((first..<(first + 1000)).flatMap { labels.label($0).bytes + [10] }, subject: "syslog-ng")
        }
        sink.open()
        let patience = nowMs() + 120_000
        while sink.scans < scans {
            guard nowMs() < patience else { throw BenchError("syslog-ng has brought \(sink.scans) of \(scans)") }
            pause(ms: 20)
        }
        return sink.rate
    }
}
