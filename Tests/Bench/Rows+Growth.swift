internal import Glibc
internal import Model
internal import Posix
internal import Spool

/// What scans cost while a backlog grows.
enum GrowthRows {
    private static let lanes = 64
    private static let parts = 7
    private static let part = 10_000
    /// Scans of a lane read at once.
    private static let batch = 80
    /// Backlogs at which costs are measured.
    private static let steps = [1000, 10_000, 100_000, 1_000_000, 5_000_000]

    /// Into the spool, and out of it again as an uplink reads it, at each backlog up to the largest that is asked for.
    static func growth(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "growth")
        _ = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let gateway = try await LocalGateway(site, lanes: lanes)
        let points = try await blocking { try measure(bench, site, gateway) }
        try await gateway.stop()
        let last = points[points.count - 1]
        var row = Row(name: "growth", title: "cost as the backlog grows 1,000 -> \(whole(last.backlog))")
        for point in points {
            let at = "\(whole(point.backlog)) waiting"
            row.add("into the spool, \(at)", "us/scan", point.intake, bare: point.bare)
            row.add("out of it, \(at)", "us/scan", point.reading)
            row.add("anonymous memory, \(at)", "MiB", point.anonymous)
        }
        func growth(_ value: (Point) -> Double) -> Double { value(last) / value(points[0]) }
        row.add("into the spool, last by first", "x", growth(\.intake), bare: growth(\.bare))
        row.add("out of it, last by first", "x", growth(\.reading))
        // What design.md asks of: a scan's way through the spool.
        for (what, value) in [
            ("a scan in and out", growth { $0.intake + $0.reading }), ("memory", growth(\.anonymous)),
        ] {
            row.add("\(what), last by first", "x", value, target: "<= 1.2", met: value <= 1.2)
        }
        row.notes.append(
            "\(lanes) lanes; medians of \(parts) parts of \(whole(part)) scans at each backlog, bare in turn, once the disk "
                + "has written what filled the spool; out of it: \(batch) of each lane, each part "
                + "from another place; memory of this process, bare loop included")
        return row
    }

    private struct Point: Sendable {
        var backlog: Int
        /// Microseconds a scan.
        var intake: Double
        var bare: Double
        var reading: Double
        /// MiB.
        var anonymous: Double
    }

    private static func measure(_ bench: Bench, _ site: Site, _ gateway: LocalGateway) throws -> [Point] {
        let loop = try BareSpool(site.directory + "/bare", lanes: lanes)
        var next = 1000
        _ = try gateway.feed(0..<next)
        let wire = try site.sample()
        _ = try loop.commits([1000], wire: wire)
        var points: [Point] = []
        for step in steps where step <= bench.backlog {
            while next < step {
                let count = min(50_000, step - next)
                _ = try loop.commits(try gateway.feed(next..<(next + count)).batches, wire: wire)
                // The bare loop's WAL would grow for ever, and with it the search in it.
                try loop.checkpoint()
                next += count
            }
            sync()
            var (ours, bare, reading): ([Double], [Double], [Double]) = ([], [], [])
            for number in 0..<parts {
                let (seconds, sizes) = try gateway.feed(next..<(next + part))
                next += part
                ours.append(seconds * 1e6 / Double(part))
                bare.append(try loop.commits(sizes, wire: wire).reduce(0, +) * 1000 / Double(part))
                try loop.checkpoint()
                reading.append(try read(site, next, number))
            }
            points.append(
                Point(
                    backlog: step, intake: Order.median(ours), bare: Order.median(bare), reading: Order.median(reading),
                    anonymous: try ProcessCost.memory(getpid()).anonymous))
        }
        return points
    }

    /// Microseconds a scan for a batch of each lane, from a place of its own.
    private static func read(_ site: Site, _ stored: Int, _ number: Int) throws -> Double {
        let reader = try SpoolReader(directory: site.state, groups: SpoolGroups())
        defer { reader.close() }
        // In the first half: a batch is full there from the smallest backlog on.
        let after = Int64(stored / 2 / parts * number)
        let start = nowMs()
        var scans = 0
        for lane in 0..<lanes {
            guard let lane = LaneID("lane-\(lane)"), let group = GroupID("tracetrack") else { continue }
            scans += try reader.scans(of: lane, after: after, upTo: .max, group: group, limit: batch).count
        }
        guard scans > 0 else { throw BenchError("nothing was read") }
        return (nowMs() - start) * 1000 / Double(scans)
    }

    private static func whole(_ number: Int) -> String { Report.whole(number) }
}
