internal import Glibc
internal import Posix

/// Rows about what comes in.
enum IntakeRows {
    /// One scan at a time from a terminal to stable storage.
    static func latency(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "latency")
        let port = site.directory + "/port"
        let terminal = try Terminal(port)
        _ = try await site.add(ports: [port])
        let gateway = try await LocalGateway(site, lanes: 1)
        let (ours, bare) = try await blocking {
            let labels = Labels(lanes: 1)
            let loop = try BareSpool(site.directory + "/bare", lanes: 1)
            var (ours, bare): ([Double], [Double]) = ([], [])
            // The port is opened beside `ready`: a few scans to warm up.
            pause(ms: 200)
            for number in 0..<2200 {
                let label = labels.label(number).bytes
                let start = nowMs()
                try terminal.scan(label)
                guard try terminal.answer() else { throw BenchError("a scan was refused") }
                if number >= 200 { ours.append(nowMs() - start) }
                if number >= 200 && number % 100 == 99 { bare += try loop.singles(100, wire: try site.sample()) }
            }
            return (ours, bare)
        }
        try await gateway.stop()
        var row = Row(name: "latency", title: "scan line read -> on stable storage, one lane, one at a time")
        for (name, fraction, allowance) in [("p50", 0.5, 0.5), ("p99", 0.99, 2.0)] {
            let (mine, theirs) = (Order.value(ours, at: fraction), Order.value(bare, at: fraction))
            row.add(
                name, "ms", mine, bare: theirs, target: "bare + \(allowance) ms", met: mine <= theirs + allowance)
        }
        row.notes.append("\(ours.count) scans and \(bare.count) bare commits, 100 of each in turn")
        return row
    }

    /// As many as go in, signed, over 64 lanes with a device each.
    static func intake(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "intake")
        let lanes = 64
        _ = try await site.add(ports: (0..<lanes).map { "\(site.directory)/none-\($0)" })
        let gateway = try await LocalGateway(site, lanes: lanes)
        let chunk = max(1000, bench.scans / 8)
        let (ours, bare, sizes, cpu, bareCPU) = try await blocking {
            func thread() -> Double {
                ProcessCost.threads(getpid(), named: "intake").values.reduce(0) { $0 + $1.cpu } / 1e3 / Double(chunk)
            }
            var (cpu, bareCPU): ([Double], [Double]) = ([], [])
            let loop = try BareSpool(site.directory + "/bare", lanes: lanes)
            var (ours, bare, all): ([Double], [Double], [Int32]) = ([], [], [])
            _ = try gateway.feed(0..<4000)
            let wire = try site.sample()
            for part in 0..<8 {
                let before = thread()
                let (seconds, sizes) = try gateway.feed((4000 + part * chunk)..<(4000 + (part + 1) * chunk))
                cpu.append(thread() - before)
                ours.append(Double(chunk) / seconds)
                let start = nowMs()
                bareCPU.append(try Bare.cpu { _ = try loop.commits(sizes, wire: wire) } * 1e6 / Double(chunk))
                bare.append(Double(chunk) * 1000 / (nowMs() - start))
                all += sizes
            }
            return (ours, bare, all, cpu, bareCPU)
        }
        try await gateway.stop()
        var row = Row(name: "intake", title: "durable intake, many lanes, signing included")
        let (mine, theirs) = (Order.median(ours), Order.median(bare))
        row.add("rate", "scans/s", mine, bare: theirs, target: ">= 50,000/s", met: mine >= 50_000)
        row.add("share of bare", "%", 100 * mine / theirs, target: ">= 50 %", met: mine >= theirs / 2)
        row.add("CPU of the intake's thread", "us/scan", Order.median(cpu), bare: Order.median(bareCPU))
        row.notes.append(
            "\(8 * chunk) scans over \(lanes) lanes with a key each, 8 parts in turn; "
                + "commits of \(Report.number(Double(8 * chunk) / Double(max(1, sizes.count)))) scans in the mean")
        return row
    }
}
