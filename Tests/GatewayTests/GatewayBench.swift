import Glibc
import JSON
import Model
import Posix
import Simulator
import TestSupport

@testable import Gateway

/// A directory with everything that a gateway needs, and its backend.
final class GatewayBench: Sendable {
    let directory: String
    let simulator: Simulator?
    var stateDirectory: String { directory + "/state" }
    var socket: String { directory + "/c" }
    var file: String { directory + "/scangate.toml" }

    /// - Parameters:
    ///   - contract: the contract of the only uplink; nil for a gateway without one.
    ///   - stateDirectory: made by the test where it is not to be made here.
    init(
        _ directory: String, _ contract: SimulatorSettings.Contract?,
        _ change: (inout SimulatorSettings) -> Void = { _ in }
    ) throws {
        self.directory = directory
        var settings = SimulatorSettings()
        settings.accounts = [("dock7", "secret")]
        settings.authentication = .bearer
        change(&settings)
        simulator = try contract.map { _ in try Simulator(settings) }
        try simulator?.addBearer(gateway: "dock-7", token: "token")
        try TestSupport.write(Array("secret\n".utf8), to: directory + "/password")
        try TestSupport.write(Array("token\n".utf8), to: directory + "/token")
        self.contract = contract
    }

    private let contract: SimulatorSettings.Contract?

    /// Writes the configuration, with more lines behind it, and reads it.
    @discardableResult
    func configure(_ more: String = "", spool: String = "min_free = 0") throws -> Configuration {
        var text = """
            [gateway]
            id = "dock-7"
            state_dir = "\(stateDirectory)"
            control_socket = "\(socket)"
            admin_group = "root"
            [spool]
            \(spool)

            """
        if let contract, let simulator {
            text += """
                [[uplink]]
                name = "tracetrack"
                url = "\(simulator.url)"

                """
            switch contract {
            case .web:
                text += """
                    contract = "tracetrack-web"
                    insecure_cookies = true
                    block_linger = "0 ms"
                    auth = { kind = "login", accounts = [{ username = "dock7", password_file = "\(directory)/password" }] }

                    """
            default:
                text += """
                    contract = "tracetrack-devices"
                    auth = { kind = "bearer", token_file = "\(directory)/token" }

                    """
            }
        }
        try Files.replace(file, with: Array((text + more).utf8))
        return try Configuration.load(path: file)
    }

    /// Asks the daemon, as the CLI does.
    @discardableResult
    func ask(_ command: String, _ arguments: [(key: String, value: JSONValue)] = []) async throws -> JSONValue {
        let (socket, request) = (socket, ControlRequest(command, arguments))
        return try await onThread {
            guard let answer = try ControlClient(path: socket).perform(request) else {
                throw SetupError("no daemon listens")
            }
            return answer
        }
    }

    /// Adds a scanner that wants answers, and its key to the backend's registry.
    func add(
        _ scanner: TestScanner, lane: String = "table-1", roles: String = "parent,child"
    ) async throws {
        try await add(scanner.name, port: scanner.path, lane: lane, roles: roles)
        try await waitUntilRead(scanner.name)
    }

    func add(_ name: String, port: String, lane: String = "table-1", roles: String = "parent,child") async throws {
        let key = try await ask(
            "device add",
            [
                ("name", .string(name)), ("lane", .string(lane)), ("roles", .string(roles)),
                ("options", .object([("port", .string(port)), ("ack", .string("true"))])),
            ])
        try simulator?.addDeviceKey(DeviceKey(json: key))
    }

    /// Returns once a device's port is read. Mostly at once: but a program that is started by another test holds this
    /// process's locks for a moment, and so the port.
    func waitUntilRead(_ name: String) async throws {
        try await eventually("\(name) to be read") {
            try await ask("device show", [("name", .string(name))])["device"]?["state"]?.string == "reading"
        }
    }

    func count(_ state: String) async throws -> Int64 { try await ask("status")["spool"]?[state]?.integer ?? -1 }

    /// Returns once nothing waits for the backend.
    func waitUntilDelivered() async throws {
        try await eventually("everything to be judged") { try await count("waiting") == 0 }
    }

    func scans(_ command: String, _ arguments: [(key: String, value: JSONValue)] = []) async throws -> [JSONValue] {
        try await ask("scans \(command)", arguments)["scans"]?.array ?? []
    }
}

/// A daemon that runs in this process.
final class RunningGateway: Sendable {
    private let commands: AsyncStream<Gateway.Command>.Continuation
    private let task: Task<Void, any Error>

    /// Returns once the daemon is ready.
    init(_ configuration: Configuration, clock: TimeSource = .system) async throws {
        let (stream, commands) = AsyncStream.makeStream(of: Gateway.Command.self)
        let (ready, isReady) = AsyncStream.makeStream(of: Void.self)
        self.commands = commands
        task = Task {
            defer { isReady.finish() }
            let gateway = try await buildGateway(configuration, clock: clock)
            try await gateway.run(stream) { isReady.yield() }
        }
        for await _ in ready { return }
        try await task.value
        throw SetupError("the gateway ended before it was ready")
    }

    func stop() async throws {
        commands.yield(.stop)
        try await task.value
    }

    func reload(_ configuration: Configuration) { commands.yield(.reload(configuration)) }
}

/// Runs `body` with a bench, and with a daemon on it.
func withGateway(
    _ contract: SimulatorSettings.Contract? = nil, _ more: String = "", clock: TimeSource = .system,
    isolation: isolated (any Actor)? = #isolation, _ change: (inout SimulatorSettings) -> Void = { _ in },
    _ body: (GatewayBench, RunningGateway) async throws -> Void
) async throws {
    try await withBench(contract, change) { bench in
        try await bench.running(try bench.configure(more), clock: clock) { try await body(bench, $0) }
    }
}

/// Runs `body` with a bench on which nothing runs yet.
func withBench(
    _ contract: SimulatorSettings.Contract? = nil, isolation: isolated (any Actor)? = #isolation,
    _ change: (inout SimulatorSettings) -> Void = { _ in }, _ body: (GatewayBench) async throws -> Void
) async throws {
    try await withTemporaryDirectory { directory in
        let bench = try GatewayBench(directory, contract, change)
        defer { bench.simulator?.stop() }
        try await body(bench)
    }
}

extension GatewayBench {
    /// Runs `body` while a daemon runs; it is stopped afterwards, also where `body` throws.
    func running(
        _ configuration: Configuration, clock: TimeSource = .system, isolation: isolated (any Actor)? = #isolation,
        _ body: (RunningGateway) async throws -> Void
    ) async throws {
        let gateway = try await RunningGateway(configuration, clock: clock)
        do { try await body(gateway) } catch {
            try? await gateway.stop()
            throw error
        }
        try await gateway.stop()
    }
}

/// Runs what blocks on a thread of its own: the pool that the daemon's actors need is no bigger than the machine.
func onThread<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        Threads.run(name: "test-client") { continuation.resume(with: Result { try body() }) }
    }
}

/// A serial scanner on a pseudo-terminal, with the worker who holds it.
final class TestScanner: Sendable {
    let name: String
    private let terminal: PseudoTerminal
    var path: String { terminal.path }

    init(_ name: String = "scanner-1") throws {
        self.name = name
        terminal = try PseudoTerminal()
    }

    static let stored: UInt8 = 0x06
    static let refused: UInt8 = 0x15

    func type(_ label: [UInt8]) throws { try terminal.scanner.write(label + [13], subject: "scanner") }

    /// Scans a label and returns the gateway's answer.
    func scan(_ label: String) async throws -> UInt8 { try await scan(Array(label.utf8)) }

    func scan(_ label: [UInt8]) async throws -> UInt8 {
        try type(label)
        return try await answer()
    }

    var hasAnswer: Bool {
        var ready = pollfd(fd: terminal.scanner.raw, events: Int16(POLLIN), revents: 0)
        return poll(&ready, 1, 0) > 0 && ready.revents & Int16(POLLIN) != 0
    }

    func answer() async throws -> UInt8 {
        try await eventually("an answer to the scanner") { hasAnswer }
        var byte = [UInt8](repeating: 0, count: 1)
        _ = try terminal.scanner.read(into: &byte, subject: "scanner")
        return byte[0]
    }
}

/// Child label number `n`, as its QR code reads.
func childLabel(_ n: Int) -> String { "LABEL NO. \(1_000_000 + n) LOT NO. 77" }
