internal import Glibc
internal import Posix

/// A JPEG file in the place of a camera, thirty times a second; read anew whenever another file is put in its place.
final class StillSource: FrameSource {
    private let path: String
    private let ready: (MessageSocket, MessageSocket)
    private var bytes: [UInt8] = []
    private var version = (file: UInt64(0), seconds: 0, nanoseconds: 0)

    /// A source that reads nothing yet.
    ///
    /// - Parameter ready: the two ends of a socket of its own, which keep whoever polls it going.
    init(_ path: String, _ ready: (MessageSocket, MessageSocket)) {
        (self.path, self.ready) = (path, ready)
        // Never taken: there always is a frame.
        _ = ready.0.send([1])
    }

    var descriptor: Int32 { ready.1.file.raw }
    var rate: Double { 30 }

    func start() throws(CameraFault) -> [String] {
        try read()
        return []
    }

    private func read() throws(CameraFault) {
        do throws(SystemError) {
            version = versionNow
            bytes = try Files.read(path, limit: 16 << 20)
        } catch { throw .system(error) }
        guard bytes.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw .unfit("\(path) is neither a camera nor a JPEG; other pictures: scangate decode")
        }
    }

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        Threads.sleep(microseconds: 33_000)
        if versionNow != version { try read() }
        bytes.withUnsafeBytes { take(SourceFrame(bytes: $0, format: .jpeg, size: VideoSize(0, 0), stride: 0)) }
        return .frame(skipped: 0)
    }

    /// Which file it is; zeros where none is.
    private var versionNow: (file: UInt64, seconds: Int, nanoseconds: Int) {
        var status = stat()
        guard stat(path, &status) == 0 else { return (0, 0, 0) }
        return (UInt64(status.st_ino), status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
    }

    func stop() {}
}
