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
    private static let batch = 70
    /// What waits in a spool that holds little.
    private static let few = 1000
    /// Backlogs at which costs are measured.
    private static let steps = [few, 10_000, 100_000, 1_000_000, 5_000_000]

    /// Into the spool, and out of it again as an uplink reads it, at each backlog up to the largest that is asked for.
    static func growth(_ bench: Bench) async throws -> Row {
        let grown = try await spool(bench, "growth")
        let loop = try BareSpool(grown.site.directory + "/bare", lanes: lanes)
        var points: [Point] = []
        var next = 0
        for step in steps where step <= bench.backlog {
            let from = next
            let (point, to) = try await blocking { try measure(grown, loop, from: from, backlog: step) }
            points.append(point)
            next = to
        }
        // Another time of a noisy machine is another machine: the last backlog beside a spool that holds little, in turn.
        let small = try await spool(bench, "growth-beside")
        let last = next
        let way = try await blocking {
            _ = try small.gateway.feed(0..<few)
            return try waysInTurn([(small, few), (grown, last)])
        }
        try await small.gateway.stop()
        try await grown.gateway.stop()
        return row(points, growth: way[1] / way[0])
    }

    private struct Spooling: Sendable {
        let site: Site
        let gateway: LocalGateway
    }

    /// Microseconds a scan; memory in MiB.
    private struct Point: Sendable {
        var backlog: Int
        var (intake, bare): (Double, Double)
        var reading: Double
        /// From the disk, and the disk's own time for as many bytes in order.
        var (cold, coldBare): (Double, Double)
        var anonymous: Double
    }

    private static func row(_ points: [Point], growth: Double) -> Row {
        let last = points[points.count - 1]
        var row = Row(name: "growth", title: "cost as the backlog grows 1,000 -> \(whole(last.backlog))")
        for point in points {
            let at = "\(whole(point.backlog)) waiting"
            row.add("into the spool, \(at)", "us/scan", point.intake, bare: point.bare)
            row.add("out of it, \(at)", "us/scan", point.reading)
            row.add("out of it from the disk, \(at)", "us/scan", point.cold, bare: point.coldBare)
            row.add("anonymous memory, \(at)", "MiB", point.anonymous)
        }
        // What design.md asks of: a scan's way through the spool.
        for (what, value) in [
            ("a scan in and out, last by first in turn", growth),
            ("memory, last by first", last.anonymous / points[0].anonymous),
        ] {
            row.add(what, "x", value, target: "<= 1.2", met: value <= 1.2)
        }
        row.notes.append(
            "\(lanes) lanes; medians of \(parts) parts of \(whole(part)) scans, bare in turn, once the disk has written what "
                + "filled the spool; out of it: \(batch) of each lane again and again, from the middle on; from the disk: "
                + "after the kernel was asked to forget the file, bare is as many bytes of it in order; in turn: with a "
                + "spool of 1,000 at the end; memory of this process, bare loop included")
        return row
    }

    private static func spool(_ bench: Bench, _ name: String) async throws -> Spooling {
        let site = try Site(bench, name)
        _ = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        return Spooling(site: site, gateway: try await LocalGateway(site, lanes: lanes))
    }

    private static func measure(
        _ spool: Spooling, _ loop: BareSpool, from: Int, backlog: Int
    ) throws -> (Point, next: Int) {
        var next = from
        var wire: [UInt8] = []
        while next < backlog {
            let count = min(next == 0 ? few : 50_000, backlog - next)
            let sizes = try spool.gateway.feed(next..<(next + count)).batches
            wire = try spool.site.sample()
            _ = try loop.commits(sizes, wire: wire)
            // The bare loop's WAL would grow for ever, and with it the search in it.
            try loop.checkpoint()
            next += count
        }
        wire = try spool.site.sample()
        sync()
        var (ours, bare): ([Double], [Double]) = ([], [])
        for _ in 0..<parts {
            let (seconds, sizes) = try spool.gateway.feed(next..<(next + part))
            next += part
            ours.append(seconds * 1e6 / Double(part))
            bare.append(try loop.commits(sizes, wire: wire).reduce(0, +) * 1000 / Double(part))
            try loop.checkpoint()
        }
        let reading = try Drain(spool.site, stored: next).rounds(parts)
        sync()
        try forget(spool.site.spool)
        let cold = try Drain(spool.site, stored: next).rounds(parts)
        try forget(spool.site.spool)
        let coldBare = try readInOrder(spool.site.spool, stored: next)
        let point = Point(
            backlog: backlog, intake: Order.median(ours), bare: Order.median(bare), reading: Order.median(reading),
            cold: Order.median(cold), coldBare: coldBare, anonymous: try ProcessCost.memory(getpid()).anonymous)
        return (point, next)
    }

    /// Microseconds for a scan's way into each spool and out of it again.
    private static func waysInTurn(_ spools: [(Spooling, stored: Int)]) throws -> [Double] {
        var into = spools.map { _ in [Double]() }
        var stored = spools.map(\.stored)
        for _ in 0..<parts {
            for (index, (spool, _)) in spools.enumerated() {
                let seconds = try spool.gateway.feed(stored[index]..<(stored[index] + part)).seconds
                stored[index] += part
                into[index].append(seconds * 1e6 / Double(part))
            }
        }
        let drains = try zip(spools, stored).map { try Drain($0.0.site, stored: $1) }
        var out = spools.map { _ in [Double]() }
        for _ in 0..<parts { for (index, drain) in drains.enumerated() { out[index] += try drain.rounds(1) } }
        return zip(into, out).map { Order.median($0) + Order.median($1) }
    }

    /// Reads a batch of each lane in turn, as uplinks do that work off a backlog, from the middle of a spool on.
    private final class Drain {
        private let reader: SpoolReader
        private var places: [Int64]

        init(_ site: Site, stored: Int) throws {
            reader = try SpoolReader(directory: site.state, groups: SpoolGroups())
            places = [Int64](repeating: Int64(stored / 2), count: lanes)
        }

        deinit { reader.close() }

        /// Microseconds a scan in each round.
        func rounds(_ count: Int) throws -> [Double] {
            guard let group = GroupID("tracetrack") else { throw BenchError("no name") }
            return try (0..<count).map { _ in
                let start = nowMs()
                var scans = 0
                for index in 0..<lanes {
                    guard let lane = LaneID("lane-\(index)") else { continue }
                    let read = try reader.scans(
                        of: lane, after: places[index], upTo: .max, group: group, limit: batch)
                    guard read.count == batch else { throw BenchError("\(read.count) of \(batch) scans were read") }
                    places[index] = read[batch - 1].scan.n
                    scans += batch
                }
                return (nowMs() - start) * 1000 / Double(scans)
            }
        }
    }

    /// Microseconds for as many bytes as a scan has in the file, read in order from its middle on.
    private static func readInOrder(_ path: String, stored: Int) throws -> Double {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw BenchError("cannot open \(path): errno \(errno)") }
        defer { close(file) }
        var status = stat()
        fstat(file, &status)
        let scans = parts * lanes * batch
        var page = [UInt8](repeating: 0, count: 4096)
        let pages = Int(status.st_size) / stored * scans / page.count
        let first = Int(status.st_size) / 2 / page.count
        let start = nowMs()
        for number in first..<(first + pages) where pread(file, &page, page.count, number * page.count) <= 0 {
            throw BenchError("\(path) ends at page \(number)")
        }
        return (nowMs() - start) * 1000 / Double(scans)
    }

    /// Asks the kernel to drop what it has of a file in memory.
    private static func forget(_ path: String) throws {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0, posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED) == 0 else {
            throw BenchError("cannot have \(path) forgotten: errno \(errno)")
        }
        close(file)
    }

    private static func whole(_ number: Int) -> String { Report.whole(number) }
}
