internal import Glibc
internal import Posix

@main
enum Main {
    private static let help = """
        scangate-bench: measures the daemon side by side with bare loops; see docs/benchmarks.md

        Usage: scangate-bench [OPTION]... [ROW]...
          --dir DIR         where the spools go: the disk that is measured (default .scratch)
          --json FILE       the figures as JSON, too
          --scans N         scans of the row intake (default 200000)
          --backlog N       the largest backlog of the row growth (default 1000000)
          --full            --scans 1000000 --backlog 5000000, and a million frames for the row camera
          --about TEXT      what the first line says of compiler and commit
        Rows (default all but \(soak)): \(rows.map(\.name).joined(separator: " "))
        """

    private typealias Measure = @Sendable (Bench) async throws -> Row

    // The backlog first: its memory is this process's, which the other rows would spoil.
    private static let rows: [(name: String, measure: Measure)] = [
        ("growth", { try await GrowthRows.growth($0) }), ("latency", { try await IntakeRows.latency($0) }),
        ("signal", { try await SignalRows.light($0) }), ("intake", { try await IntakeRows.intake($0) }),
        ("verdict", { try await DeliveryRows.verdict($0, .devices) }),
        ("web", { try await DeliveryRows.verdict($0, .web) }),
        ("web-scale", { try await WebRows.scale($0) }), ("web-shared", { try await WebRows.shared($0) }),
        ("idle", { try await StandingRows.idle($0) }), ("bulk", { try await DeliveryRows.bulk($0) }),
        ("https", { try await BacklogRows.https($0) }), ("mqtt", { try await MQTTRows.backlog($0) }),
        ("mqtt-live", { try await DeliveryRows.verdict($0, .mqtt) }), ("live", { try await DeliveryRows.live($0) }),
        ("peer-http", { try await PeerHTTPRows.syslog($0) }), ("peer-mqtt", { try await PeerMQTTRows.bridge($0) }),
        ("relay", { try await RelayRows.relay($0) }), ("decode", { try await DecodeRows.decode($0) }),
        ("camera", { try await CameraRows.camera($0) }),
        ("binary", { try await StandingRows.binary($0) }),
        (soak, { try await SoakRows.soak($0) }),
    ]
    // Eight minutes by itself: measured where it is named.
    private static let soak = "soak"

    static func main() async {
        signal(SIGPIPE, SIG_IGN)
        do { try await run(Array(CommandLine.arguments.dropFirst())) } catch {
            say("scangate-bench: \(error)")
            exit(2)
        }
    }

    /// One write(2) a line: a row is seen as soon as it is known, also where the output is a file.
    static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }

    private static func run(_ words: [String]) async throws {
        var bench = Bench()
        var (json, about, base, wanted): (String?, String, String, [String]) = (nil, "", ".scratch", [])
        var rest = words[...]
        while let word = rest.popFirst() {
            func value() throws -> String {
                guard let value = rest.popFirst() else { throw BenchError("\(word) needs a value") }
                return value
            }
            func number() throws -> Int {
                guard let number = Int(try value()), number >= 150_000 else {
                    throw BenchError("\(word) needs a number from 150000 on")
                }
                return number
            }
            switch word {
            case "--help": return say(help)
            case "--dir": base = try value()
            case "--json": json = try value()
            case "--about": about = try value()
            case "--scans": bench.scans = try number()
            case "--backlog": bench.backlog = try number()
            case "--full":
                (bench.scans, bench.backlog) = (1_000_000, 5_000_000)
                bench.cameraFrames = 1_000_000
            default:
                guard rows.contains(where: { $0.name == word }) else { throw BenchError("\(word)? See --help") }
                wanted.append(word)
            }
        }
        try await run(&bench, base: base, about: about, json: json, wanted: wanted)
    }

    private static func run(_ bench: inout Bench, base: String, about: String, json: String?, wanted: [String])
        async throws
    {
        try Files.makeDirectory(base)
        guard let path = realpath(base, nil), let program = realpath("/proc/self/exe", nil) else {
            throw SystemError("use", base)
        }
        bench.directory = String(cString: path) + "/bench"
        bench.programs = Files.parent(String(cString: program))
        var template = Array("/tmp/scangate-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError("make", "a directory for sockets") }
        bench.sockets = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        Tree.remove(bench.directory)
        try Files.makeDirectory(bench.directory)
        defer {
            Tree.remove(bench.sockets)
            Tree.remove(bench.directory)
        }
        let header = try Machine.header(bench, about: about)
        say(header.map { "\($0.0): \($0.1)" }.joined(separator: "; "))
        var done: [Row] = []
        for row in rows where wanted.isEmpty ? row.name != soak : wanted.contains(row.name) {
            do {
                done.append(try await row.measure(bench))
                say(Report.text(done[done.count - 1]))
            } catch { say("\n\(row.name): not measured: \(error)") }
            for name in Files.names(in: bench.directory) { Tree.remove(bench.directory + "/" + name) }
        }
        if let json { try Files.replace(json, with: Report.json(header, done), mode: 0o644) }
    }
}

/// What the figures were measured on.
enum Machine {
    static func header(_ bench: Bench, about: String) throws -> [(String, String)] {
        let sync = Order.median(try Bare.syncs(in: bench.directory))
        return [
            ("machine", "\(sysconf(Int32(_SC_NPROCESSORS_ONLN))) x \(processor)"), ("about", about),
            ("fdatasync", "\(Report.number(sync)) ms (median of 200, 4 KiB appended), \(regime(sync))"),
        ]
    }

    private static func regime(_ ms: Double) -> String {
        ms < 0.7 ? "the fast regime (0.12 ms)" : "the slow regime (4 ms)"
    }

    private static var processor: String {
        let text = (try? Files.read("/proc/cpuinfo")).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.split(separator: " ").joined(separator: " ") ?? "unknown processor"
    }
}
