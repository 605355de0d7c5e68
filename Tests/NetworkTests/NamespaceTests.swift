import Glibc
import TestSupport
import Testing

/// The daemon in a network namespace of its own, behind a slow line that is taken down at random.
///
/// Needs root and network namespaces, and says so where they are not to be had. Packets are lost by the kernel's netem
/// where it has that; a link that is down for a moment loses them everywhere.
@Suite(.serialized, .timeLimit(.minutes(10))) struct NamespaceTests {
    private static let isPermitted = geteuid() == 0 && Line.works()

    @Test(.enabled(if: isPermitted, "making network namespaces takes root and the programs ip and tc"))
    func `behind a slow line that loses packets and goes down, every acknowledged scan is accepted once`() async throws
    {
        let report = try await offPool { try withTemporaryDirectory { try Self.run($0) } }
        #expect(report.problems(once: true) == [])
        #expect(report.acknowledged.count > 300)
    }

    private static func run(_ directory: String) throws -> DockReport {
        let seed = testSeed()
        let line = try Line()
        defer { line.remove() }
        print("a line of 512 kbit/s, loss by netem: \(line.hasLoss), seed \(seed)")
        var setup = Dock.Setup(directory, "tracetrack-devices")
        setup.backendHost = line.hostAddress
        setup.daemonPrefix = ["/usr/sbin/ip", "netns", "exec", line.name]
        setup.timeout = "3 s"
        let dock = try Dock(setup)
        try dock.start()
        try dock.startWorkers()
        try dock.waitUntilAccepted()
        var random = SeededGenerator(seed: seed)
        for _ in 0..<Int(environmentNumber("SCANGATE_TROUBLES") ?? 12) {
            pause(milliseconds: Int.random(in: 200...1500, using: &random))
            try line.take(down: true)
            pause(milliseconds: Int.random(in: 50...1200, using: &random))
            try line.take(down: false)
        }
        dock.stopWorkers()
        return try DockReport(dock, judgedWithin: 120)
    }
}

/// A namespace and a line to it: 512 kbit/s each way.
private struct Line {
    /// Of the namespace.
    let name: String
    let hostAddress: String
    let hasLoss: Bool
    private let link: String
    private let address: String

    init() throws {
        // One process makes one at a time; its number keeps two processes apart.
        let number = Int(getpid())
        (name, link) = ("scg-\(number)", "scg\(number)")
        let net = "10.\(200 + number / 250 / 64 % 50).\(number / 64 % 250)"
        (hostAddress, address) = ("\(net).\(number % 64 * 4 + 1)", "\(net).\(number % 64 * 4 + 2)")
        do {
            try Self.sh("ip netns add \(name)")
            try Self.sh("ip link add \(link) type veth peer name eth0 netns \(name)")
            try Self.sh("ip addr add \(hostAddress)/30 dev \(link) && ip link set \(link) up")
            try Self.sh("ip -n \(name) addr add \(address)/30 dev eth0")
            try Self.sh("ip -n \(name) link set lo up && ip -n \(name) link set eth0 up")
            let netem = "root netem rate 512kbit delay 20ms 5ms loss 3%"
            let bucket = "root tbf rate 512kbit burst 16kbit latency 200ms"
            hasLoss = (try? Self.sh("tc qdisc add dev \(link) \(netem)")) != nil
            try Self.sh("tc -n \(name) qdisc add dev eth0 \(hasLoss ? netem : bucket)")
            if !hasLoss { try Self.sh("tc qdisc add dev \(link) \(bucket)") }
        } catch {
            _ = try? Self.sh("ip netns del \(name)")
            throw error
        }
    }

    func take(down: Bool) throws { try Self.sh("ip -n \(name) link set eth0 \(down ? "down" : "up")") }

    /// The line goes with its namespace.
    func remove() { _ = try? Self.sh("ip link del \(link); ip netns del \(name)") }

    static func works() -> Bool {
        guard let line = try? Line() else { return false }
        line.remove()
        return true
    }

    @discardableResult
    private static func sh(_ command: String) throws -> String {
        let output = try shell("{ \(command); } 2>&1 && echo done")
        guard output.hasSuffix("done\n") else { throw SetupError("\(command): \(output)") }
        return output
    }
}
