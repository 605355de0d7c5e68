import Glibc
import JSON
import Model
import Posix
import Simulator
import TestSupport
import Testing
import Uplinks

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct SessionStoreTests {
    private let saved = {
        var saved = SavedSessions()
        saved.cookies = ["a": ["dock7": ["line\t1", "line\t2"], "dock8": []], "b": ["ü\"": ["x"]]]
        saved.logins = ["a": [1, 2], "c": [1_795_233_600_000]]
        return saved
    }()

    /// A store without a key of its own: what is sealed ends with the context.
    private func store(_ directory: String) -> SessionStore {
        SessionStore(
            path: directory + "/sessions", seal: { $0 + Array($1.utf8) },
            open: { bytes, context in
                guard bytes.suffix(context.utf8.count).elementsEqual(context.utf8) else {
                    throw SetupError("another key")
                }
                return Array(bytes.dropLast(context.utf8.count))
            })
    }

    @Test func `what is saved is loaded, from a file that only its owner reads`() throws {
        try withTemporaryDirectory { directory in
            let store = store(directory)
            store.save(SavedSessions())
            #expect(Files.status(store.path) == nil)
            store.save(saved)
            #expect(store.load() == saved)
            #expect(Files.status(store.path).map { $0.mode & 0o777 } == 0o600)
            store.save(SavedSessions())
            #expect(store.load().isEmpty)
        }
    }

    @Test(arguments: ["", "[]", "{\"v\":2,\"uplinks\":{}}", "not JSON", "too long"])
    func `a file that cannot be read is no more than lost`(text: String) throws {
        try withTemporaryDirectory { directory in
            let store = store(directory)
            let text = text == "too long" ? String(repeating: "x", count: 1 << 21) : text
            try Files.replace(store.path, with: Array(text.utf8))
            #expect(store.load().isEmpty)
            try Files.replace(store.path, with: Array((text + "scangate sessions v1").utf8))
            #expect(store.load().isEmpty)
            store.save(saved)
            #expect(store.load() == saved)
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct SessionRestartTests {
    @Test func `restarts cost no login, and the file shows nothing of the session`() async throws {
        try await withBench(.web) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            for n in 0..<4 {
                try await bench.running(configuration) { _ in
                    if n == 0 { try await bench.add(scanner) }
                    // One start has nothing to send, and must not lose the session either.
                    guard n != 1 else { return }
                    #expect(try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored)
                    try await bench.waitUntilDelivered()
                }
            }
            #expect(try simulator.count("logins") == 1)
            let file = bench.stateDirectory + "/sessions"
            #expect(Files.status(file).map { $0.mode & 0o777 } == 0o600)
            let text = String(decoding: try Files.read(file), as: UTF8.self)
            #expect(!text.contains("session") && !text.contains("127.0.0.1"))
        }
    }

    @Test func `a file that was sealed with another key costs one login`() async throws {
        try await withBench(.web) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            for n in 0..<2 {
                try await bench.running(configuration) { _ in
                    if n == 0 { try await bench.add(scanner) }
                    #expect(try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored)
                    try await bench.waitUntilDelivered()
                }
                let file = bench.stateDirectory + "/sessions"
                var bytes = try Files.read(file)
                bytes[20] ^= 1
                try Files.replace(file, with: bytes)
            }
            #expect(try simulator.count("logins") == 2)
        }
    }

    @Test func `restarts that lose the session each time stay within the login budget`() async throws {
        try await withBench(.web) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            for n in 0..<11 {
                try simulator.expireSessions()
                try await bench.running(configuration) { _ in
                    if n == 0 { try await bench.add(scanner) }
                    #expect(try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored)
                    // Two requests a login, eighteen an hour.
                    if n < 9 { return try await bench.waitUntilDelivered() }
                    try await eventually("the budget to be used up") {
                        try await bench.ask("uplink list")["uplinks"]?.array?.first?["last_error"]?.string?
                            .contains("18 requests to /login in an hour") == true
                    }
                }
            }
            #expect(try simulator.count("logins") == 9)
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct ReloadKeepsTests {
    private func uplink(_ bench: GatewayBench) async throws -> JSONValue? {
        try await bench.ask("uplink list")["uplinks"]?.array?.first
    }

    /// Returns once the reload is done: the labels of the configuration are those that `isDone` sees.
    private func reload(_ bench: GatewayBench, _ gateway: RunningGateway, _ scanner: TestScanner, _ label: String)
        async throws
    {
        gateway.reload(try bench.configure("[[label]]\nrole = \"parent\"\nmatch = \"^SB|^\(label)\"\n"))
        try await eventually("the reload") { try await scanner.scan(label) == TestScanner.stored }
    }

    @Test(arguments: [SimulatorSettings.Contract.web, .devices])
    func `an uplink whose settings are the same stays paused, with its session and its counts`(
        contract: SimulatorSettings.Contract
    ) async throws {
        try await withGateway(contract) { bench, gateway in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await bench.waitUntilDelivered()
            try await bench.ask("uplink pause", [("uplink", .string("tracetrack"))])
            try await reload(bench, gateway, scanner, "SC10001")
            #expect(try await uplink(bench)?["state"]?.string == "paused")
            #expect(try await uplink(bench)?["accepted"]?.integer == 1)
            #expect(try await bench.count("waiting") == 1)
            try await bench.ask("uplink resume", [("uplink", .string("tracetrack"))])
            try await bench.waitUntilDelivered()
            #expect(try contract == .devices || simulator.count("logins") == 1)
        }
    }

    @Test(arguments: [SimulatorSettings.Contract.web, .devices])
    func `an uplink with other settings takes over the pause and the session`(contract: SimulatorSettings.Contract)
        async throws
    {
        try await withGateway(contract) { bench, gateway in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await bench.waitUntilDelivered()
            try await bench.ask("uplink pause", [("uplink", .string("tracetrack"))])
            var changed = try bench.configure()
            changed.uplinks[0].timeout = .seconds(7)
            gateway.reload(changed)
            try await eventually("another delivery") { try await uplink(bench)?["accepted"]?.integer == 0 }
            #expect(try await scanner.scan("SB10001") == TestScanner.stored)
            #expect(try await uplink(bench)?["state"]?.string == "paused")
            #expect(try await bench.count("waiting") == 1)
            try await bench.ask("uplink resume", [("uplink", .string("tracetrack"))])
            try await bench.waitUntilDelivered()
            #expect(try contract == .devices || simulator.count("logins") == 1)
        }
    }

    @Test func `a password that was mended is tried at the reload, the same wrong one is not`() async throws {
        try await withBench(.web) { bench in
            let simulator = try #require(bench.simulator)
            try TestSupport.write(Array("wrong\n".utf8), to: bench.directory + "/password")
            try await bench.running(try bench.configure()) { gateway in
                let scanner = try TestScanner()
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try await eventually("a refused login") {
                    try await uplink(bench)?["last_error"]?.string?.contains("password file") == true
                }
                try TestSupport.write(Array("secret\n".utf8), to: bench.directory + "/password")
                try await reload(bench, gateway, scanner, "SC10001")
                try await bench.waitUntilDelivered()
                #expect(try simulator.count("logins") == 1)
            }
        }
    }

    @Test func `a token that was mended is tried at the reload`() async throws {
        try await withBench(.devices) { bench in
            try TestSupport.write(Array("wrong\n".utf8), to: bench.directory + "/token")
            try await bench.running(try bench.configure()) { gateway in
                let scanner = try TestScanner()
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try await eventually("a refused token") { try await uplink(bench)?["state"]?.string == "paused" }
                try TestSupport.write(Array("token\n".utf8), to: bench.directory + "/token")
                try await reload(bench, gateway, scanner, "SC10001")
                try await bench.waitUntilDelivered()
            }
        }
    }
}
