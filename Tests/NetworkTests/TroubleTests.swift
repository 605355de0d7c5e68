import Glibc
import JSON
import TestSupport
import Testing

/// The real daemon and the reference backend with a proxy between them that does everything a network can do, while
/// three workers scan.
///
/// `SCANGATE_SEED` sets the order of what goes wrong, `SCANGATE_TROUBLES` how often after each has had its turn.
@Suite(.serialized, .timeLimit(.minutes(40))) struct TroubleTests {
    private static let troubles = Int(environmentNumber("SCANGATE_TROUBLES") ?? 8)

    @Test func `whatever the network does, tracetrack-devices accepts every acknowledged scan once`() async throws {
        try await expectNoLoss(Trouble.allCases) { Dock.Setup($0, "tracetrack-devices") }
    }

    @Test func `whatever the network does to TLS, every acknowledged scan is accepted once`() async throws {
        try await expectNoLoss(Trouble.allCases) { directory in
            try makeCertificates(directory)
            var setup = Dock.Setup(directory, "tracetrack-devices")
            setup.tls = true
            return setup
        }
    }

    @Test func `whatever the network does, tracetrack-web loses nothing and links nothing to a wrong bag`() async throws
    {
        // Its answers have no proof of their own: what a flipped bit says in plain text cannot be told from the truth.
        let troubles = Trouble.allCases.filter { $0 != .corruptAnswer && $0 != .corruptRequest }
        try await expectNoLoss(troubles) { Dock.Setup($0, "tracetrack-web") }
    }

    @Test func `whatever the network does to daemon, broker and relay, every acknowledged scan is accepted once`()
        async throws
    {
        // TLS: libmosquitto ends the process on a packet with a property that it does not know (docs/mqtt.md).
        try await expectNoLoss(Trouble.allCases) { directory in
            try makeCertificates(directory)
            var setup = Dock.Setup(directory, "tracetrack-devices")
            (setup.way, setup.tls) = (.relay, true)
            return setup
        }
    }

    private func expectNoLoss(
        _ troubles: [Trouble], _ setup: @escaping @Sendable (String) throws -> Dock.Setup
    ) async throws {
        let (report, recovered) = try await offPool {
            try withTemporaryDirectory { try Self.run(try setup($0), troubles) }
        }
        #expect(report.problems(once: report.once) == [])
        #expect(recovered < .seconds(200))
        #expect(report.acknowledged.count > 300)
    }

    /// Each trouble in turn, then at random, a second of the network as it should be now and then.
    private static func run(_ setup: Dock.Setup, _ troubles: [Trouble]) throws -> (DockReport, Duration) {
        let seed = testSeed()
        print("troubles under \(setup.contract), \(setup.way), tls \(setup.tls), seed \(seed)")
        var setup = setup
        let target = try freePort()
        if setup.way == .http { setup.backendPort = target } else { setup.brokerPort = target }
        let proxy = try CrookedProxy(to: target, seed: seed)
        defer { proxy.close() }
        setup.proxyPort = proxy.port
        setup.timeout = "2 s"
        let dock = try Dock(setup)
        try dock.start()
        try dock.startWorkers()
        try dock.waitUntilAccepted()
        var random = SeededGenerator(seed: seed)
        for trouble in troubles + (0..<Self.troubles).compactMap({ _ in troubles.randomElement(using: &random) }) {
            proxy.behave(trouble)
            pause(milliseconds: Int.random(in: 200...900, using: &random))
            proxy.behave(.none)
            pause(milliseconds: Int.random(in: 50...600, using: &random))
            try Self.resume(dock)
        }
        dock.stopWorkers()
        let start = ContinuousClock.now
        try dock.waitUntilEverythingIsJudged(seconds: 200) { try Self.resume(dock) }
        let recovered = ContinuousClock.now - start
        print("recovered within \(recovered), \(proxy.connections) connections")
        return (try DockReport(dock), recovered)
    }

    /// What a person does whom the alarm has called: what looks as if time alone does not mend it is else asked again after
    /// five minutes.
    private static func resume(_ dock: Dock) throws {
        guard let state = try dock.uplink()?["state"]?.string else { return }
        if !["ok", "backing off", "open", "stopped"].contains(state) {
            try dock.command(["uplink", "resume", "tracetrack"])
        }
    }
}

extension DockReport {
    /// tracetrack-web may have a bag twice.
    fileprivate var once: Bool { contract == "tracetrack-devices" }
}
