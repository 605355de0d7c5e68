internal import CLinux
internal import Glibc

/// A camera's node (Video4Linux 2, the kernel's Documentation/userspace-api/media/v4l). Any thread.
///
/// A camera has several nodes of which one delivers pictures; others deliver what it says about them.
public final class VideoDevice: Sendable {
    /// What a node says of itself.
    public struct Identity: Sendable, Equatable {
        /// The kernel's driver: `uvcvideo`.
        public var driver: String
        /// The camera's name.
        public var card: String
        /// Where it is plugged in: `usb-0000:00:14.0-2`.
        public var bus: String
        /// Whether it delivers pictures by buffers: of a camera's nodes one does.
        public var isCamera: Bool
    }

    /// The open node, for `poll`.
    public let file: FileDescriptor
    /// Its path.
    public let path: String

    private init(_ file: consuming FileDescriptor, _ path: String) {
        self.file = file
        self.path = path
    }

    /// Opens a node, non-blocking. Others may open it too; only one of them gets pictures.
    public static func open(_ path: String) throws(SystemError) -> VideoDevice {
        VideoDevice(try FileDescriptor.open(path, O_RDWR | O_NONBLOCK), path)
    }

    /// What it says of itself; what is no camera's node at all throws (ENOTTY).
    public func identity() throws(SystemError) -> Identity {
        var (driver, card, bus) = (Self.room, Self.room, Self.room)
        var capabilities: UInt32 = 0
        guard scangate_video_identity(file.raw, &driver, &card, &bus, &capabilities) == 0 else {
            throw SystemError("use as a camera", path)
        }
        let needed = UInt32(SCANGATE_VIDEO_CAPTURE) | UInt32(SCANGATE_VIDEO_STREAMING)
        return Identity(
            driver: Self.text(driver), card: Self.text(card), bus: Self.text(bus),
            isCamera: capabilities & needed == needed)
    }

    /// Room for any of the driver's texts.
    static var room: [CChar] { [CChar](repeating: 0, count: 33) }

    /// A text of the driver's; what is not UTF-8 is replaced.
    static func text(_ bytes: [CChar]) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// How a camera writes its pixels: four letters (`V4L2_PIX_FMT_…`).
public struct VideoFormat: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The kernel's number.
    public let rawValue: UInt32

    /// A format by its number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    private init(_ letters: StaticString) {
        rawValue = letters.withUTF8Buffer { $0.reversed().reduce(0) { $0 << 8 | UInt32($1) } }
    }

    /// 8-bit luma.
    public static let grey = VideoFormat("GREY")
    /// A plane of luma, then one of colour at half the size.
    public static let nv12 = VideoFormat("NV12")
    /// Luma and colour in turn.
    public static let yuyv = VideoFormat("YUYV")
    /// A JPEG a frame.
    public static let mjpg = VideoFormat("MJPG")
    /// The same, as some drivers call it.
    public static let jpeg = VideoFormat("JPEG")

    /// Its letters, such as `MJPG`.
    public var description: String {
        let bytes = (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> (8 * $0)) }
        return String(decoding: bytes.map { $0 > 32 && $0 < 127 ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}

/// Pixels of a picture.
public struct VideoSize: Sendable, Hashable, CustomStringConvertible {
    /// In a row.
    public var width: Int
    /// Rows.
    public var height: Int

    /// A size.
    public init(_ width: Int, _ height: Int) { (self.width, self.height) = (width, height) }

    /// `1280x720`.
    public var description: String { "\(width)x\(height)" }
}
