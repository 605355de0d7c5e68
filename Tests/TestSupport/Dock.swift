internal import Glibc
public import JSON
internal import Model

/// A daemon, a backend and workers as processes, and where wanted a broker and a relay between them: to be killed, or
/// to be cut off. Confined to one thread, and blocking.
public final class Dock {
    /// What is killed at once.
    public struct Victims: OptionSet, Sendable, CustomStringConvertible {
        /// One bit a program.
        public let rawValue: Int
        /// Any set.
        public init(rawValue: Int) { self.rawValue = rawValue }
        /// `scangate run`
        public static let daemon = Victims(rawValue: 1)
        /// `tracetrack-sim`
        public static let backend = Victims(rawValue: 2)
        /// `mosquitto`
        public static let broker = Victims(rawValue: 4)
        /// `scangate relay`
        public static let relay = Victims(rawValue: 8)
        /// Their names.
        public var description: String {
            [(Victims.daemon, "daemon"), (.backend, "backend"), (.broker, "broker"), (.relay, "relay")]
                .filter { contains($0.0) }.map(\.1).joined(separator: "+")
        }
    }

    /// What is asked of it, and where its files are.
    public let setup: Setup
    /// Where the backend listens.
    public let backendPort: Int
    /// Where the broker does.
    public let brokerPort: Int
    private let controlPort: Int
    private var processes: [Int: ChildProcess] = [:]
    private var workers: [ChildProcess] = []

    /// Chooses ports; `start` does the rest.
    public init(_ setup: Setup) throws {
        self.setup = setup
        backendPort = try setup.backendPort ?? freePort()
        brokerPort = try setup.brokerPort ?? freePort()
        controlPort = try freePort()
        try setup.writeFiles(backendPort: backendPort, brokerPort: brokerPort)
    }

    /// Everything but the workers, the scanners registered.
    public func start() throws {
        try start(.backend)
        if setup.way == .relay { try start([.broker, .relay]) }
        try provision()
        try start(.daemon)
    }

    /// Starts programs; returns when the backend answers, and at once of the others.
    public func start(_ programs: Victims) throws {
        let directory = setup.directory
        if programs.contains(.broker) {
            processes[Victims.broker.rawValue] = try ChildProcess(
                "/usr/sbin/mosquitto", ["-c", directory + "/mosquitto.conf"], output: directory + "/broker.log")
        }
        if programs.contains(.backend) {
            processes[Victims.backend.rawValue] = try ChildProcess(
                "tracetrack-sim", setup.backendArguments(port: backendPort, control: controlPort),
                output: directory + "/backend.log")
            try wait("the backend to answer") {
                (try? RawHTTP(port: self.controlPort).request("GET", "/health"))?.status == 200
            }
        }
        if programs.contains(.relay) {
            processes[Victims.relay.rawValue] = try ChildProcess(
                "scangate", ["relay", "--config", directory + "/relay.toml"], output: directory + "/relay.log")
        }
        if programs.contains(.daemon) {
            let words = setup.daemonPrefix + [try ChildProcess.built("scangate")]
            processes[Victims.daemon.rawValue] = try ChildProcess(
                words[0], words.dropFirst() + ["run", "--config", directory + "/scangate.toml"],
                output: directory + "/daemon.log")
        }
    }

    /// Kills these together, and starts them again.
    public func kill(_ victims: Victims) throws {
        let killed = processes.filter { victims.rawValue & $0.key != 0 }
        for process in killed.values { Glibc.kill(process.id, SIGKILL) }
        for process in killed.values { process.end(SIGKILL) }
        try start(victims)
    }

    /// The daemon's end by SIGTERM: its exit code.
    public func stopDaemon() -> Int32? {
        processes[Victims.daemon.rawValue]?.end(SIGTERM).map { $0 & 0x7F == 0 ? $0 >> 8 & 0xFF : -1 }
    }

    /// The number of the daemon's process.
    public var daemonProcess: Int32 { processes[Victims.daemon.rawValue]?.id ?? 0 }

    /// Registers the scanners while no daemon runs, and tells the backend their keys.
    private func provision() throws {
        for table in 1...setup.tables {
            try command([
                "device", "add", "scanner-\(table)", "--port", port(table), "--lane", "table-\(table)", "--ack",
                "--json",
            ])
        }
        // The log has warnings too.
        let keys = try read(setup.directory + "/command.log").split(separator: 10).filter { $0.first == 0x7B }
        _ = try RawHTTP(port: controlPort).request("POST", "/sim/keys", body: Array(keys.joined(separator: [10])))
    }

    private func port(_ table: Int) -> String { "\(setup.directory)/scanner-\(table)" }

    // MARK: Workers

    /// Begins to scan at every table.
    public func startWorkers() throws {
        for table in 1...setup.tables {
            workers.append(
                try ChildProcess(
                    "scangate",
                    [
                        "simulate", "--port", port(table), "--bags", String(setup.bags), "--children",
                        String(setup.children), "--rate", String(setup.rate), "--first",
                        String(table * (100_000 / (setup.tables + 1))), "--record",
                        "\(setup.directory)/acknowledged-\(table)",
                    ], output: setup.directory + "/worker.log"))
        }
    }

    /// Ends them in the middle of what they do.
    public func stopWorkers() {
        // Without its link first: a pseudo-terminal's number is given to the next test at once.
        for table in 1...setup.tables { unlink(port(table)) }
        for worker in workers { worker.end(SIGKILL) }
        workers.removeAll()
    }

    /// Returns when every worker has scanned all its bags.
    public func waitForWorkers() {
        for worker in workers { _ = worker.wait() }
        workers.removeAll()
    }

    // MARK: What there is

    /// Returns once the backend has taken a scan.
    public func waitUntilAccepted() throws {
        try wait("a scan to be accepted") { try !self.backendScans().isEmpty }
    }

    /// Returns once nothing waits; throws after `seconds` in which no fewer did, however long all of it takes: half an hour
    /// of kills leaves more than a minute's work. `meanwhile` is called each time it is not so yet.
    public func waitUntilEverythingIsJudged(seconds: Int = 90, meanwhile: () throws -> Void = {}) throws {
        var fewest = Int64.max
        var end = ContinuousClock.now + .seconds(seconds)
        while true {
            let status = try status()
            let waiting = status?["spool"]?["waiting"]?.integer ?? .max
            if waiting == 0 { return }
            if waiting < fewest { (fewest, end) = (waiting, ContinuousClock.now + .seconds(seconds)) }
            guard ContinuousClock.now < end else {
                let uplink = status?["uplinks"]?.array?.first
                throw failure("\(waiting) scans still wait after \(seconds) s, uplink \(String(describing: uplink))")
            }
            try meanwhile()
            pause(milliseconds: 20)
        }
    }

    /// `scangate status --json`; nil while no daemon answers.
    public func status() throws -> JSONValue? {
        unlink(setup.directory + "/status.log")
        let program = try ChildProcess(
            "scangate", ["status", "--json", "--config", setup.directory + "/scangate.toml"],
            output: setup.directory + "/status.log")
        _ = program.wait()
        let lines = try read(setup.directory + "/status.log").split(separator: 10)
        return lines.first.flatMap { try? JSONValue.parse(Array($0)) }
    }

    /// Why scans are `held` or `rejected`, the first twenty.
    public func reasons(_ state: String) throws -> [String] {
        let output = "\(setup.directory)/\(state).log"
        unlink(output)
        let program = try ChildProcess(
            "scangate",
            ["scans", state, "--json", "--limit", "20", "--config", setup.directory + "/scangate.toml"], output: output)
        _ = program.wait()
        return try read(output).split(separator: 10).compactMap { try? JSONValue.parse(Array($0))["reason"]?.string }
    }

    /// The uplink's part of the status.
    public func uplink() throws -> JSONValue? { try status()?["uplinks"]?.array?.first }

    /// Labels that the gateway acknowledged, each with its bag.
    public func acknowledged() throws -> [(label: String, bag: String)] {
        try (1...setup.tables).flatMap { table in
            try read("\(setup.directory)/acknowledged-\(table)").split(separator: 10).map { line in
                let parts = line.split(separator: 9).map { String(decoding: $0, as: UTF8.self) }
                return (parts[0], parts[1])
            }
        }
    }

    /// Every scan that the backend took, in its order.
    public func backendScans() throws -> [JSONValue] {
        var all: [JSONValue] = []
        while true {
            let after = all.last?["n"]?.integer ?? 0
            let page = try backendJSON("/sim/scans?after=\(after)&limit=10000")["scans"]?.array ?? []
            all += page
            guard page.count == 10_000 else { return all }
        }
    }

    /// One of the backend's control pages.
    public func backendJSON(_ path: String) throws -> JSONValue {
        try JSONValue.parse(try RawHTTP(port: controlPort).request("GET", path).body)
    }

    /// A command of the CLI, which must succeed.
    public func command(_ words: [String]) throws {
        let log = setup.directory + "/command.log"
        let program = try ChildProcess(
            "scangate", words + ["--config", setup.directory + "/scangate.toml"], output: log)
        guard program.wait() == 0 else { throw SetupError(String(decoding: try read(log), as: UTF8.self)) }
    }

    /// Looks again every 20 ms: a process that starts gives its test no event.
    public func wait(_ what: String, seconds: Int = 90, until condition: () throws -> Bool) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while try !condition() {
            guard ContinuousClock.now < end else { throw failure("waited \(seconds) s for \(what)") }
            pause(milliseconds: 20)
        }
    }

    private func failure(_ what: String) -> SetupError {
        let logs = ["daemon", "relay", "broker"].compactMap { name -> String? in
            guard let log = try? read("\(setup.directory)/\(name).log") else { return nil }
            return "the \(name)'s log ends:\n" + String(decoding: log.suffix(2000), as: UTF8.self)
        }
        return SetupError(([what] + logs).joined(separator: "\n"))
    }
}
