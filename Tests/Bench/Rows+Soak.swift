internal import Gateway
internal import Glibc
internal import Model
internal import Posix

/// Whether a day's work leaves anything behind: memory, descriptors, threads, and the spool's file.
enum SoakRows {
    private static let lanes = 16
    private static let hours = 8
    /// Scans a second of the clock that the gateway sees.
    private static let rate = 200
    /// How many of its seconds pass in one.
    private static let speed = 60
    /// After the first two hours: what is kept for an hour has come to its size, and so have the pools.
    private static let settled = 2.0

    /// Eight hours of `rate` scans a second. In each: ten minutes without the backend, a reload, a question a minute.
    static func soak(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "soak")
        _ = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let sink = try Sink()
        defer { sink.stop() }
        // Accepted scans go after an hour, so that trimming is part of the day.
        try site.write(spool: "keep_accepted = \"1 h\"", uplink: labelRules + (try site.devicesUplink(sink.url)))
        let clock = FastClock(speed: speed)
        let gateway = try await LocalGateway(site, lanes: lanes, bagDigits: 7, clock: clock.source)
        let (samples, scans) = try await blocking { try day(site, gateway, sink, clock) }
        try await gateway.stop()
        guard sink.scans == scans else { throw BenchError("\(sink.scans) of \(scans) scans arrived") }
        var row = Row(
            name: "soak",
            title: "\(hours) hours of \(rate) scans/s, \(Report.whole(scans)) scans, \(speed) times as fast")
        let late = samples.filter { $0.hour >= settled }
        let (first, last) = (late.prefix(late.count / 3), late.suffix(late.count / 3))
        for (what, unit, value, bound) in [
            ("anonymous memory", "MiB", \Sample.anonymous, 1.05), ("descriptors", "", \Sample.descriptors, 1),
            ("threads", "", \Sample.threads, 1), ("spool's file", "MiB", \Sample.file, 1.05),
        ] {
            let (early, end) = (
                Order.median(first.map { $0[keyPath: value] }), Order.median(last.map { $0[keyPath: value] })
            )
            row.add("\(what), hours 3 and 4", unit, early)
            row.add("\(what), hours 7 and 8", unit, end)
            row.add("\(what), last by first", "x", end / early, target: "<= \(bound)", met: end <= early * bound)
        }
        row.notes.append(
            "\(lanes) lanes; every scan arrived once; each hour ten minutes without the backend, a reload, and a status a "
                + "minute; accepted scans are kept for an hour; medians of samples at each five minutes; memory of this "
                + "process, sink included")
        return row
    }

    private struct Sample: Sendable {
        var hour: Double
        /// MiB.
        var anonymous: Double
        var descriptors: Double
        var threads: Double
        /// MiB.
        var file: Double
    }

    // A day has more bags than five digits name, and a bag that is scanned again has its children already.
    private static let labelRules = """
        [[label]]
        role = "parent"
        match = "^SB[0-9]{7}$"
        [[label]]
        role = "child"
        extract = 'LABEL NO\\. ([0-9]{7})'

        """

    private static func day(_ site: Site, _ gateway: LocalGateway, _ sink: Sink, _ clock: FastClock) throws
        -> (samples: [Sample], scans: Int)
    {
        var samples: [Sample] = []
        var fed = 0
        for minute in 0..<(hours * 60) {
            switch minute % 60 {
            case 20: sink.close()
            case 30: sink.open()
            case 45: try gateway.reload(site)
            default: break
            }
            // A second at a time: what tables scan comes in small commits, not in one large one.
            for second in 0..<60 {
                pause(ms: clock.realMs(until: minute * 60 + second))
                _ = try gateway.feed(fed..<(fed + rate))
                fed += rate
            }
            _ = try site.waiting()
            if minute % 5 == 4 { samples.append(try sample(site, hour: Double(minute + 1) / 60)) }
            if minute % 60 == 59 {
                Main.say("  soak: \((minute + 1) / 60) of \(hours) hours, \(Report.whole(fed)) scans")
            }
        }
        let start = nowMs()
        while try site.waiting() > 0 {
            guard nowMs() - start < 60_000 else { throw BenchError("what waits does not drain") }
            pause(ms: 20)
        }
        return (samples, fed)
    }

    private static func sample(_ site: Site, hour: Double) throws -> Sample {
        let size = Double(Files.status(site.spool)?.size ?? 0)
        return Sample(
            hour: hour, anonymous: try ProcessCost.memory(getpid()).anonymous,
            descriptors: Double(Files.names(in: "/proc/self/fd").count),
            threads: Double(Files.names(in: "/proc/self/task").count), file: size / 1_048_576)
    }
}

/// The machine's clocks, run `speed` times as fast from now on.
private struct FastClock: Sendable {
    let speed: Int
    private let start = TimeSource.system.now()

    init(speed: Int) { self.speed = speed }

    var source: TimeSource {
        TimeSource(
            bootID: TimeSource.system.bootID, now: { now },
            sleep: { try await TimeSource.system.sleep($0 / speed) })
    }

    /// Milliseconds that really pass until so many of its seconds have passed since the start.
    func realMs(until second: Int) -> Double {
        Double(start.uptimeNs) / 1e6 + Double(second) * 1000 / Double(speed) - nowMs()
    }

    private var now: Moment {
        var moment = TimeSource.system.now()
        let passed = (moment.uptimeNs - start.uptimeNs) * Int64(speed - 1)
        moment.uptimeNs += passed
        moment.wallMs += passed / 1_000_000
        // The kernel may not vouch for the machine's own, by which nothing would age.
        moment.synced = true
        return moment
    }
}
