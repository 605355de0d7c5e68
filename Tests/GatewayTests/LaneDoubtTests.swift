import Gate
import JSON
import Model
import Posix
import Scanners
import Signals
import TestSupport
import Testing

@testable import Gateway

/// An intake on a spool of its own, with a camera and a worker's scanner at one lane; the test is their drivers.
private struct Belt {
    let core: GatewayCore
    let camera: DeviceID
    let worker: DeviceID
    let lane: LaneID

    init(_ core: GatewayCore) throws {
        self.core = core
        camera = try #require(DeviceID("belt-1"))
        worker = try #require(DeviceID("scanner-1"))
        lane = try #require(LaneID("belt-1"))
    }

    func scan(_ label: String, _ device: DeviceID? = nil) async -> Acknowledgement {
        await withCheckedContinuation { reply in
            submit(label, device) { reply.resume(returning: $0) }
        }
    }

    func submit(_ label: String, _ device: DeviceID? = nil, _ reply: @escaping @Sendable (Acknowledgement) -> Void) {
        let reading = Reading(bytes: Array(label.utf8), capturedAt: TimeSource.system.now())
        core.intake.submit(reading, from: device ?? camera, reply: reply)
    }

    /// Whether a child has a bag now.
    func takes(_ n: Int) async -> Bool { await scan(childLabel(n), worker).signal != .refused }

    func command(_ words: String, _ device: DeviceID, _ more: [(key: String, value: JSONValue)] = []) async throws {
        let request = ControlRequest(words, [("name", .string(device.text))] + more)
        _ = try await core.administrator.perform(request, by: .current)
    }

    func isInDoubt() async -> Bool { await core.intake.laneDoubts()[lane] != nil }
}

/// Runs `body` with an intake; its files are the bench's, so that a second call is a restart.
private func withBelt(
    _ bench: GatewayBench, isNew: Bool = true, isolation: isolated (any Actor)? = #isolation,
    _ body: (Belt) async throws -> Void
) async throws {
    let core = try await GatewayCore.open(
        Configuration.load(path: bench.file), clock: .system, patience: .seconds(5))
    let running = Task { await core.intake.run() }
    let result: Result<Void, any Error>
    do {
        let belt = try Belt(core)
        if isNew {
            for (device, kind) in [(belt.camera, "camera"), (belt.worker, "serial")] {
                try await belt.command(
                    "device add", device,
                    [
                        ("kind", .string(kind)), ("lane", .string(belt.lane.text)),
                        ("options", .object([("port", .string("/dev/none-\(kind)"))])),
                    ])
            }
        }
        try await core.administrator.publishDevices()
        try await body(belt)
        result = .success(())
    } catch { result = .failure(error) }
    core.intake.finish()
    await running.value
    await core.signals.signaller.stop()
    await core.close()
    try result.get()
}

@Suite(.timeLimit(.minutes(2))) struct LaneDoubtTests {
    private static let refused = Acknowledgement.refused("Scan the bag first")

    @Test(arguments: [
        (ScannerEvent.missed("labels were lost"), true, false), (.connected(port: "/dev/video0"), true, false),
        (.disconnected(reason: "unplugged"), true, false), (.hostile("it types"), true, false),
        (.dropped(.fragment), true, false), (.dropped(.affix), true, false), (.dropped(.lostEvents), true, true),
        (.dropped(.noRead), false, false), (.dropped(.part), false, false), (.dropped(.unstored), false, false),
        (.complaint("it is dark"), false, false),
    ])
    func `what may have cost a bag puts its lane in doubt, by a camera more than by a worker's scanner`(
        event: ScannerEvent, ofCamera: Bool, ofWorker: Bool
    ) async throws {
        try await withBench { bench in
            try bench.configure()
            try await withBelt(bench) { belt in
                belt.core.intake.note(.connected(port: "/dev/video0"), from: belt.camera)
                for (device, puts) in [(belt.camera, ofCamera), (belt.worker, ofWorker)] {
                    #expect(await belt.scan("SB00001", device).signal != .refused)
                    #expect(await belt.takes(1))
                    belt.core.intake.note(event, from: device)
                    #expect(await (belt.scan(childLabel(2), device) == Self.refused) == puts, "\(device)")
                    #expect(await belt.isInDoubt() == puts, "\(device)")
                    #expect(await belt.scan("SB00002", device).signal != .refused)
                    #expect(await !belt.isInDoubt())
                }
            }
        }
    }

    @Test func `a loss has its place among the readings, and only those behind it pay for it`() async throws {
        try await withBench { bench in
            try bench.configure()
            try await withBelt(bench) { belt in
                #expect(await belt.scan("SB00001").signal != .refused)
                let (answers, told) = AsyncStream.makeStream(of: (Int, Acknowledgement).self)
                // So many that some of them share a commit, whichever way the threads run.
                for n in 0..<20 {
                    if n == 10 { belt.core.intake.note(.missed("labels were lost"), from: belt.camera) }
                    belt.submit(childLabel(n)) { told.yield((n, $0)) }
                }
                belt.submit("SB00002") { told.yield((20, $0)) }
                belt.submit(childLabel(21)) { told.yield((21, $0)) }
                belt.core.intake.note(.missed("labels were lost"), from: belt.camera)
                belt.submit(childLabel(22)) { told.yield((22, $0)) }
                var byPlace: [Int: Acknowledgement] = [:]
                for await (n, answer) in answers {
                    byPlace[n] = answer
                    if byPlace.count == 23 { break }
                }
                let lost = (0...22).filter { byPlace[$0] == Self.refused }
                #expect(lost == Array(10..<20) + [22])
                #expect(byPlace[20]?.signal != .refused && byPlace[21]?.signal != .refused)
                #expect(await belt.isInDoubt())
            }
        }
    }

    @Test func `another word on why a camera is away does not undo a bag that was scanned by hand`() async throws {
        try await withBench { bench in
            try bench.configure()
            try await withBelt(bench) { belt in
                belt.core.intake.note(.connected(port: "/dev/video0"), from: belt.camera)
                belt.core.intake.note(.disconnected(reason: "unplugged"), from: belt.camera)
                #expect(await belt.scan("SB00001", belt.worker).signal != .refused)
                belt.core.intake.note(.disconnected(reason: "no such file"), from: belt.camera)
                #expect(await belt.takes(1))
            }
        }
    }

    @Test func `a damaged bag label that a camera reads is no bag, and no child goes into the one before`() async throws
    {
        try await withBench { bench in
            try bench.configure()
            try await withBelt(bench) { belt in
                #expect(await belt.scan("SB00001").signal != .refused)
                #expect(await belt.scan("SB000022").signal == .refused)
                let isInDoubt = await belt.isInDoubt()
                #expect(isInDoubt)
                #expect(await belt.scan("SB00003", belt.worker).signal != .refused)
                // A worker heard it, and scans again.
                #expect(await belt.scan("SB000044", belt.worker).signal == .refused)
                #expect(await belt.takes(1))
            }
        }
    }

    @Test func `a camera that comes, goes or changes its lane leaves that lane in doubt, a change of keys does not`()
        async throws
    {
        try await withBench { bench in
            try bench.configure()
            try await withBelt(bench) { belt in
                #expect(await belt.scan("SB00001").signal != .refused)
                try await belt.core.administrator.publishDevices()
                #expect(await !belt.isInDoubt())
                try await belt.command("device disable", belt.camera)
                #expect(await belt.isInDoubt())
                #expect(await belt.scan("SB00002", belt.worker).signal != .refused)
                try await belt.command("device enable", belt.camera)
                #expect(await belt.isInDoubt())
            }
        }
    }

    // With min_free the bound speaks, else the commit fails.
    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"), arguments: [0, 1])
    func `a bag of a camera that is refused for now takes the bag before it away, and its children wait`(
        minFree: Int
    ) async throws {
        try await withSmallDisk { bench, disk in
            try bench.configure(spool: "min_free = \"\(minFree) MiB\"")
            try await withBelt(bench) { belt in
                func untilFull(_ labels: some Sequence<String>, _ device: DeviceID) async throws {
                    for label in labels { if case .notNow = await belt.scan(label, device) { return } }
                    throw SetupError("there is room")
                }
                #expect(await belt.scan("SB00001").signal != .refused)
                try disk.fill()
                try await untilFull((1...20).map(childLabel), belt.camera)
                let afterChild = await belt.isInDoubt()
                try await untilFull(["SB00002"], belt.camera)
                let afterBag = await belt.isInDoubt()
                #expect(!afterChild && afterBag)
                disk.free()
                // Before the camera offers it again.
                #expect(await belt.scan(childLabel(21), belt.worker) == Self.refused)
                #expect(await belt.scan("SB00002").signal != .refused)
                #expect(await belt.takes(21))

                // A bag that is not stored ends no doubt, whoever scanned it.
                belt.core.intake.note(.missed("labels were lost"), from: belt.camera)
                #expect(await belt.scan(childLabel(22), belt.worker) == Self.refused)
                #expect(await belt.scan("SB00002", belt.worker).signal != .refused)
                try disk.fill()
                // The first few find room in the WAL's blocks.
                try await untilFull((23...60).map(childLabel), belt.worker)
                belt.core.intake.note(.missed("labels were lost"), from: belt.camera)
                try await untilFull(["SB00003"], belt.worker)
                disk.free()
                #expect(await belt.scan(childLabel(22), belt.worker) == Self.refused)
                #expect(await belt.scan("SB00003", belt.worker).signal != .refused)
                #expect(await belt.takes(22))
            }
        }
    }
}
