import FrameLink
import Glibc
import Imaging
import Model
import Pictures
import Posix
import Scenes
import TestSupport
import Testing

@testable import Scanners

/// A camera that gives pictures as fast as they are taken.
private final class Pictures: FrameSource {
    private let pipe: (MessageSocket, MessageSocket)
    private let format: VideoFormat
    private let pictures: [[UInt8]]
    private var given = 0
    var fault: CameraFault?
    var startFault: CameraFault?
    private(set) var hasStopped = false

    init(_ pictures: [[UInt8]], _ format: VideoFormat = .grey) throws {
        pipe = try MessageSocket.pair()
        (self.pictures, self.format) = (pictures, format)
        // Never taken: there always is a frame.
        _ = pipe.0.send([1])
    }

    var descriptor: Int32 { pipe.1.file.raw }
    var rate: Double { 100 }
    func start() throws(CameraFault) -> [String] {
        if let startFault { throw startFault }
        return ["it gives 640x480"]
    }
    func stop() { hasStopped = true }

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        if let fault { throw fault }
        guard !pictures.isEmpty else { return .corrupt(skipped: 0) }
        pictures[given % pictures.count].withUnsafeBytes {
            take(SourceFrame(bytes: $0, format: format, size: Stage.size, stride: Stage.size.width))
        }
        given += 1
        Threads.sleep(microseconds: 1000)
        return .frame(skipped: 0)
    }
}

@Suite(.timeLimit(.minutes(5))) struct CameraLookTests {
    private func look(_ source: Pictures, program: DecoderProgram? = nil) throws -> CameraLook {
        try CameraLook(source, CaptureSettings(), program: try program ?? .program(ChildProcess.built("scangate")))
    }

    /// Runs off the pool, which a look blocks.
    private func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
        try await withTaskExecutorPreference(ThreadPerJob.shared) { @concurrent () async throws in try body() }
    }

    @Test func `pictures come with their pixels and their codes, also of a picture at rest`() async throws {
        try await onThread {
            let source = try Pictures([scene(Codes.first)])
            let look = try look(source)
            #expect(look.complaints == ["it gives 640x480"])
            for number in 0..<30 {
                let picture = try #require(try look.next())
                #expect(picture.width == 640 && picture.height == 480 && picture.luma == scene(Codes.first))
                #expect(picture.codes.map(\.bytes) == [Array("SB00001".utf8)], "picture \(number)")
                #expect(picture.codes.first?.corners.count == 4)
            }
            look.close()
            #expect(source.hasStopped)
        }
    }

    @Test func `a camera's JPEG comes back as pixels`() async throws {
        try await onThread {
            let image = LumaImage(width: 640, height: 480)
            image.withPixels { pixels in _ = pixels.update(fromContentsOf: scene(Codes.second)) }
            let look = try look(try Pictures([try JPEGCodec().encode(image.view)], .mjpg))
            defer { look.close() }
            let picture = try #require(try look.next())
            #expect(picture.codes.map(\.bytes) == [Array("SB00002".utf8)])
            #expect(picture.luma.count == 640 * 480)
            #expect(zip(picture.luma, scene(Codes.second)).allSatisfy { abs(Int($0) - Int($1)) < 40 })
        }
    }

    @Test func `a code that has gone is in no later picture`() async throws {
        try await onThread {
            let look = try look(try Pictures([scene(Codes.first)] + Array(repeating: scene(), count: 3000)))
            defer { look.close() }
            var last = 0
            for _ in 0..<20 { last = try #require(try look.next()).codes.count }
            #expect(last == 0)
        }
    }

    @Test func `a JPEG file is looked at like a camera, and what is none is told`() async throws {
        try await onThread {
            try withTemporaryDirectory { directory in
                let image = LumaImage(width: 640, height: 480)
                image.withPixels { pixels in _ = pixels.update(fromContentsOf: scene(Codes.third)) }
                let whole = try JPEGCodec().encode(image.view)
                try write(whole, to: directory + "/whole.jpg")
                try write(Array(whole.prefix(200)), to: directory + "/cut.jpg")
                try write(Array("GIF89a".utf8), to: directory + "/picture.gif")
                let program = DecoderProgram.program(try ChildProcess.built("scangate"))
                func first(_ name: String) throws -> CameraLook.Picture? {
                    let source = StillSource(directory + "/" + name, try MessageSocket.pair())
                    let look = try CameraLook(source, CaptureSettings(), program: program)
                    defer { look.close() }
                    return try look.next()
                }
                #expect(try first("whole.jpg")?.codes.map(\.bytes) == [Array("SB00003".utf8)])
                let cut = #expect(throws: CameraLook.Fault.self) { try first("cut.jpg") }
                #expect(cut?.description.contains("no picture") == true)
                let gif = #expect(throws: CameraLook.Fault.self) { try first("picture.gif") }
                #expect(gif?.description.contains("picture.gif is neither a camera nor a JPEG") == true)
                #expect(throws: CameraLook.Fault.self) { try first("none.jpg") }
            }
        }
    }

    @Test func `it ends when it is told`() async throws {
        try await onThread {
            let look = try look(try Pictures([scene()]))
            defer { look.close() }
            let (ours, theirs) = try MessageSocket.pair()
            _ = try look.next(stop: theirs.file.raw)
            _ = ours.send([1])
            var left = 100
            while left > 0, try look.next(stop: theirs.file.raw) != nil { left -= 1 }
            #expect(left > 0)
        }
    }

    @Test func `what is wrong is said`() async throws {
        try await onThread {
            let busy = try Pictures([])
            busy.startFault = .unfit("/dev/video0 is used by another program; see: fuser -v /dev/video0")
            let taken = #expect(throws: CameraLook.Fault.self) { _ = try look(busy) }
            #expect(taken?.isBusy == true)
            let gone = try Pictures([scene()])
            let first = try look(gone)
            defer { first.close() }
            gone.fault = .system(SystemError("read", "a camera", code: ENODEV))
            let unplugged = #expect(throws: CameraLook.Fault.self) { while true { _ = try first.next() } }
            #expect(unplugged?.description == "the camera was unplugged" && unplugged?.isBusy == false)
            let noWorker = #expect(throws: CameraLook.Fault.self) {
                let look = try look(try Pictures([scene()]), program: .program("/nonexistent"))
                defer { look.close() }
                _ = try look.next()
            }
            #expect(noWorker?.description.contains("decoder") == true, "\(noWorker?.description ?? "")")
        }
    }
}
