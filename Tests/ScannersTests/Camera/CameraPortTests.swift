import FrameLink
import Glibc
import Model
import Posix
import Scenes
import Synchronization
import TestSupport
import Testing

@testable import Scanners

/// A camera's port from frames to readings, with the decoder as a process of its own.
@Suite(.timeLimit(.minutes(3))) struct CameraPortTests {
    @Test func `labels that come into the picture are readings, each once`() async throws {
        let stage = try Stage()
        try await reading(stage) { sink in
            try await sink.waitForConnection()
            stage.show(scene(Codes.first))
            #expect(try await sink.nextLabel() == "SB00001")
            stage.show(scene(Codes.first, left: 240))
            stage.show(scene(Codes.second, left: 100, top: 300))
            #expect(try await sink.nextLabel() == "SB00002")
            stage.show(scene(Codes.third, left: 300, top: 20))
            #expect(try await sink.nextLabel() == "SB00003")
            #expect(stage.starts == 1)
        }
    }

    @Test func `it is connected with the first frame that was decoded, and not before`() async throws {
        let stage = try Stage()
        stage.play(.corrupt)
        try await reading(stage) { sink in
            try await eventually("it is begun") { stage.starts > 0 }
            let isOn = Mutex(false)
            // On a slow machine it may be given up for its silence meanwhile, but never be connected.
            async let port = sink.next { happening in
                if case .event(_, .connected(let port)) = happening { (port, isOn.withLock { $0 }) } else { nil }
            }
            try await eventually("a few frames are of no use") { stage.spoilt > 5 }
            isOn.withLock { $0 = true }
            stage.play(.none)
            #expect(try await port.0.hasSuffix("/video0"))
            #expect(try await port.1)
        }
    }

    @Test func `a camera that cannot be used says why once, and is tried again`() async throws {
        let stage = try Stage()
        stage.fail(.unfit("it offers H264 only"))
        try await reading(stage) { sink in
            #expect(try await sink.nextEvent() == .disconnected(reason: "it offers H264 only"))
            try await eventually("it is tried again") { stage.starts >= 2 }
            stage.fail(nil)
            // The next event is that it works: the reason was not told twice.
            guard case .connected = try await sink.nextEvent() else { throw SetupError("it was told twice") }
        }
    }

    @Test func `a camera that is unplugged is read again when it is back`() async throws {
        let stage = try Stage()
        try await reading(stage) { sink in
            try await sink.waitForConnection()
            stage.play(.unplug)
            #expect(try await sink.nextEvent() == .disconnected(reason: "unplugged"))
            stage.play(.none)
            try await sink.waitForConnection()
            stage.show(scene(Codes.second))
            #expect(try await sink.nextLabel() == "SB00002")
        }
    }

    @Test func `a label that is refused for now while its camera is gone is told as lost`() async throws {
        let (stage, held, window) = (try Stage(), TestSink { _ in nil }, CameraWindow())
        try await reading(stage, window: window, sink: held) { sink in
            try await sink.waitForConnection()
            stage.show(scene(Codes.first))
            #expect(try await sink.nextLabel() == "SB00001")
            // Behind it, and never offered.
            let before = window.status.counts.decoded
            stage.show(scene(Codes.second))
            try await eventually("it is seen") { window.status.counts.decoded >= before + 10 }
            stage.play(.unplug)
            #expect(try await sink.nextEvent() == .dropped(.unstored))
            guard case .complaint(let text) = try await sink.nextEvent() else { throw SetupError("it is not named") }
            #expect(text.hasSuffix("scan them again: SB00002"))
            #expect(try await sink.nextEvent() == .disconnected(reason: "unplugged"))
            for reply in sink.takeHeld() { reply(.notNow("the disk is full")) }
            var event = try await sink.nextEvent()
            // On a busy machine the port has tried the camera again by now.
            while case .disconnected = event { event = try await sink.nextEvent() }
            #expect(event == .dropped(.unstored))
        }
    }

    @Test func `a camera that stalls is begun anew, then given up, each told once`() async throws {
        let stage = try Stage()
        try await reading(stage) { sink in
            try await sink.waitForConnection()
            stage.play(.stall)
            // On a busy machine frames may be late before and after.
            func next() async throws -> ScannerEvent {
                while true {
                    let event = try await sink.nextEvent()
                    if case .missed = event { continue }
                    return event
                }
            }
            guard case .complaint(let text) = try await next() else { throw SetupError("nothing is told") }
            #expect(text.contains("started anew"))
            let event = try await next()
            guard case .disconnected(let reason) = event else { throw SetupError("it is not given up: \(event)") }
            #expect(reason.contains("no frames"))
            stage.play(.none)
            try await sink.waitForConnection()
        }
    }

    @Test func `a camera whose format changes is begun anew, and a bag may have passed meanwhile`() async throws {
        let stage = try Stage()
        try await reading(stage) { sink in
            try await sink.waitForConnection()
            stage.play(.change)
            try await eventually("it is begun anew") { stage.starts == 2 }
            // When it happens, for other scanners of the lane, and when it sees again.
            var told: [String] = []
            while told.count < 2 {
                told.append(try await sink.next { if case .event(_, .missed(let text)) = $0 { text } else { nil } })
            }
            #expect(told[0].contains("has changed its format") && told[1].contains("no frame could be looked at"))
            stage.show(scene(Codes.third))
            #expect(try await sink.nextLabel() == "SB00003")
        }
    }

    @Test func `a decoder that is killed is replaced, and the next frames are read`() async throws {
        let stage = try Stage()
        let workers = Workers()
        try await reading(stage, program: workers.program(try ChildProcess.built("scangate"))) { sink in
            try await sink.waitForConnection()
            for (round, code, label) in [(0, Codes.first, "SB00001"), (1, Codes.second, "SB00002")] {
                try await eventually("a worker") { workers.all.count > round }
                kill(workers.all[round], SIGKILL)
                try await eventually("another worker") { workers.all.count > round + 1 }
                stage.show(scene(code))
                #expect(try await sink.nextLabel() == label)
            }
        }
        // None is left behind, as a process or as a zombie.
        for process in workers.all { #expect(kill(process, 0) != 0 && errno == ESRCH) }
    }

    @Test func `the best frame of what passes without a label is kept`() async throws {
        let stage = try Stage()
        let frames = Mutex<[[UInt8]]>([])
        var settings = CaptureSettings()
        (settings.belt.tellsNoRead, settings.belt.keepsFrames) = (true, true)
        try await reading(stage, settings, keepFrame: { jpeg in frames.withLock { $0.append(jpeg) } }) { sink in
            try await sink.waitForConnection()
            // Parcels without a label go through the picture, until one was seen in enough frames.
            let isTold = Mutex(false)
            async let event = sink.nextEvent()
            async let passing: Void = {
                for left in stride(from: 0, to: 100_000, by: 40) where !isTold.withLock({ $0 }) {
                    let before = stage.given
                    stage.show(left % 1200 < 480 ? parcel(left: left % 1200) : scene())
                    try await eventually("it is seen") { stage.given >= before + 3 }
                }
            }()
            #expect(try await event == .dropped(.noRead))
            isTold.withLock { $0 = true }
            try await passing
            try await eventually("its frame") { frames.withLock { !$0.isEmpty } }
        }
        let kept = frames.withLock { $0 }
        #expect(kept.allSatisfy { $0.starts(with: [0xFF, 0xD8]) })
    }

    private func parcel(left: Int) -> [UInt8] {
        var pixels = scene()
        for y in 100..<300 { for x in left..<left + 150 { pixels[y * Stage.size.width + x] = UInt8(60 + x % 40) } }
        return pixels
    }
}

/// Starts workers, and knows their processes.
final class Workers: Sendable {
    private let processes = Mutex<[Int32]>([])
    var all: [Int32] { processes.withLock { $0 } }

    func program(_ path: String) -> DecoderProgram {
        DecoderProgram { [self] (socket, memory) throws(SystemError) in
            let program = try OwnProgram(path, ["decode-worker", "QR"], descriptors: [socket, memory])
            processes.withLock { $0.append(program.process) }
            return program
        }
    }
}
