internal import FrameLink
internal import Glibc
internal import Model
internal import Posix

/// Reads one camera from start to end, on a thread of its own: frames to the decoder, what it reads to the belt's tracker,
/// what that tells to the driver.
///
/// It ends when the driver closes its end of the socket, or with a `failed` record. A camera that stalls is started anew
/// once, and given up at the second time without a frame between: its port opens it again.
final class CameraCapture {
    private let source: any FrameSource
    private let decoder: FrameDecoder
    private let settings: CaptureSettings
    private let window: CameraWindow
    private let keepFrame: (@Sendable ([UInt8]) -> Void)?
    private var out: RecordSender
    private var tracker: BeltTracker
    private var maker: PictureMaker
    private var rate = FrameRate()
    private var counts = CameraWindow.Counts()
    private var noted = CameraWindow.Counts()
    private var number: UInt64 = 0
    private var isConnected = false
    private var lastFrame: Int64 = 0
    /// When the last frame was taken that was looked at.
    private var lastSeen: Int64?
    private var isBlind = false
    private var stalls = 0
    private var troubleSaid: Int64?
    private var lastTrouble = ""
    private var changes = 0

    /// - Parameters:
    ///   - window: what others see of it.
    ///   - keepFrame: takes the best frame of an object that passed without a label, as JPEG.
    init(
        _ source: any FrameSource, _ decoder: FrameDecoder, _ settings: CaptureSettings, to socket: MessageSocket,
        window: CameraWindow, keepFrame: (@Sendable ([UInt8]) -> Void)? = nil
    ) {
        (self.source, self.decoder, self.settings, self.window) = (source, decoder, settings, window)
        self.keepFrame = settings.belt.keepsFrames ? keepFrame : nil
        out = RecordSender(socket)
        tracker = BeltTracker(settings.belt)
        maker = PictureMaker(settings.charset)
    }

    /// Works until the end.
    func run() {
        defer {
            decoder.end()
            source.stop()
            rate = FrameRate()
            // A decoder that is begun anew knows nothing of those that were lost.
            noteCounts(now, without: nil)
        }
        do throws(CameraFault) {
            // The worker loads its libraries while the camera finds its feet.
            try handle(decoder.begin(at: now), now)
            try begin()
            while !out.isClosed { try step() }
        } catch { out.send(.failed(error.text)) }
    }

    private var now: Int64 { SystemClock.bootMicroseconds }

    private func begin() throws(CameraFault) {
        for sentence in try source.start() { out.send(.complaint(sentence)) }
        lastFrame = now
    }

    /// How long no frame may come.
    private var stallLimit: Int64 { max(2_000_000, source.rate > 0 ? Int64(5_000_000 / source.rate) : 0) }

    private func step() throws(CameraFault) {
        var files = [
            pollfd(fd: source.descriptor, events: Int16(POLLIN | POLLPRI), revents: 0),
            pollfd(fd: out.socket.file.raw, events: Int16(out.isWaiting ? POLLOUT : 0), revents: 0),
            pollfd(fd: decoder.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        let due = min(lastFrame + stallLimit, decoder.deadline ?? .max)
        let wait = max(0, (due - now + 999) / 1000)
        guard poll(&files, nfds_t(files.count), Int32(clamping: wait)) >= 0 || errno == EINTR else {
            throw .system(SystemError("wait for", "a camera"))
        }
        let time = now
        let (camera, driver, worker) = (files[0].revents, files[1].revents, files[2].revents)
        // The driver has let go.
        if driver & Int16(POLLHUP | POLLERR | POLLNVAL) != 0 {
            return out.close()
        }
        out.flush()
        if worker != 0 { try handle(decoder.read(at: time), time) }
        try handle(decoder.tick(at: time), time)
        // The frame that waits, before a newer one takes its place: the decoder is free for it.
        decoder.pump(at: time)
        if camera != 0 { try take(camera, time) }
        if time - lastFrame >= stallLimit { try restart() }
        // Twice: a frame may wait for as long as the one before it may take.
        if let lastSeen, !isBlind, time - lastSeen >= 2 * stallLimit {
            isBlind = true
            tellBlind(time - lastSeen)
        }
        decoder.pump(at: time)
        if camera != 0 || worker != 0 { noteCounts(time, without: decoder.without(at: time)) }
    }

    private func take(_ events: Int16, _ time: Int64) throws(CameraFault) {
        let step = try source.next { frame in
            number += 1
            // Luma: nobody who looks at it has to parse anything.
            _ = decoder.offer(number, at: time, keeps: keepFrame != nil, picture: window.isWanted ? .luma : nil) {
                frame.copy(to: $0)
            }
        }
        switch step {
        case .frame(let skipped):
            (lastFrame, stalls, changes) = (time, 0, 0)
            came(skipped, at: time)
        case .corrupt(let skipped):
            came(skipped, at: time)
            counts.unreadable += 1
        case .changed:
            changes += 1
            guard changes <= 5 else { throw .unfit("the camera changes its format again and again") }
            // However short the pause: the frames of it are gone. Told again with the first frame that is looked at.
            isBlind = true
            out.send(.missed("what the camera sees has changed its format, and it is begun anew"))
            try begin()
        case .nothing:
            // Without a frame a driver that is in trouble would be ready again at once, for ever.
            if events & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 {
                throw .system(SystemError("read", "a camera", code: ENODEV))
            }
        }
    }

    private func came(_ skipped: Int, at time: Int64) {
        counts.frames += 1 + skipped
        counts.dropped += skipped
        rate.note(1 + skipped, at: time)
    }

    private func noteCounts(_ time: Int64, without: Omission?) {
        var now = counts
        let told = decoder.counts
        now.dropped += told.replaced
        now.unreadable += told.unreadable
        (now.decoded, now.poison, now.decoderRestarts) = (told.answered, told.poison, told.deaths)
        window.note(now - noted, rate: rate.perSecond, without: without, at: time)
        noted = now
    }

    private func restart() throws(CameraFault) {
        stalls += 1
        guard stalls < 2 else { throw .unfit("the camera gives no frames; see: dmesg") }
        out.send(.complaint("the camera has stopped giving frames; it is started anew"))
        try begin()
    }

    private func handle(_ events: [FrameDecoder.Event], _ time: Int64) throws(CameraFault) {
        for event in events {
            switch event {
            case .frame(let result, let at): take(result, at, time)
            case .picture(let luma):
                if let picture = maker.picture(luma, rate: rate.perSecond) { window.show(picture) }
            case .kept(let jpeg): if let jpeg { keepFrame?(jpeg) }
            // Nobody will read what lies there, and the frame counts as looked at: a bag's label may be in it.
            case .unsearched:
                out.send(.missed("both decoders have ended at what the camera sees, and what lies there is not read"))
            case .trouble(let text): tell(text, time)
            case .unfit(let text): throw .unfit(text)
            }
        }
    }

    private func take(_ result: FrameResult, _ at: Int64, _ time: Int64) {
        if !isConnected {
            isConnected = true
            out.send(.connected)
        }
        maker.take(result)
        guard !result.isUnreadable else { return }
        if let lastSeen, isBlind || at - lastSeen >= stallLimit { tellBlind(at - lastSeen) }
        (lastSeen, isBlind) = (at, false)
        let frame = BeltFrame(
            number: Int(truncatingIfNeeded: result.number), time: .microseconds(at), width: result.width,
            height: result.height, codes: result.codes.map { Sighting($0, settings.charset) },
            changed: result.isChanged)
        for event in tracker.frame(frame) {
            switch event {
            case .scan(let code): out.send(CameraRecord.label(code.bytes, code.symbology))
            case .part: out.send(.dropped(.part))
            case .noRead:
                out.send(.dropped(.noRead))
                // Before the next frame, which may begin another passage.
                if keepFrame != nil { decoder.askForKept(at: time) }
            }
        }
    }

    /// Whatever kept it from seeing, the camera, its decoder or the machine: a bag may have passed. Told as soon as it is
    /// certain, for other scanners of the lane, and again when it sees: for what it sees.
    private func tellBlind(_ span: Int64) {
        let text = span < 1_000_000 ? "\(span / 1000) ms" : "\(span / 1_000_000) s"
        out.send(.missed("no frame could be looked at for \(text)"))
    }

    /// At most once a minute: a code that kills decoders may lie before the camera for hours.
    private func tell(_ text: String, _ time: Int64) {
        guard troubleSaid.map({ time - $0 >= 60_000_000 }) ?? true else { return }
        troubleSaid = time
        let counts = decoder.counts
        out.send(.complaint("\(text) (\(counts.poison) of \(counts.offered) frames so far)"))
    }
}

extension Sighting {
    init(_ code: FrameCode, _ charset: Charset) {
        self.init(
            bytes: Self.bytes(code, charset), symbology: code.symbology,
            corners: code.corners, part: code.part)
    }

    /// What the label is.
    static func bytes(_ code: FrameCode, _ charset: Charset) -> [UInt8] {
        guard charset != .raw else { return code.bytes }
        guard let text = code.text, !text.isEmpty, text.count <= BeltTracker.Limits.labelBytes else {
            return code.bytes
        }
        return text
    }
}
