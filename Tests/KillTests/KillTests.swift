import Glibc
import JSON
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
        try await blocking("tracetrack-devices") { bench in
            let links = try Self.run(bench)
            let state = try bench.backendJSON("/sim/state")
            #expect(state["accepted_twice"]?.integer == 0)
            #expect(state["wrong_parent"]?.integer == 0)
            #expect(state["order_broken"]?.integer == 0)
            #expect(state["rejected"]?.integer == 0)
            try Self.expectAll(bench, links)
            try Self.expectBags(bench, once: true)
        }
    }

    @Test func `killed at any moment, tracetrack-web has every acknowledged scan, none in a wrong bag`() async throws {
        try await blocking("tracetrack-web") { bench in
            try Self.expectAll(bench, try Self.run(bench))
            try Self.expectBags(bench, once: false)
        }
    }

    private func blocking(_ contract: String, _ body: @escaping @Sendable (KillBench) throws -> Void) async throws {
        try await offPool {
            try withTemporaryDirectory { try body(try KillBench(directory: $0, contract: contract)) }
        }
    }

    /// Kills, lets everything arrive, and returns the backend's links: child to bag.
    private static func run(_ bench: KillBench) throws -> [String: String] {
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
        let uplink = try bench.status()?["uplinks"]?.array?.first
        #expect(uplink?["rejected"]?.integer == 0)
        #expect(bench.stopDaemon() == 0)
        var links: [String: String] = [:]
        for link in try bench.backendJSON("/sim/links")["links"]?.array ?? [] {
            links[link["child"]?.string ?? ""] = link["parent"]?.string ?? ""
        }
        return links
    }

    /// Each bag that was acknowledged is at the backend; a bag without children shows in no link.
    private static func expectBags(_ bench: KillBench, once: Bool) throws {
        var seen: [String: Int] = [:]
        for row in try bench.backendScans() where row["role"]?.string == "parent" {
            seen[row["label"]?.string ?? "", default: 0] += 1
        }
        let bags = try bench.acknowledged().filter { $0.label == $0.bag }.map(\.bag)
        #expect(bags.filter { seen[$0] == nil }.isEmpty)
        if once { #expect(bags.filter { (seen[$0] ?? 0) > 1 }.isEmpty) }
        print("\(bench.contract): \(bags.count) bags acknowledged, \(seen.values.reduce(0, +)) scans of bags")
    }

    private static func expectAll(_ bench: KillBench, _ links: [String: String]) throws {
        let acknowledged = try bench.acknowledged()
        let bags = Set(links.values)
        var lost: [String] = []
        var wrong: [String] = []
        for (label, bag) in acknowledged where label != bag {
            let child = label.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
            guard let found = links[child] else {
                lost.append(label)
                continue
            }
            if found != bag { wrong.append("\(child) in \(found), scanned in \(bag)") }
        }
        #expect(lost.isEmpty)
        #expect(wrong.isEmpty)
        print("\(bench.contract): \(acknowledged.count) acknowledged, \(links.count) links, \(bags.count) bags")
        // Kills that leave no time to scan would prove nothing.
        #expect(acknowledged.count > kills * 2)
    }
}
