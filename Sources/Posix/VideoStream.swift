internal import CLinux
internal import Glibc

/// A camera that delivers pictures: its buffers, mapped, from `init` to `stop`. One thread.
///
/// Bound: four buffers, of which the driver always has all but the one that is looked at.
public final class VideoStream {
    /// How pictures come.
    public struct Picture: Sendable, Equatable {
        /// How pixels are written.
        public var format: VideoFormat
        /// Its size.
        public var size: VideoSize
        /// Bytes from one row to the next; 0 where there are no rows: of a JPEG.
        public var stride: Int
        /// The most bytes of a frame.
        public var bytes: Int
        /// Frames a second; 0 where the driver does not say.
        public var rate: Double
    }

    /// One frame, valid until the closure that got it returns.
    public struct Frame {
        /// What the camera has written.
        public let bytes: UnsafeRawBufferPointer
        /// Whether the driver knows that something is missing.
        public let isCorrupt: Bool
        /// The driver's number: a gap is frames that nobody had a buffer for.
        public let sequence: UInt32
    }

    /// What is in force.
    public let picture: Picture
    private let device: VideoDevice
    private var buffers: [UnsafeMutableRawBufferPointer] = []
    private var isOn = false

    /// Sets format, size and pace, makes buffers and has the camera begin. What the driver makes of the wish is in
    /// `picture`. Takes up to a second or two.
    public init(_ device: VideoDevice, format: VideoFormat, size: VideoSize, rate: Double) throws(SystemError) {
        self.device = device
        let raw = device.file.raw
        var picture = scangate_video_picture()
        (picture.format, picture.width, picture.height) =
            (format.rawValue, UInt32(clamping: size.width), UInt32(clamping: size.height))
        guard scangate_video_set_picture(raw, &picture) == 0 else {
            throw SystemError("set \(format) \(size) for", device.path)
        }
        var (numerator, denominator) = (UInt32(1000), UInt32(clamping: Int((rate * 1000).rounded())))
        // Drivers without a pace refuse; some set another one.
        let hasRate = rate > 0 && scangate_video_set_interval(raw, &numerator, &denominator) == 0 && numerator > 0
        self.picture = Picture(
            format: VideoFormat(rawValue: picture.format), size: VideoSize(Int(picture.width), Int(picture.height)),
            stride: Int(picture.stride), bytes: Int(picture.size),
            rate: hasRate ? Double(denominator) / Double(numerator) : 0)
        do throws(SystemError) { try begin() } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    private func begin() throws(SystemError) {
        let raw = device.file.raw
        var count: UInt32 = 4
        guard scangate_video_request_buffers(raw, &count) == 0, count > 0 else {
            throw SystemError("get buffers for", device.path)
        }
        for index in 0..<min(count, 32) {
            var (offset, length) = (UInt32(0), UInt32(0))
            guard scangate_video_buffer_place(raw, index, &offset, &length) == 0,
                let base = mmap(nil, Int(length), PROT_READ | PROT_WRITE, MAP_SHARED, raw, Int(offset)),
                base != MAP_FAILED
            else { throw SystemError("map the buffers of", device.path) }
            buffers.append(UnsafeMutableRawBufferPointer(start: base, count: Int(length)))
            guard scangate_video_queue(raw, index) == 0 else { throw SystemError("queue a buffer of", device.path) }
        }
        guard scangate_video_stream(raw, 1) == 0 else { throw SystemError("start", device.path) }
        isOn = true
    }

    /// Hands the newest frame that is there to `body` and gives the others back unseen: how many those were, and what
    /// `body` returned; nil where none is there.
    public func newest<T>(_ body: (Frame) -> T) throws(SystemError) -> (skipped: Int, result: T)? {
        let raw = device.file.raw
        var newest: scangate_video_frame?
        var skipped = 0
        // Bounded: a driver that always has one more must not keep the thread.
        for _ in 0..<32 {
            var frame = scangate_video_frame()
            guard scangate_video_dequeue(raw, &frame) == 0 else {
                guard errno == EAGAIN else { throw SystemError("read", device.path) }
                break
            }
            if let old = newest {
                skipped += 1
                guard scangate_video_queue(raw, old.index) == 0 else { throw SystemError("read", device.path) }
            }
            newest = frame
        }
        guard let newest, buffers.indices.contains(Int(newest.index)) else { return nil }
        let buffer = UnsafeRawBufferPointer(buffers[Int(newest.index)])
        let result = body(
            Frame(
                bytes: UnsafeRawBufferPointer(rebasing: buffer.prefix(Int(newest.used))),
                isCorrupt: newest.flags & UInt32(SCANGATE_VIDEO_CORRUPT) != 0, sequence: newest.sequence))
        guard scangate_video_queue(raw, newest.index) == 0 else { throw SystemError("read", device.path) }
        return (skipped, result)
    }

    /// Has the camera end and gives the buffers back. Once is enough.
    public func stop() {
        if isOn { _ = scangate_video_stream(device.file.raw, 0) }
        isOn = false
        for buffer in buffers { munmap(buffer.baseAddress, buffer.count) }
        buffers = []
        var none: UInt32 = 0
        _ = scangate_video_request_buffers(device.file.raw, &none)
    }
}

@available(*, unavailable)
extension VideoStream: Sendable {}

extension VideoDevice {
    /// Has `poll` tell by POLLPRI when what the camera sees changes its size; drivers without such changes refuse.
    public func watchSource() -> Bool { scangate_video_watch_source(file.raw) == 0 }

    /// Takes over the size and pace of what is plugged into an HDMI or DVI input, which a receiver does not do by itself;
    /// nothing to do for other cameras. Throws ENOLINK where nothing comes in, ENOLCK and ERANGE where it cannot be used,
    /// EBUSY while there are buffers.
    public func followSource() throws(SystemError) {
        guard scangate_video_follow_source(file.raw) == 0 else {
            throw SystemError("follow what comes into", path)
        }
    }

    /// Whether the source has changed, of the events that wait.
    public func sourceHasChanged() -> Bool {
        var hasChanged = false
        for _ in 0..<32 {
            let event = scangate_video_next_event(file.raw)
            if event < 0 { break }
            hasChanged = hasChanged || event == 1
        }
        return hasChanged
    }

    /// What format and size are in force; nil where the driver does not say.
    public func pictureInForce() -> (format: VideoFormat, size: VideoSize)? {
        var picture = scangate_video_picture()
        guard scangate_video_get_picture(file.raw, &picture) == 0 else { return nil }
        return (VideoFormat(rawValue: picture.format), VideoSize(Int(picture.width), Int(picture.height)))
    }
}
