import MQTTClient
import Model
import TestSupport
import Testing

/// Daemon, backend, broker and relay killed with SIGKILL at any moment, alone and together.
///
/// Tries invariants 2, 5 and 10, for children and for bags. A killed process leaves its written pages to the kernel, so
/// these tests say nothing of stable storage (invariant 1): a commit without fsync would pass them.
///
/// `SCANGATE_KILLS` sets the number a test, `SCANGATE_KILL_MINUTES` lets each last so long instead, `SCANGATE_SEED` sets
/// the order of kills.
@Suite(.timeLimit(.minutes(50))) struct KillTests {
    private static let kills = Int(environmentNumber("SCANGATE_KILLS") ?? 100)
    private static let minutes = environmentNumber("SCANGATE_KILL_MINUTES").map(Int64.init)

    @Test func `killed at any moment, tracetrack-devices accepts every acknowledged scan once`() async throws {
        try await expectNoLoss(once: true) { Dock.Setup($0, "tracetrack-devices") }
    }

    @Test func `killed at any moment, tracetrack-web has every acknowledged scan, none in a wrong bag`() async throws {
        try await expectNoLoss(once: false) { Dock.Setup($0, "tracetrack-web") }
    }

    @Test func `with broker and relay killed too, every acknowledged scan is accepted once`() async throws {
        try await expectNoLoss(once: true) { directory in
            var setup = Dock.Setup(directory, "tracetrack-devices")
            setup.way = .relay
            setup.timeout = "1 s"
            return setup
        }
    }

    @Test func `killed at any moment, a daemon that speaks MQTT has every acknowledged scan accepted once`()
        async throws
    {
        let key = [UInt8](100..<132)
        let (report, kills) = try await withTemporaryDirectory { directory in
            try write(Array(Base64URL.encode(key).utf8), to: directory + "/gateway.key")
            let broker = try await MosquittoBroker(in: directory)
            var setup = Dock.Setup(directory, "tracetrack-devices")
            setup.way = .broker
            setup.brokerPort = broker.port
            setup.backendPort = try freePort()
            setup.timeout = "1 s"
            let application = try await ApplicationSide(
                MQTTSettings(host: "127.0.0.1", port: UInt16(broker.port), tls: nil, clientID: "backend"),
                backend: "http://127.0.0.1:\(setup.backendPort ?? 0)", gatewayKey: key, bearer: "secret")
            do {
                let result = try await offPool { [setup] in try Self.run(setup) }
                await application.stop()
                broker.stop()
                return result
            } catch {
                await application.stop()
                throw error
            }
        }
        #expect(report.problems(once: true) == [])
        #expect(report.acknowledged.count > kills * 2)
    }

    private func expectNoLoss(once: Bool, _ setup: @escaping @Sendable (String) -> Dock.Setup) async throws {
        let (report, kills) = try await offPool { try withTemporaryDirectory { try Self.run(setup($0)) } }
        #expect(report.problems(once: once) == [])
        // Kills that leave no time to scan would prove nothing.
        #expect(report.acknowledged.count > kills * 2)
    }

    /// Kills, lets everything arrive, and looks. Judged by the caller: an expectation on this thread would belong to no
    /// test.
    private static func run(_ setup: Dock.Setup) throws -> (DockReport, kills: Int) {
        var setup = setup
        if minutes != nil { setup.children = 20 }
        let seed = testSeed()
        print("kills under \(setup.contract), \(setup.way), seed \(seed)")
        var random = SeededGenerator(seed: seed)
        let dock = try Dock(setup)
        try dock.start()
        try dock.startWorkers()
        let programs = setup.way == .relay ? 4 : 2
        let end = minutes.map { ContinuousClock.now + .seconds($0 * 60) }
        var count: [String: Int] = [:]
        var done = 0
        while end.map({ ContinuousClock.now < $0 }) ?? (done < kills) {
            pause(milliseconds: Int.random(in: 30...500, using: &random))
            let victims = Dock.Victims(rawValue: Int.random(in: 1..<(1 << programs), using: &random))
            try dock.kill(victims)
            count[victims.description, default: 0] += 1
            done += 1
        }
        print("\(done) kills under \(setup.contract), \(setup.way): \(count.sorted { $0.key < $1.key })")
        pause(milliseconds: 500)
        dock.stopWorkers()
        return (try DockReport(dock), done)
    }
}
