internal import Glibc
internal import Posix

/// A JPEG file in the place of a camera, thirty times a second: a frame that was kept, to be looked at again.
final class StillSource: FrameSource {
    private let path: String
    private let bytes: [UInt8]
    private let ready: (MessageSocket, MessageSocket)

    /// Reads the file, at most as large as a frame.
    init(_ path: String) throws(SystemError) {
        self.path = path
        bytes = try Files.read(path, limit: 16 << 20)
        ready = try MessageSocket.pair()
        // Never taken: there always is a frame.
        _ = ready.0.send([1])
    }

    var descriptor: Int32 { ready.1.file.raw }
    var rate: Double { 30 }

    func start() throws(CameraFault) -> [String] {
        guard bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw .unfit("\(path) is neither a camera nor a JPEG; other pictures: scangate decode")
        }
        return []
    }

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        Threads.sleep(microseconds: 33_000)
        bytes.withUnsafeBytes { take(SourceFrame(bytes: $0, format: .jpeg, size: VideoSize(0, 0), stride: 0)) }
        return .frame(skipped: 0)
    }

    func stop() {}
}
