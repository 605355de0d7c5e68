internal import Glibc
package import Posix

/// Where frames come from: a camera, or the pictures of a test or a benchmark. Confined to the capture thread.
package protocol FrameSource: AnyObject {
    /// Readable for `poll` when a frame is there.
    var descriptor: Int32 { get }

    /// Begins, or begins anew where what comes has changed; may take seconds. What was wished and is not had, as
    /// sentences.
    func start() throws(CameraFault) -> [String]

    /// Frames a second, as far as is known; 0 where it is not.
    var rate: Double { get }

    /// Hands the newest frame that is there to `take`.
    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep

    /// Ends; `start` may follow.
    func stop()
}

/// One frame, valid while `take` runs.
package struct SourceFrame {
    /// As the camera has written it.
    package let bytes: UnsafeRawBufferPointer
    /// How pixels are written.
    package let format: VideoFormat
    package let size: VideoSize
    /// Bytes from one row to the next; of a JPEG none.
    package let stride: Int

    package init(bytes: UnsafeRawBufferPointer, format: VideoFormat, size: VideoSize, stride: Int) {
        (self.bytes, self.format, self.size, self.stride) = (bytes, format, size, stride)
    }
}

/// What a look for frames found.
package enum SourceStep: Equatable {
    /// None.
    case nothing
    /// One was handed on; so many older ones were not.
    case frame(skipped: Int)
    /// One came that the driver knows to be damaged, or that is shorter than it has to be.
    case corrupt(skipped: Int)
    /// What comes has another format or size from now on: `start` again.
    case changed
}

/// Why a camera gives no frames.
package enum CameraFault: Error, Equatable {
    /// The kernel's word.
    case system(SystemError)
    /// It has nothing that can be used; a sentence.
    case unfit(String)

    /// A sentence for people.
    var text: String {
        switch self {
        case .system(let error) where error.code == ENODEV || error.code == EIO: "unplugged"
        case .system(let error): error.description
        case .unfit(let text): text
        }
    }
}
