import Glibc
import JSON
import Model
import TestSupport

/// A daemon, a backend and three workers as processes, of which the first two are killed again and again.
final class KillBench {
    let directory: String
    let contract: String
    private let port: Int
    private var daemon: ChildProcess?
    private var backend: ChildProcess?
    private var workers: [ChildProcess] = []
    private static let tables = 3

    /// - Parameters:
    ///   - port: the backend's; a free one where nil.
    ///   - broker: the port of a broker through which scans go, with somebody behind it; nil for HTTP.
    init(directory: String, contract: String, port: Int? = nil, broker: Int? = nil) throws {
        self.directory = directory
        self.contract = contract
        self.port = try port ?? freePort()
        try write(Array("secret\n".utf8), to: directory + "/password")
        let authentication =
            contract == "tracetrack-web"
            ? "{ kind = \"login\", accounts = [{ username = \"dock7\", password_file = \"\(directory)/password\" }] }"
            : "{ kind = \"bearer\", token_file = \"\(directory)/password\" }"
        // Far more bags a minute than a dock has: the budget would make the test wait, not the kills.
        let budget =
            contract == "tracetrack-web" ? "requests = { per_minute = 1_000_000, per_hour = 1_000_000 }" : ""
        let ways =
            if let broker {
                """
                url = "mqtt://127.0.0.1:\(broker)"
                auth = { kind = "signature", key_file = "\(directory)/gateway.key" }
                timeout = "1 s"
                mqtt = { max_messages_per_s = 1000 }
                """
            } else {
                """
                url = "http://127.0.0.1:\(self.port)"
                contract = "\(contract)"
                auth = \(authentication)
                \(budget)
                """
            }
        let configuration = """
            [gateway]
            id = "dock-7"
            state_dir = "\(directory)/state"
            control_socket = "\(directory)/control"
            [[uplink]]
            name = "tracetrack"
            \(ways)
            """
        try write(Array(configuration.utf8), to: directory + "/scangate.toml")
    }

    func startBackend() throws {
        backend = try ChildProcess(
            "tracetrack-sim",
            [
                "--listen", "127.0.0.1:\(port)", "--db", directory + "/backend.db", "--account", "dock7:secret",
                "--auth",
                "bearer", "--bearer", "dock-7:secret",
            ], output: directory + "/backend.log")
        try wait("the backend to answer") { (try? RawHTTP(port: self.port).request("GET", "/health"))?.status == 200 }
    }

    func startDaemon() throws {
        daemon = try ChildProcess(
            "scangate", ["run", "--config", directory + "/scangate.toml"], output: directory + "/daemon.log")
    }

    /// Registers the scanners while no daemon runs, and tells the backend their keys.
    func provision() throws {
        for table in 1...Self.tables {
            try command([
                "device", "add", "scanner-\(table)", "--port", "\(directory)/scanner-\(table)", "--lane",
                "table-\(table)", "--ack", "--json",
            ])
        }
        // The log has warnings too.
        let keys = try read(directory + "/command.log").split(separator: 10).filter { $0.first == UInt8(ascii: "{") }
        _ = try RawHTTP(port: port).request("POST", "/sim/keys", body: Array(keys.joined(separator: [10])))
    }

    func startWorkers() throws {
        for table in 1...Self.tables {
            workers.append(
                try ChildProcess(
                    "scangate",
                    [
                        "simulate", "--port", "\(directory)/scanner-\(table)", "--bags", "20000", "--children", "5",
                        "--rate", "80", "--first", String(table * 20_000), "--record",
                        "\(directory)/acknowledged-\(table)",
                    ], output: directory + "/worker.log"))
        }
    }

    func stopWorkers() {
        // Without its link first: a pseudo-terminal's number is given to the next test at once.
        for table in 1...Self.tables { unlink("\(directory)/scanner-\(table)") }
        for worker in workers { worker.end(SIGKILL) }
        workers.removeAll()
    }

    func kill(daemon killsDaemon: Bool, backend killsBackend: Bool) throws {
        if killsDaemon { daemon?.end(SIGKILL) }
        if killsBackend { backend?.end(SIGKILL) }
        if killsBackend { try startBackend() }
        if killsDaemon { try startDaemon() }
    }

    /// The daemon's end by SIGTERM: its exit code.
    func stopDaemon() -> Int32? {
        daemon?.end(SIGTERM).map { $0 & 0x7F == 0 ? $0 >> 8 & 0xFF : -1 }
    }

    /// The daemon's process.
    var daemonID: Int32? { daemon?.id }

    func waitUntilDaemonAnswers() throws { try wait("the daemon to answer") { try self.status() != nil } }

    /// Returns once the backend has taken a scan.
    func waitUntilAccepted() throws {
        try wait("a scan to be accepted") { try !self.backendScans().isEmpty }
    }

    func waitUntilEverythingIsJudged() throws {
        try wait("everything to be judged", seconds: 90) { try self.status()?["spool"]?["waiting"]?.integer == 0 }
    }

    func status() throws -> JSONValue? {
        unlink(directory + "/command.log")
        let program = try ChildProcess(
            "scangate", ["status", "--json", "--config", directory + "/scangate.toml"],
            output: directory + "/command.log")
        _ = program.wait()
        let lines = try read(directory + "/command.log").split(separator: 10)
        return lines.first.flatMap { try? JSONValue.parse(Array($0)) }
    }

    /// Labels that the gateway acknowledged, each with its bag.
    func acknowledged() throws -> [(label: String, bag: String)] {
        try (1...Self.tables).flatMap { table in
            try read("\(directory)/acknowledged-\(table)").split(separator: 10).map { line in
                let parts = line.split(separator: 9).map { String(decoding: $0, as: UTF8.self) }
                return (parts[0], parts[1])
            }
        }
    }

    /// Every scan that the backend took, in its order.
    func backendScans() throws -> [JSONValue] {
        var all: [JSONValue] = []
        while true {
            let after = all.last?["n"]?.integer ?? 0
            let page = try backendJSON("/sim/scans?after=\(after)&limit=10000")["scans"]?.array ?? []
            all += page
            guard page.count == 10_000 else { return all }
        }
    }

    func backendJSON(_ path: String) throws -> JSONValue {
        try JSONValue.parse(try RawHTTP(port: port).request("GET", path).body)
    }

    private func command(_ words: [String]) throws {
        let program = try ChildProcess(
            "scangate", words + ["--config", directory + "/scangate.toml"], output: directory + "/command.log")
        guard program.wait() == 0 else {
            throw SetupError(String(decoding: try read(directory + "/command.log"), as: UTF8.self))
        }
    }

    /// Looks again every 20 ms: a process that starts gives its test no event.
    private func wait(_ what: String, seconds: Int = 20, until condition: () throws -> Bool) throws {
        for _ in 0..<(seconds * 50) {
            if try condition() { return }
            pause(milliseconds: 20)
        }
        let log = (try? read(directory + "/daemon.log")).map { String(decoding: $0.suffix(2000), as: UTF8.self) } ?? ""
        throw SetupError("waited \(seconds) s for \(what); the daemon's log ends:\n\(log)")
    }
}

/// Lets time pass that is part of what is tested: the moment of a kill.
func pause(milliseconds: Int) {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    nanosleep(&time, nil)
}

/// A small generator with a printed seed (SplitMix64), so that a failing order of kills can be had again.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}
