import Glibc
import JSON
import Model
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct StopTests {
    // Signed batches are given up at once, however long the answer takes; a web session's answer is waited for.
    @Test(arguments: [(SimulatorSettings.Contract.devices, 600_000 as Int64), (.web, 1500)])
    func `with a request under way it ends, and nothing acknowledged is lost or doubled`(
        contract: SimulatorSettings.Contract, latencyMs: Int64
    ) async throws {
        try await withBench(contract) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            let gateway = try await RunningGateway(configuration)
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await bench.waitUntilDelivered()
            try simulator.addFault(Fault(.latency, ms: latencyMs))
            #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
            try await eventually("a request to be under way") {
                try await bench.ask("status")["uplinks"]?.array?.first?["in_flight"]?.integer != 0
            }
            try await gateway.stop()
            #expect(Files.status(bench.socket) == nil)
            simulator.clearFaults()
            try await bench.running(configuration) { _ in
                try await bench.waitUntilDelivered()
                let scans = try await bench.scans("export")
                #expect(scans.count == 3)
                try await eventually("the verdicts to be stored") { try await bench.scans("waiting").isEmpty }
            }
            #expect(try simulator.links().map(\.child).sorted() == ["1000001", "1000002"])
            #expect(try simulator.acceptances().values.allSatisfy { $0 == 1 } || contract == .web)
        }
    }

    @Test func `a web backend that never answers is waited for ten seconds and no longer`() async throws {
        try await withBench(.web) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let gateway = try await RunningGateway(try bench.configure())
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await bench.waitUntilDelivered()
            try simulator.addFault(Fault(.latency, ms: 600_000))
            #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            try await eventually("a request to be under way") {
                try await bench.ask("status")["uplinks"]?.array?.first?["in_flight"]?.integer == 1
            }
            let clock = ContinuousClock()
            let start = clock.now
            // The answer comes after this suite's time limit.
            try await gateway.stop()
            #expect(clock.now - start >= .seconds(9))
        }
    }

    @Test func `an idle gateway ends at once, and can be started again in its place`() async throws {
        try await withBench(.devices) { bench in
            let configuration = try bench.configure()
            // On a clock that stands still, whatever waits for a time to pass waits for ever.
            let clock = ManualClock()
            for _ in 0..<5 {
                let gateway = try await RunningGateway(configuration, clock: clock.source)
                try await gateway.stop()
            }
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct ReloadTests {
    @Test func `a changed label rule holds from the reload on, and scanning goes on undisturbed`() async throws {
        try await withGateway(.devices) { bench, gateway in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await scanner.scan("PALLET 7") == TestScanner.refused)
            gateway.reload(
                try bench.configure(
                    """
                    [[label]]
                    role = "parent"
                    match = "^SB[0-9]{5}$"
                    [[label]]
                    role = "child"
                    extract = "^PALLET ([0-9]+)$"
                    """))
            try await eventually("the new rule to hold") { try await scanner.scan("PALLET 7") == TestScanner.stored }
            try await bench.waitUntilDelivered()
            #expect(try bench.simulator?.links().map(\.parent) == ["SB10000"])
            let last = try await bench.scans("export").last?["scan"]
            #expect(last?["data"]?.string == "7" && last?["parent"]?.string == "SB10000")
        }
    }

    @Test func `other uplinks take a restart, and nothing is changed by halves`() async throws {
        try await withGateway(.devices) { bench, gateway in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            gateway.reload(
                try bench.configure(
                    """
                    [[uplink]]
                    name = "second"
                    use = "mirror"
                    url = "http://127.0.0.1:9"
                    contract = "tracetrack-devices"
                    auth = { kind = "bearer", token_file = "\(bench.directory)/token" }
                    [[label]]
                    role = "other"
                    match = "."
                    """))
            // Commands and reloads are done in order, so a second reload that is seen proves the first.
            gateway.reload(try bench.configure("[lane]\nother = \"hold\"\n"))
            try await eventually("the second reload") { try await scanner.scan("?") == TestScanner.stored }
            #expect(try await bench.count("held") == 1)
            #expect(try await bench.ask("uplink list")["uplinks"]?.array?.count == 1)
        }
    }

    @Test func `a hundred reloads under load lose no scan`() async throws {
        try await withBench(.devices) { bench in
            let simulator = try #require(bench.simulator)
            let configuration = try bench.configure()
            try await bench.running(configuration) { gateway in
                let scanner = try TestScanner()
                try await bench.add(scanner)
                for n in 0..<100 {
                    gateway.reload(configuration)
                    #expect(try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored)
                }
                try await bench.waitUntilDelivered()
                #expect(Set(try simulator.scans().map(\.label)).count == 100)
            }
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct CommandSessionTests {
    @Test func `a command gives the same with a daemon and without`() async throws {
        try await withBench { bench in
            let configuration = try bench.configure()
            let scanner = try TestScanner()
            let commands: [(String, [(key: String, value: JSONValue)])] = [
                ("device show", [("name", .string("scanner-1"))]), ("lane list", []), ("scans waiting", []),
                ("scans find", [("label", .string("sb10000"))]), ("scans export", [("limit", .integer(1))]),
                ("scans held", []), ("audit show", []), ("audit verify", []),
            ]
            var online: [JSONValue] = []
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                for (command, arguments) in commands { online.append(try await bench.ask(command, arguments)) }
            }
            let session = try CommandSession(configurationAt: bench.file)
            for (index, (command, arguments)) in commands.enumerated() {
                let offline = try await session.perform(ControlRequest(command, arguments))
                #expect(same(offline) == same(online[index]), "\(command)")
            }
            // Changes made without a daemon hold for the next one.
            _ = try await session.perform(ControlRequest("device disable", [("name", .string("scanner-1"))]))
            _ = try await session.perform(ControlRequest("lane clear", [("name", .string("table-1"))]))
            await #expect(throws: CommandError.self) { try await session.perform(ControlRequest("status")) }
            await #expect(throws: CommandError.self) {
                try await session.perform(ControlRequest("device show", [("name", .string("nobody"))]))
            }
            try await bench.running(configuration) { _ in
                let device = try await bench.ask("device list")["devices"]?.array?.first
                let lane = try await bench.ask("lane list")["lanes"]?.array?.first
                #expect(device?["state"]?.string == "disabled" && lane?["parent"]?.string == "")
            }
        }
    }

    /// A result without what only a daemon knows: what it counted since its start.
    private func same(_ value: JSONValue) -> JSONValue {
        let counted: Set = [
            "state", "connected", "scans", "repeated", "refused", "dropped", "refused_by_reason", "dropped_by_reason",
            "last_scan_at", "fault",
        ]
        switch value {
        case .object(let members):
            let isDevice = value["kid"] != nil && value["port"] != nil
            return .object(members.filter { !isDevice || !counted.contains($0.key) }.map { ($0.key, same($0.value)) })
        case .array(let values): return .array(values.map(same))
        default: return value
        }
    }

    @Test func `a second gateway on the same state directory is refused, and told by whom it is held`() async throws {
        try await withGateway { bench, _ in
            let clock = ManualClock()
            clock.setAutomatic(true)
            let configuration = try Configuration.load(path: bench.file)
            let error = await #expect(throws: CommandError.self) {
                _ = try await buildGateway(configuration, clock: clock.source)
            }
            #expect(error?.message.contains("locked by process \(getpid())") == true, "\(error?.description ?? "")")
            #expect(error?.hint.contains("scangate status") == true)
            #expect(try await bench.ask("status")["gateway"]?.string == "dock-7")
        }
    }
}
