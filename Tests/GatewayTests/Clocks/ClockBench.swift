import Glibc
import JSON
import Model
import Simulator
import TestSupport

/// A daemon as a process whose wall clock the test moves, on a bench whose other parts keep the right time.
final class ClockBench {
    let bench: GatewayBench
    let simulator: Simulator
    private let shift: Int32
    private let contract: SimulatorSettings.Contract
    private var daemon: ChildProcess?

    static let tenYears = Duration.seconds(10 * 365 * 86_400)
    static let tenYearsBack = Duration.zero - tenYears

    init(_ bench: GatewayBench, _ contract: SimulatorSettings.Contract) throws {
        guard let simulator = bench.simulator else { throw SetupError("a bench without a backend") }
        (self.bench, self.simulator, self.contract) = (bench, simulator, contract)
        let path = bench.directory + "/shift"
        try TestSupport.write([UInt8](repeating: 0, count: 24), to: path)
        shift = open(path, O_RDWR | O_CLOEXEC)
        let key = [UInt8](1...32)
        try TestSupport.write(Array(Base64URL.encode(key).utf8), to: bench.directory + "/gateway.key")
        _ = try simulator.addGatewayKey(gateway: "dock-7", key: key)
    }

    deinit { close(shift) }

    /// Moves the daemon's clocks.
    ///
    /// - Parameters:
    ///   - wall: how far its wall clock is from the right time.
    ///   - synced: what its kernel says of that.
    ///   - asleep: how long its machine has been suspended by now.
    func set(wall: Duration = .zero, synced: Bool = true, asleep: Duration = .zero) throws {
        var words: [Int64] = [wall.nanoseconds, synced ? 1 : 2, asleep.nanoseconds]
        let count = words.withUnsafeMutableBytes { pwrite(shift, $0.baseAddress, $0.count, 0) }
        guard count == 24 else { throw SetupError("move the daemon's clocks") }
    }

    /// Writes the configuration: requests are signed under tracetrack-devices, which needs the time.
    func configure(_ more: String = "") throws {
        let (directory, isWeb) = (bench.directory, contract == .web)
        let authentication =
            isWeb
            ? "{ kind = \"login\", accounts = [{ username = \"dock7\", password_file = \"\(directory)/password\" }] }"
            : "{ kind = \"signature\", key_file = \"\(directory)/gateway.key\" }"
        let text = """
            [gateway]
            id = "dock-7"
            state_dir = "\(bench.stateDirectory)"
            control_socket = "\(bench.socket)"
            admin_group = "root"
            \(more)
            [[uplink]]
            name = "tracetrack"
            url = "\(simulator.url)"
            contract = "\(isWeb ? "tracetrack-web" : "tracetrack-devices")"
            \(isWeb ? "insecure_cookies = true" : "")
            auth = \(authentication)
            """
        try TestSupport.write(Array(text.utf8), to: bench.file)
    }

    /// Starts the daemon and returns once it answers.
    func start() async throws {
        // Beside what is preloaded into this process, as under the thread sanitizer.
        let preloaded = getenv("LD_PRELOAD").map { ":" + String(cString: $0) } ?? ""
        daemon = try ChildProcess(
            "scangate", ["run", "--config", bench.file],
            environment: [
                ("LD_PRELOAD", try ChildProcess.built("libClockShift.so") + preloaded),
                ("SCANGATE_CLOCK_SHIFT", bench.directory + "/shift"),
            ], output: bench.directory + "/daemon.log")
        try await eventually("the daemon to answer") { (try? await bench.ask("status")) != nil }
    }

    /// Ends the daemon; its exit code, -1 for a signal.
    func stop() -> Int32? { daemon?.end(SIGTERM).map { $0 & 0x7F == 0 ? $0 >> 8 & 0xFF : -1 } }

    var log: String {
        (try? TestSupport.read(bench.directory + "/daemon.log")).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// Returns once all is judged, which no jump may hold up: much less than any of the delivery's pauses.
    func expectDelivered(within limit: Duration = .seconds(40)) async throws {
        try await eventually("everything to be judged; the log: \(log.suffix(1500))", within: limit) {
            try await bench.count("waiting") == 0
        }
    }

    /// Scans bags until upkeep has come by, which it does with a process's 256th commit, and all is judged.
    func scanUntilUpkeep(_ scanner: TestScanner) async throws {
        for bag in 0..<270 {
            guard try await scanner.scan("SB\(20_000 + bag)") == TestScanner.stored else {
                throw SetupError("bag \(bag) was not stored; the log: \(log.suffix(1500))")
            }
        }
        try await expectDelivered()
    }

    /// The lane's number of the oldest scan that is kept.
    func oldestKept() async throws -> Int64? {
        try await bench.scans("export", [("limit", .integer(1))]).first?["scan"]?["lane_seq"]?.integer
    }

    /// What a wall clock may not bring about, whatever it does.
    func faults() throws -> [String: Int64] {
        let counters = try simulator.counters()
        let names = ["accepted_twice", "wrong_parent", "order_broken", "rejected"]
        return counters.filter { names.contains($0.key) && $0.value != 0 }
    }
}

/// Runs `body` with such a bench; the daemon is ended afterwards.
func withClockBench(
    _ contract: SimulatorSettings.Contract, isolation: isolated (any Actor)? = #isolation,
    _ body: (ClockBench) async throws -> Void
) async throws {
    try await withBench(contract, { if contract != .web { $0.authentication = .signature } }) { bench in
        let clocks = try ClockBench(bench, contract)
        do { try await body(clocks) } catch {
            _ = clocks.stop()
            throw error
        }
        _ = clocks.stop()
    }
}
