import Glibc
import JSON
import MQTTClient
import Model
import TestSupport
import Testing

/// Daemon, backend or both killed with SIGKILL at any moment, two hundred times over both contracts.
///
/// Tries invariants 2, 5 and 10, for children and for bags. A killed process leaves its written pages to the kernel, so
/// these tests say nothing of stable storage (invariant 1): a commit without fsync would pass them.
///
/// `SCANGATE_KILLS` sets the number a contract, `SCANGATE_SEED` the order of kills.
@Suite(.timeLimit(.minutes(10))) struct KillTests {
    private static let kills = getenv("SCANGATE_KILLS").flatMap { Int(String(cString: $0)) } ?? 100
    private static let seed =
        getenv("SCANGATE_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64(time(nil)) &* 1_000_003

    @Test func `killed at any moment, tracetrack-devices accepts every acknowledged scan once`() async throws {
        let report = try await report("tracetrack-devices")
        #expect(report.state["accepted_twice"]?.integer == 0)
        #expect(report.state["wrong_parent"]?.integer == 0)
        #expect(report.state["order_broken"]?.integer == 0)
        #expect(report.state["rejected"]?.integer == 0)
        expectAll(report)
        expectBags(report, once: true)
    }

    @Test func `killed at any moment, a daemon that speaks MQTT has every acknowledged scan accepted once`()
        async throws
    {
        let key = [UInt8](100..<132)
        let report = try await withTemporaryDirectory { directory in
            try write(Array(Base64URL.encode(key).utf8), to: directory + "/gateway.key")
            let broker = try await MosquittoBroker(in: directory)
            let backend = try freePort()
            let application = try await ApplicationSide(
                MQTTSettings(host: "127.0.0.1", port: UInt16(broker.port), tls: nil, clientID: "backend"),
                backend: "http://127.0.0.1:\(backend)", gatewayKey: key, bearer: "secret")
            let port = broker.port
            do {
                let report = try await offPool {
                    try Self.run(
                        try KillBench(directory: directory, contract: "tracetrack-devices", port: backend, broker: port)
                    )
                }
                await application.stop()
                broker.stop()
                return report
            } catch {
                await application.stop()
                throw error
            }
        }
        #expect(report.state["accepted_twice"]?.integer == 0)
        #expect(report.state["wrong_parent"]?.integer == 0)
        #expect(report.state["order_broken"]?.integer == 0)
        #expect(report.state["rejected"]?.integer == 0)
        expectAll(report)
        expectBags(report, once: true)
    }

    @Test func `killed at any moment, tracetrack-web has every acknowledged scan, none in a wrong bag`() async throws {
        let report = try await report("tracetrack-web")
        expectAll(report)
        expectBags(report, once: false)
    }

    /// What was acknowledged, and what the backend has in the end.
    private struct Report: Sendable {
        var acknowledged: [(label: String, bag: String)] = []
        /// Child to bag.
        var links: [String: String] = [:]
        /// How many scan rows each bag has.
        var bagScans: [String: Int] = [:]
        var state: JSONValue = .null
        var uplinkRejected: Int64?
        var exitCode: Int32?
    }

    /// Judged by the caller: an expectation on the thread that waits for processes would belong to no test.
    private func report(_ contract: String) async throws -> Report {
        try await offPool {
            try withTemporaryDirectory { try Self.run(try KillBench(directory: $0, contract: contract)) }
        }
    }

    /// Kills, lets everything arrive, and looks.
    private static func run(_ bench: KillBench) throws -> Report {
        print("kills: \(kills) under \(bench.contract), seed \(seed)")
        var random = Seeded(seed)
        try bench.startBackend()
        try bench.provision()
        try bench.startDaemon()
        try bench.startWorkers()
        for _ in 0..<kills {
            pause(milliseconds: Int.random(in: 30...500, using: &random))
            let victim = Int.random(in: 0..<3, using: &random)
            try bench.kill(daemon: victim != 0, backend: victim != 1)
        }
        pause(milliseconds: 500)
        bench.stopWorkers()
        try bench.waitUntilEverythingIsJudged()
        var report = Report()
        report.uplinkRejected = try bench.status()?["uplinks"]?.array?.first?["rejected"]?.integer
        report.exitCode = bench.stopDaemon()
        report.acknowledged = try bench.acknowledged()
        report.state = try bench.backendJSON("/sim/state")
        for link in try bench.backendJSON("/sim/links")["links"]?.array ?? [] {
            report.links[link["child"]?.string ?? ""] = link["parent"]?.string ?? ""
        }
        for row in try bench.backendScans() where row["role"]?.string == "parent" {
            report.bagScans[row["label"]?.string ?? "", default: 0] += 1
        }
        print("\(bench.contract): \(report.acknowledged.count) acknowledged, \(report.links.count) links")
        return report
    }

    /// Each bag that was acknowledged is at the backend; a bag without children shows in no link.
    private func expectBags(_ report: Report, once: Bool) {
        let bags = report.acknowledged.filter { $0.label == $0.bag }.map(\.bag)
        #expect(!bags.isEmpty)
        #expect(bags.filter { report.bagScans[$0] == nil }.isEmpty)
        if once { #expect(bags.filter { (report.bagScans[$0] ?? 0) > 1 }.isEmpty) }
    }

    private func expectAll(_ report: Report) {
        #expect(report.uplinkRejected == 0)
        #expect(report.exitCode == 0)
        var lost: [String] = []
        var wrong: [String] = []
        for (label, bag) in report.acknowledged where label != bag {
            let child = label.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
            guard let found = report.links[child] else {
                lost.append(label)
                continue
            }
            if found != bag { wrong.append("\(child) in \(found), scanned in \(bag)") }
        }
        #expect(lost.isEmpty)
        #expect(wrong.isEmpty)
        // Kills that leave no time to scan would prove nothing.
        #expect(report.acknowledged.count > Self.kills * 2)
    }
}
