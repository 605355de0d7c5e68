internal import Gateway
internal import Model
internal import Posix
internal import Synchronization

/// The daemon's own parts in this process, wired by `buildGateway`.
final class LocalGateway: Sendable {
    private let gateway: Gateway
    private let commands: AsyncStream<Gateway.Command>.Continuation
    private let run: Task<Void, any Error>
    private let labels: Labels
    private let devices: [DeviceID]
    private let clock: TimeSource
    private let inFlight = Atomic<Int>(0)
    private let refused = Atomic<Int>(0)
    private let batches = Mutex<[Int: Int32]>([:])

    // Below the intake queue's bound, so that no reading is refused.
    private static let window = 4000

    /// Starts it and returns once it takes scans.
    init(_ site: Site, lanes: Int, bagDigits: Int = 5, clock: TimeSource = .system) async throws {
        labels = Labels(lanes: lanes, bagDigits: bagDigits)
        self.clock = clock
        devices = (0..<lanes).compactMap { DeviceID("scanner-\($0)") }
        let gateway = try await buildGateway(try Configuration.load(path: site.file), clock: clock)
        let (stream, continuation) = AsyncStream.makeStream(of: Gateway.Command.self)
        let (started, ready) = AsyncStream.makeStream(of: Void.self)
        // Unstructured: it ends with stop(), which waits for it.
        run = Task {
            defer { ready.finish() }
            try await gateway.run(stream) { ready.finish() }
        }
        self.gateway = gateway
        commands = continuation
        for await _ in started {}
    }

    func stop() async throws {
        commands.yield(.stop)
        try await run.value
    }

    /// Reads the site's configuration anew.
    func reload(_ site: Site) throws { commands.yield(.reload(try Configuration.load(path: site.file), done: {})) }

    /// Feeds scans and waits until each is on stable storage: seconds, and the sizes of the commits. Blocking.
    func feed(_ numbers: Range<Int>) throws -> (seconds: Double, batches: [Int32]) {
        batches.withLock { $0.removeAll() }
        let start = nowMs()
        let reply: @Sendable (Bool) -> Void = { [self] isStored in
            if isStored {
                let commit = gateway.commits
                batches.withLock { $0[commit, default: 0] += 1 }
            } else {
                refused.add(1, ordering: .relaxed)
            }
            inFlight.subtract(1, ordering: .releasing)
        }
        for number in numbers {
            let (lane, label) = labels.label(number)
            while inFlight.load(ordering: .acquiring) >= Self.window { pause(ms: 0.02) }
            inFlight.add(1, ordering: .relaxed)
            gateway.submit(
                Reading(bytes: label, capturedAt: clock.now()), from: devices[lane], reply: reply)
        }
        while inFlight.load(ordering: .acquiring) > 0 { pause(ms: 0.02) }
        let seconds = (nowMs() - start) / 1000
        guard refused.load(ordering: .relaxed) == 0 else {
            throw BenchError("\(refused.load(ordering: .relaxed)) scans were refused")
        }
        return (seconds, batches.withLock { $0.sorted { $0.key < $1.key }.map(\.value) })
    }
}
