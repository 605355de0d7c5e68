internal import Gateway
internal import Glibc
internal import Imaging
internal import JSON
internal import Model
internal import Pictures
internal import Posix
internal import Scanners
internal import Scenes
internal import Synchronization

/// A camera from its frames to the spool, with a decode worker as the daemon has it.
enum CameraRows {
    private static let size = VideoSize(1280, 720)
    private static let framesPerSecond = 30.0
    private static let labels = 20
    private static let passages = 200

    static func camera(_ bench: Bench) async throws -> Row {
        let took = try await latency(bench)
        let memory = try await memory(bench)
        let wear = try await blocking { try Self.wear(bench) }
        let frame = 1000 / framesPerSecond
        var row = Row(name: "camera", title: "a camera of \(size) at \(Int(framesPerSecond)) frames/s, and its decoder")
        row.add("first frame with a label -> stored, p50", "ms", Order.median(took))
        let (p99, target) = (Order.value(took, at: 0.99), 2 * frame + 20)
        row.add("first frame with a label -> stored, p99", "ms", p99, target: "< 2 frames + 20 ms", met: p99 < target)
        let sum = memory.daemon + memory.decoder
        row.add("PSS, daemon and decoder", "MiB", sum, target: "<= 40 MB", met: sum <= 40)
        row.add("PSS of the decoder in it", "MiB", memory.decoder)
        let growth = wear.last / wear.first
        row.add(
            "decoder after \(Report.whole(wear.frames)) frames, by \(Report.whole(wear.frames / 20))", "x", growth,
            target: "<= 1.05", met: growth <= 1.05)
        row.add("frames through the decoder", "/s", wear.rate)
        row.notes.append(
            "\(took.count) passages of 3 frames, 2 frames without a label between, through the driver's thread, its decoder "
                + "and the gate; what is stored is a label that was not scanned before. Memory: `scangate run` with one "
                + "camera that shows a label all the time. Frames through the decoder are of 640x480, one in four with a "
                + "label in another place")
        return row
    }

    // MARK: Latency

    private static func latency(_ bench: Bench) async throws -> [Double] {
        let site = try Site(bench, "camera")
        _ = try await site.add(ports: [site.directory + "/none"])
        let gateway = try await LocalGateway(site, lanes: 1)
        let took = try await blocking {
            let show = try Show()
            let driver = driver(bench, show)
            let wire = try driver.open("show")
            let scenes = try (1...labels).map { (TestData.text("labels/\(name($0)).txt"), pixels(of: try scene($0))) }
            let nothing = pixels(of: Scene(width: size.width, height: size.height))
            let watch = Stopwatch()
            Threads.run(name: "show") {
                let start = nowMs()
                // The first two seconds show nothing, until the decoder is there.
                for frame in -60..<(passages * 5) {
                    pause(ms: start + Double(frame + 60) * 1000 / framesPerSecond - nowMs())
                    let (text, pixels) = scenes[max(0, frame) / 5 % labels]
                    if frame >= 0 && frame % 5 == 0 { watch.scanned(text, at: nowMs()) }
                    show.show(frame >= 0 && frame % 5 < 3 ? pixels : nothing, size)
                }
            }
            for number in 0..<passages {
                guard let text = try label(driver, wire, within: 10_000) else {
                    throw BenchError("\(number) of \(passages) labels were read")
                }
                _ = try gateway.feed(number..<(number + 1))
                watch.arrived(text)
                _ = driver.settled(0, .stored)
            }
            return watch.took
        }
        try await gateway.stop()
        return took
    }

    private static func name(_ label: Int) -> String { label < 10 ? "label-0\(label)" : "label-\(label)" }

    private static func scene(_ label: Int) throws -> Scene {
        var scene = Scene(width: size.width, height: size.height)
        try scene.place(
            name(label), x: 400 + label * 20, y: 300 + label % 5 * 30, module: 7,
            angle: Double(label) * 0.7)
        scene.blur(1)
        scene.roughen(4, seed: UInt64(label))
        return scene
    }

    private static func pixels(of scene: Scene) -> [UInt8] { pixels(of: scene.picture) }

    private static func pixels(of picture: LumaImage) -> [UInt8] {
        let view = picture.view
        return (0..<view.height).flatMap { y in
            Array(UnsafeBufferPointer(start: view.base + y * view.stride, count: view.width))
        }
    }

    private static func driver(_ bench: Bench, _ show: Show, _ window: CameraWindow = CameraWindow()) -> CameraDriver {
        CameraDriver(CaptureSettings(), program: .program(bench.program("scangate")), window: window) {
            ShownFrames(show)
        }
    }

    /// The next label that the driver tells; nil where none comes for so long.
    private static func label(_ driver: CameraDriver, _ wire: borrowing FileDescriptor, within ms: Int32) throws
        -> String?
    {
        var buffer = [UInt8](repeating: 0, count: 1024)
        while true {
            var ready = pollfd(fd: wire.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, ms) > 0 else { return nil }
            guard let count = try wire.read(into: &buffer, subject: "a camera"), count > 0 else {
                throw BenchError("the camera's thread has ended")
            }
            for output in try driver.received(buffer[..<count], from: wire.raw) {
                if case .scan(let bytes, _, _) = output { return String(decoding: bytes, as: UTF8.self) }
                if case .failed(let why) = output { throw BenchError("the camera: \(why)") }
            }
        }
    }

    // MARK: Memory

    /// MiB of a daemon with one camera and of that camera's decoder.
    private static func memory(_ bench: Bench) async throws -> (daemon: Double, decoder: Double) {
        let site = try Site(bench, "camera-memory")
        let still = site.directory + "/still.jpg"
        try Files.replace(still, with: try JPEGCodec().encode(try scene(1).picture.view))
        _ = try await CommandSession(configurationAt: site.file).perform(
            ControlRequest(
                "device add",
                [
                    ("name", .string("camera-1")), ("lane", .string("lane-0")), ("kind", .string("camera")),
                    ("options", .object([("port", .string(still))])),
                ]))
        return try await blocking {
            let daemon = try DaemonProcess(bench, site)
            defer { daemon.end() }
            pause(ms: 5000)
            guard let decoder = decoders(of: daemon.id).first else { throw BenchError("there is no decoder") }
            return (try ProcessCost.memory(daemon.id).pss, try ProcessCost.memory(decoder).pss)
        }
    }

    private static func decoders(of process: pid_t) -> [pid_t] {
        Files.names(in: "/proc/\(process)/task").flatMap { thread in
            let children = (try? Files.read("/proc/\(process)/task/\(thread)/children")) ?? []
            return String(decoding: children, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
        }.filter { child in
            let words = (try? Files.read("/proc/\(child)/cmdline"))?.split(separator: 0) ?? []
            return words.contains { $0.elementsEqual("decode-worker".utf8) }
        }
    }

    // MARK: Wear

    private struct Wear: Sendable {
        var frames: Int
        /// MiB after a twentieth of them and in the end.
        var first: Double
        var last: Double
        /// Frames a second.
        var rate: Double
    }

    /// The decoder's memory early and late, and how many frames a second it takes.
    private static func wear(_ bench: Bench) throws -> Wear {
        let size = VideoSize(640, 480)
        let scenes = try (1...labels).map { label in
            let scene = Scene(width: size.width, height: size.height)
            try scene.place(
                name(label), x: 200 + label * 10, y: 200 + label % 5 * 20,
                module: 5)
            scene.roughen(4, seed: UInt64(label))
            return pixels(of: scene)
        }
        let empty = Scene(width: size.width, height: size.height)
        empty.roughen(4, seed: 99)
        let nothing = pixels(of: empty)
        let (show, window) = (try Show(), CameraWindow())
        let driver = driver(bench, show, window)
        let wire = try driver.open("show")
        let frames = bench.cameraFrames
        var (first, start) = (0.0, 0.0)
        for frame in 0..<frames {
            show.show(frame % 4 == 0 ? scenes[frame / 4 % labels] : nothing, size)
            let patience = nowMs() + 10_000
            while window.status.counts.decoded <= frame {
                guard nowMs() < patience else { throw BenchError("the decoder does not answer") }
                pause(ms: 0.02)
            }
            // Nobody else reads what it tells.
            while frame % 64 == 0, try label(driver, wire, within: 0) != nil { _ = driver.settled(0, .stored) }
            if frame == 0 { start = nowMs() }
            if frame == frames / 20, let decoder = decoders(of: getpid()).first {
                first = try ProcessCost.memory(decoder).pss
            }
        }
        let rate = Double(frames) * 1000 / (nowMs() - start)
        guard let decoder = decoders(of: getpid()).first, first > 0 else { throw BenchError("there is no decoder") }
        return Wear(frames: frames, first: first, last: try ProcessCost.memory(decoder).pss, rate: rate)
    }
}

/// What the camera of a benchmark sees. One thread shows, the camera's looks.
private final class Show: Sendable {
    private let frame = Mutex<(pixels: [UInt8], size: VideoSize)>(([], VideoSize(0, 0)))
    private let ours: MessageSocket
    fileprivate let theirs: MessageSocket

    init() throws { (ours, theirs) = try MessageSocket.pair() }

    func show(_ pixels: [UInt8], _ size: VideoSize) {
        frame.withLock { $0 = (pixels, size) }
        _ = ours.send([1])
    }

    fileprivate var newest: (pixels: [UInt8], size: VideoSize) { frame.withLock { $0 } }
}

/// Its frames, as the driver takes them from a camera.
private final class ShownFrames: FrameSource {
    private let show: Show
    init(_ show: Show) { self.show = show }
    var descriptor: Int32 { show.theirs.file.raw }
    var rate: Double { 0 }
    func start() throws(CameraFault) -> [String] { [] }
    func stop() {}

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        var frames = 0
        while case .message = show.theirs.receive(atMost: 8) { frames += 1 }
        guard frames > 0 else { return .nothing }
        let (pixels, size) = show.newest
        pixels.withUnsafeBytes { take(SourceFrame(bytes: $0, format: .grey, size: size, stride: size.width)) }
        return .frame(skipped: frames - 1)
    }
}
