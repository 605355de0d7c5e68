internal import Glibc
public import Model
public import Posix

/// A camera: labels that it sees, each once a passage. Frames are read by a thread of the driver's own, codes by a process
/// in a sandbox; what comes through the driver's wire are labels and events.
///
/// A camera cannot be told anything: use a light or the gateway's own sound.
public final class CameraDriver: ConversingDriver {
    private let settings: CaptureSettings
    private let program: DecoderProgram
    private let window: CameraWindow
    private let keepFrame: (@Sendable ([UInt8]) -> Void)?
    private let decoderPatience: FrameDecoder.Patience
    private let openNode: @Sendable (String) throws(SystemError) -> CameraNode
    private var place: Sysfs.Place?
    private var label: [UInt8] = []
    private var queue = LabelQueue()

    /// A driver for one opening.
    ///
    /// - Parameters:
    ///   - program: what decodes; as a rule this program.
    ///   - window: what others see of the camera, over all openings.
    ///   - keepFrame: takes the best frame of an object that passed without a label, as JPEG; on the camera's thread.
    public convenience init(
        _ settings: CaptureSettings, program: DecoderProgram? = nil, window: CameraWindow = CameraWindow(),
        keepFrame: (@Sendable ([UInt8]) -> Void)? = nil
    ) {
        self.init(
            settings,
            program: program ?? .program(symbologies: settings.symbologies, charset: settings.charset),
            window: window, keepFrame: keepFrame
        ) { path throws(SystemError) in try CameraNode(path, settings) }
    }

    /// A driver that sees what a benchmark shows it.
    package convenience init(
        _ settings: CaptureSettings, program: DecoderProgram, window: CameraWindow,
        source: @escaping @Sendable () -> any FrameSource
    ) {
        self.init(settings, program: program, window: window) { _ throws(SystemError) in
            CameraNode(place: nil, makeSource: source)
        }
    }

    init(
        _ settings: CaptureSettings, program: DecoderProgram, patience: FrameDecoder.Patience = .init(),
        window: CameraWindow = CameraWindow(), keepFrame: (@Sendable ([UInt8]) -> Void)? = nil,
        _ openNode: @escaping @Sendable (String) throws(SystemError) -> CameraNode
    ) {
        (self.settings, self.program, self.window, self.keepFrame) = (settings, program, window, keepFrame)
        (decoderPatience, self.openNode) = (patience, openNode)
    }

    /// See `ScannerDriver`: the node is opened and asked what it is; all that takes time happens on the camera's thread.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor {
        let node = try openNode(path)
        place = node.place
        let (ours, theirs) = try MessageSocket.pair()
        let end = try ours.nonBlocking()
        Threads.run(name: "camera") { [settings, program, decoderPatience, window, keepFrame] in
            let decoder = FrameDecoder(program, patience: decoderPatience)
            CameraCapture(node.makeSource(), decoder, settings, to: theirs, window: window, keepFrame: keepFrame)
                .run()
        }
        return end
    }

    /// See `ScannerDriver`.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] { [] }

    /// See `ScannerDriver`: the socket has no place in sysfs, the node has.
    public func place(of descriptor: Int32) -> Sysfs.Place? { place }

    /// See `ScannerDriver`: it is connected once a frame was decoded.
    public var connectsLater: Bool { true }

    /// See `ScannerDriver`: one record.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        switch CameraRecord(bytes) {
        case .connected: return [.connected]
        case .label(let piece, let symbology, let isLast):
            label += piece
            guard isLast else { return [] }
            defer { label = [] }
            return queue.push(label, symbology)
        case .dropped(let reason): return [.dropped(reason)]
        case .missed(let what): return queue.missed(what)
        case .complaint(let text): return [.complaint(text)]
        case .failed(let text): return [.failed(text)]
        case nil: return []
        }
    }

    /// See `ScannerDriver`.
    public var patience: Duration? { queue.patience }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] { queue.retry() }

    /// See `ConversingDriver`.
    public func settled(_ scan: Int, _ acknowledgement: Acknowledgement) -> [ScannerOutput] {
        queue.settled(acknowledgement)
    }

    /// See `ConversingDriver`: nobody offers it again.
    public var lostWhenLate: ScannerEvent.DropReason? { .unstored }

    /// See `ConversingDriver`: it has neither voice nor light.
    public func give(_ signal: Signal) -> [ScannerOutput]? { nil }

    /// See `ConversingDriver`: it reads all the time.
    public func trigger(_ isOn: Bool) -> [ScannerOutput]? { nil }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] {
        defer { label = [] }
        return queue.end() + (label.isEmpty ? [] : [.dropped(.fragment)])
    }
}

/// A camera's node that is open.
struct CameraNode: Sendable {
    /// Where sysfs has it.
    let place: Sysfs.Place?
    /// What reads it; called once, on the thread that reads.
    let makeSource: @Sendable () -> any FrameSource

    init(place: Sysfs.Place?, makeSource: @escaping @Sendable () -> any FrameSource) {
        (self.place, self.makeSource) = (place, makeSource)
    }

    /// What is said of a node that gives no pictures.
    static func noCamera(_ path: String) -> SystemError {
        SystemError("get pictures from", "\(path) (a camera has several nodes, and this one has none)", code: ENODATA)
    }

    /// Opens a node, and asks it whether it is a camera's. A JPEG file in its place is a camera that sees that: a frame that
    /// was kept, or a picture to try an installation with.
    init(_ path: String, _ settings: CaptureSettings) throws(SystemError) {
        // A node has no bytes.
        if let status = Files.status(path), !status.isDirectory, status.size > 0 {
            let ready = try MessageSocket.pair()
            self.init(place: nil) { StillSource(path, ready) }
            return
        }
        let device = try VideoDevice.open(path)
        guard try device.identity().isCamera else { throw Self.noCamera(path) }
        self.init(place: Sysfs.place(of: device.file.raw)) { VideoSource(device, settings) }
    }
}
