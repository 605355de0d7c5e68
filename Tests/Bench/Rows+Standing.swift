internal import Glibc
internal import Posix

/// Rows about the daemon that has nothing to do, and about the program itself.
enum StandingRows {
    /// Eight scanners, nobody scans.
    static func idle(_ bench: Bench) async throws -> Row {
        let site = try Site(bench, "idle")
        let ports = (0..<8).map { "\(site.directory)/port-\($0)" }
        let backend = try Backend(bench, site, keys: try await site.add(ports: ports))
        try site.write(uplink: try site.devicesUplink(backend.url))
        let (starts, bare) = try await blocking {
            var (starts, bare): ([Double], [Double]) = ([], [])
            for _ in 0..<7 {
                let begin = nowMs()
                _ = try Child([bench.program("scangate"), "--version"]).allOutput()
                bare.append(nowMs() - begin)
                let daemon = try DaemonProcess(bench, site)
                starts.append(daemon.startMs)
                daemon.end()
            }
            return (starts, bare)
        }
        var row = Row(name: "idle", title: "idle daemon, 8 devices")
        let standing = try await blocking {
            var terminals = try ports.map { try Terminal($0) }
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            // One scan a device, so that every path has been walked once and the uplink has a connection.
            for (lane, terminal) in terminals.enumerated() {
                pause(ms: 100)
                try terminal.scan(Array("SB1000\(lane)".utf8))
                guard try terminal.answer() else { throw BenchError("a scan was refused") }
            }
            pause(ms: 3000)
            let connected = try Standing(of: daemon.id)
            terminals = []
            pause(ms: 1000)
            return (connected, try Standing(of: daemon.id))
        }
        backend.end()
        let (connected, unplugged) = standing
        row.add(
            "anonymous memory", "MiB", connected.anonymous, target: "<= 8 MB", met: connected.anonymous <= 8)
        row.add("PSS", "MiB", connected.pss, target: "<= 22 MB", met: connected.pss <= 22)
        row.add("CPU over 10 s", "% of a core", connected.cpu, target: "<= 0.2 %", met: connected.cpu <= 0.2)
        // libdispatch looks after its worker threads once a second, whatever runs on them.
        let allowed = 11.0
        row.add(
            "wake-ups in 10 s", "", connected.wakeUps, target: "libdispatch's 1/s", met: connected.wakeUps <= allowed)
        row.add(
            "CPU over 10 s, unplugged", "% of a core", unplugged.cpu, target: "0.0 %", met: unplugged.cpu < 0.05)
        row.add(
            "wake-ups in 10 s, unplugged", "", unplugged.wakeUps, target: "libdispatch's 1/s",
            met: unplugged.wakeUps <= allowed)
        let start = Order.median(starts)
        row.add("start to READY", "ms", start, bare: Order.median(bare), target: "<= 100 ms", met: start <= 100)
        row.notes.append("one scan a device before; start: median of 7, bare is `scangate --version`")
        return row
    }

    private struct Standing: Sendable {
        let anonymous: Double
        let pss: Double
        let cpu: Double
        let wakeUps: Double

        init(of process: pid_t) throws {
            let before = ProcessCost.threads(process)
            let start = nowMs()
            pause(ms: 10_000)
            var (cpu, wakeUps) = (0.0, 0.0)
            for (thread, used) in ProcessCost.threads(process) {
                cpu += used.cpu - (before[thread]?.cpu ?? 0)
                wakeUps += used.wakeUps - (before[thread]?.wakeUps ?? 0)
            }
            self.cpu = cpu / 1e6 / (nowMs() - start) * 100
            self.wakeUps = wakeUps
            (anonymous, pss) = try ProcessCost.memory(process)
        }
    }

    /// The program as it is installed.
    static func binary(_ bench: Bench) async throws -> Row {
        let directory = try bench.directory("binary")
        let (bytes, libraries) = try await blocking {
            let stripped = directory + "/scangate"
            _ = try Child(["strip", "-o", stripped, bench.program("scangate")]).wait()
            let table = try Child(["readelf", "-d", bench.program("scangate")]).allOutput()
            let libraries = table.split(separator: "\n").filter { $0.contains("NEEDED") }.compactMap {
                $0.split(separator: "[").last?.dropLast()
            }
            return (Files.status(stripped)?.size ?? 0, libraries.map(String.init))
        }
        var row = Row(name: "binary", title: "the release program")
        let size = Double(bytes) / 1e6
        row.add("stripped", "MB", size, target: "<= 20 MB", met: bytes > 0 && size <= 20)
        let unwanted = libraries.filter { $0.contains("Foundation") || $0.contains("icu") || $0.contains("ICU") }
        row.add(
            "libraries of Foundation or ICU", "", Double(unwanted.count), target: "none",
            met: !libraries.isEmpty && unwanted.isEmpty)
        row.notes.append("needs \(libraries.joined(separator: " "))")
        return row
    }
}
