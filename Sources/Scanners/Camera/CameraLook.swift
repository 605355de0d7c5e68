internal import FrameLink
internal import Glibc
public import Model
internal import Posix

/// A look through a camera for people: pictures with their pixels, and what is read in them. For commands.
///
/// Frames go the same way as in the daemon: decoded by a worker in its sandbox, which hands luma back; nothing here reads
/// a file that a camera made. One thread, which it blocks.
public final class CameraLook {
    /// A code in a picture.
    public struct Code: Sendable {
        /// What it holds.
        public var bytes: [UInt8]
        /// What kind of code it is.
        public var symbology: Symbology
        /// Its corners, in the picture's pixels.
        public var corners: [PicturePoint]
        /// Which part of a longer text it is; nil for a whole one.
        public var part: CodePart?

        /// A code.
        public init(bytes: [UInt8], symbology: Symbology, corners: [PicturePoint], part: CodePart? = nil) {
            (self.bytes, self.symbology, self.corners, self.part) = (bytes, symbology, corners, part)
        }
    }

    /// One picture.
    public struct Picture: Sendable {
        /// Pixels in a row.
        public var width: Int
        /// Rows.
        public var height: Int
        /// Luma, row after row without gaps.
        public var luma: [UInt8]
        /// What was read in it; of a picture that does not change, what was read when it was last searched.
        public var codes: [Code]
        /// Whether it was searched for codes.
        public var isSearched: Bool
        /// Frames a second that the camera gave in the last second; 0 in the first one.
        public var rate: Double
        /// Microseconds that the worker took.
        public var microseconds: Int

        /// A picture.
        public init(
            width: Int, height: Int, luma: [UInt8], codes: [Code], isSearched: Bool, rate: Double, microseconds: Int
        ) {
            (self.width, self.height, self.luma, self.codes) = (width, height, luma, codes)
            (self.isSearched, self.rate, self.microseconds) = (isSearched, rate, microseconds)
        }
    }

    /// Why there is no picture; a sentence.
    public struct Fault: Error, Sendable, CustomStringConvertible {
        /// What happened, and what to do.
        public let description: String
        /// Whether somebody else reads the camera.
        public let isBusy: Bool

        /// A fault.
        public init(description: String, isBusy: Bool) { (self.description, self.isBusy) = (description, isBusy) }

        /// None came.
        public static let noFrames = Fault(description: "the camera gives no frames; see: dmesg", isBusy: false)
    }

    /// What the camera does not do as it was asked to; sentences.
    public private(set) var complaints: [String] = []
    private let source: any FrameSource
    private let decoder: FrameDecoder
    private var maker: PictureMaker
    private var number: UInt64 = 0
    private var rate = FrameRate()
    private var unreadable = 0

    /// Opens a camera, has it begin and starts a worker.
    ///
    /// - Parameter path: a camera's node; or a JPEG file, which is seen again and again.
    public convenience init(_ path: String, _ settings: CaptureSettings) throws(Fault) {
        let source: any FrameSource
        do throws(SystemError) {
            source = try CameraNode(path, settings).makeSource()
        } catch { throw Fault(description: error.description, isBusy: error.code == EBUSY) }
        try self.init(source, settings, program: .program(symbologies: settings.symbologies, charset: settings.charset))
    }

    init(_ source: any FrameSource, _ settings: CaptureSettings, program: DecoderProgram) throws(Fault) {
        (self.source, maker) = (source, PictureMaker(settings.charset))
        decoder = FrameDecoder(program)
        var events: [FrameDecoder.Event] = []
        do throws(CameraFault) { complaints = try source.start() } catch { throw Self.fault(error) }
        events = decoder.begin(at: SystemClock.bootMicroseconds)
        _ = try take(events)
    }

    /// Ends the worker, and has the camera end.
    public func close() {
        decoder.end()
        source.stop()
    }

    /// The next picture, or nil where `stop` became readable.
    ///
    /// - Parameter stop: a descriptor, or -1.
    public func next(stop: Int32 = -1) throws(Fault) -> Picture? {
        let begin = SystemClock.bootMicroseconds
        while true {
            let now = SystemClock.bootMicroseconds
            guard now - max(begin, rate.last ?? 0) < 10_000_000 else {
                throw .noFrames
            }
            var files = [
                pollfd(fd: source.descriptor, events: Int16(POLLIN | POLLPRI), revents: 0),
                pollfd(fd: decoder.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            ]
            let due = max(0, min((decoder.deadline ?? .max) - now, 500_000))
            _ = poll(&files, nfds_t(files.count), Int32((due + 999) / 1000))
            if files[2].revents != 0 { return nil }
            let time = SystemClock.bootMicroseconds
            if files[0].revents != 0 {
                try offer(at: time, hasFailed: files[0].revents & Int16(POLLERR | POLLHUP) != 0)
            }
            var picture: Picture?
            if files[1].revents != 0 { picture = try take(decoder.read(at: time)) }
            picture = try take(decoder.tick(at: time)) ?? picture
            decoder.pump(at: time)
            if let picture { return picture }
        }
    }

    private func offer(at time: Int64, hasFailed: Bool) throws(Fault) {
        do throws(CameraFault) {
            let step = try source.next { frame in
                number += 1
                _ = decoder.offer(number, at: time, keeps: false, picture: .luma) { frame.copy(to: $0) }
            }
            switch step {
            case .frame(let skipped): rate.note(1 + skipped, at: time)
            case .changed: complaints = try source.start()
            case .nothing where hasFailed: throw .system(SystemError("read", "the camera", code: ENODEV))
            case .corrupt, .nothing: break
            }
        } catch { throw Self.fault(error) }
    }

    private func take(_ events: [FrameDecoder.Event]) throws(Fault) -> Picture? {
        var picture: Picture?
        for event in events {
            switch event {
            case .frame(let result, _):
                maker.take(result)
                unreadable = result.isUnreadable ? unreadable + 1 : 0
                guard unreadable < 30 else {
                    throw Fault(
                        description:
                            "what the camera gives is no picture: damaged on its way, or a file that is no JPEG",
                        isBusy: false)
                }
            case .picture(let luma):
                picture = maker.picture(luma, rate: rate.perSecond) ?? picture
            case .kept, .unsearched: break
            case .trouble(let text): complaints.append(text)
            case .unfit(let text): throw Fault(description: text, isBusy: false)
            }
        }
        return picture
    }

    private static func fault(_ fault: CameraFault) -> Fault {
        // `VideoSource` says of a busy node who to ask.
        if case .unfit(let text) = fault { return Fault(description: text, isBusy: text.contains("another program")) }
        return Fault(
            description: fault.text == "unplugged" ? "the camera was unplugged" : fault.text, isBusy: false)
    }
}

@available(*, unavailable)
extension CameraLook: Sendable {}
