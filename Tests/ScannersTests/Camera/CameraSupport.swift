import FrameLink
import Glibc
import Model
import Posix
import Scenes
import Synchronization
import TestSupport

@testable import Scanners

/// A camera that a test shows pictures to: 640 by 480 pixels of luma, a hundred times a second.
final class Stage: Sendable {
    /// What it does besides giving frames.
    enum Trick: Equatable {
        case none
        /// Gives none.
        case stall
        case unplug
        case corrupt
        /// Gives none until it is begun anew.
        case change
    }

    private struct State {
        var picture = scene()
        var trick = Trick.none
        var starts = 0
        var isOn = false
        var given = 0
        var spoilt = 0
        var startFault: CameraFault?
        var hasEnded = false
    }

    static let size = VideoSize(640, 480)
    private let state = Mutex(State())
    private let ours: MessageSocket
    fileprivate let theirs: MessageSocket

    init() throws {
        (ours, theirs) = try MessageSocket.pair()
        Threads.run(name: "stage") { [weak self] in
            while let self, !self.state.withLock({ $0.hasEnded }) {
                _ = self.ours.send([1])
                Threads.sleep(microseconds: 10_000)
            }
        }
    }

    /// Ends the pace.
    func end() { state.withLock { $0.hasEnded = true } }

    /// How often it was begun.
    var starts: Int { state.withLock { $0.starts } }
    /// Frames that were taken.
    var given: Int { state.withLock { $0.given } }
    /// Damaged frames that were taken.
    var spoilt: Int { state.withLock { $0.spoilt } }
    /// Whether it runs.
    var isOn: Bool { state.withLock { $0.isOn } }

    /// What it sees from now on.
    func show(_ pixels: [UInt8]) { state.withLock { $0.picture = pixels } }

    /// What it does from now on.
    func play(_ trick: Trick) { state.withLock { $0.trick = trick } }

    /// How it fails to begin; nil where it does not.
    func fail(_ fault: CameraFault?) { state.withLock { $0.startFault = fault } }

    fileprivate func begin() throws(CameraFault) {
        let fault = state.withLock { state -> CameraFault? in
            state.starts += 1
            state.isOn = state.startFault == nil
            if state.trick == .change { state.trick = .none }
            return state.startFault
        }
        if let fault { throw fault }
    }

    fileprivate func stop() { state.withLock { $0.isOn = false } }

    fileprivate func next() -> (Trick, [UInt8]) {
        state.withLock { state in
            if state.trick == .none { state.given += 1 }
            if state.trick == .corrupt { state.spoilt += 1 }
            return (state.trick, state.picture)
        }
    }
}

/// The source of a stage's frames.
private final class StageSource: FrameSource {
    private let stage: Stage
    init(_ stage: Stage) { self.stage = stage }
    var descriptor: Int32 { stage.theirs.file.raw }
    var rate: Double { 100 }
    func start() throws(CameraFault) -> [String] {
        try stage.begin()
        return []
    }
    func stop() { stage.stop() }

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        var ticks = 0
        while case .message = stage.theirs.receive(atMost: 8) { ticks += 1 }
        guard ticks > 0 else { return .nothing }
        switch stage.next() {
        case (.none, let pixels):
            pixels.withUnsafeBytes {
                take(SourceFrame(bytes: $0, format: .grey, size: Stage.size, stride: Stage.size.width))
            }
            return .frame(skipped: ticks - 1)
        case (.stall, _): return .nothing
        case (.unplug, _): throw .system(SystemError("read", "a camera", code: ENODEV))
        case (.corrupt, _): return .corrupt(skipped: ticks - 1)
        case (.change, _): return .changed
        }
    }
}

/// Runs `body` while the port of a stage is read.
func reading(
    _ stage: Stage, _ settings: CaptureSettings = CaptureSettings(), program: DecoderProgram? = nil,
    patience: FrameDecoder.Patience = .init(), window: CameraWindow = CameraWindow(), sink: TestSink = TestSink(),
    keepFrame: (@Sendable ([UInt8]) -> Void)? = nil,
    isolation: isolated (any Actor)? = #isolation, _ body: (TestSink) async throws -> Void
) async throws {
    let program = try program ?? .program(ChildProcess.built("scangate"))
    defer { stage.end() }
    try await withPoll { directory, poll in
        let path = directory + "/video0"
        try write([], to: path)
        let port = ScannerPort(
            route: ScannerRoute(try device("camera-1")), path: path, poll: poll, sink: sink, clock: .system
        ) {
            CameraDriver(settings, program: program, patience: patience, window: window, keepFrame: keepFrame) { _ in
                CameraNode(place: nil) { StageSource(stage) }
            }
        }
        try await port.start()
        do { try await body(sink) } catch {
            await port.stop()
            throw error
        }
        await port.stop()
        try await eventually("the camera's thread ends") { !stage.isOn }
    }
}

/// Luma of a stage with a code of a text at a place, six pixels a module; without text nothing but paper.
func scene(_ rows: [UInt32]? = nil, left: Int = 200, top: Int = 150) -> [UInt8] {
    var pixels = [UInt8](repeating: 210, count: Stage.size.width * Stage.size.height)
    guard let rows else { return pixels }
    for y in 0..<126 {
        for x in 0..<126 where rows[y / 6] >> UInt32(20 - x / 6) & 1 == 1 {
            pixels[(y + top) * Stage.size.width + x + left] = 25
        }
    }
    return pixels
}
