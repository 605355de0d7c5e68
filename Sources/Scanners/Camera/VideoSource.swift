internal import Glibc
internal import Posix

/// Frames of a Video4Linux camera.
final class VideoSource: FrameSource {
    private let device: VideoDevice
    private let settings: CaptureSettings
    private var stream: VideoStream?
    private var shortFrames = 0

    init(_ device: VideoDevice, _ settings: CaptureSettings) {
        self.device = device
        self.settings = settings
    }

    var descriptor: Int32 { device.file.raw }
    var rate: Double { stream?.picture.rate ?? 0 }

    func start() throws(CameraFault) -> [String] {
        stop()
        shortFrames = 0
        do throws(SystemError) {
            // A virtual camera is one only while somebody shows it something.
            guard try device.identity().isCamera else { throw CameraNode.noCamera(device.path) }
        } catch { throw .system(error) }
        // Before anything is asked: what changes from here on is told, and what has changed is in the answers.
        _ = device.watchSource()
        _ = device.sourceHasChanged()
        try followSource()
        let offers = device.offers()
        let choice = CameraChoice(among: offers, settings) { device.rates($0, $1) }
        guard let choice else {
            let formats = Set(offers.map(\.format.description)).sorted().joined(separator: ", ")
            throw .unfit(
                "\(device.path) has no format that can be read: it offers \(formats.isEmpty ? "none" : formats), and "
                    + (settings.format.map { "\($0) is asked for" }
                        ?? CameraChoice.formats.map(\.description).joined(separator: ", ") + " are read"))
        }
        let stream = try patiently { () throws(SystemError) in
            try VideoStream(device, format: choice.format, size: choice.size, rate: choice.rate)
        }
        let picture = stream.picture
        guard CameraChoice.formats.contains(picture.format), picture.size.width <= CameraChoice.longest,
            picture.size.height <= CameraChoice.longest
        else {
            throw .unfit("\(device.path) gives \(picture.format) \(picture.size), which cannot be read")
        }
        self.stream = stream
        var missed = setLevels()
        // What nobody has asked for is nobody's disappointment.
        if picture.size != settings.size, settings.size != CaptureSettings().size {
            missed.append("it gives \(picture.size) for \(settings.size), the nearest that it has")
        }
        if picture.rate > 0, picture.rate < settings.rate * 0.95 {
            missed.append("it gives \(Int(picture.rate.rounded())) frames a second at \(picture.size)")
        }
        return missed
    }

    /// A camera that is an HDMI input has no size of its own, and goes on with the old one until it is told the new one.
    private func followSource() throws(CameraFault) {
        try patiently { () throws(SystemError) in
            do throws(SystemError) { try device.followSource() } catch {
                switch error.code {
                // Its other inputs are such, or its driver cannot say.
                case ENOTTY, ENODATA, EINVAL: return
                default: throw error
                }
            }
        }
    }

    /// The node may still be ending for the one who read it before.
    private func patiently<T>(_ work: () throws(SystemError) -> T) throws(CameraFault) -> T {
        for attempt in 0... {
            do throws(SystemError) { return try work() } catch {
                switch error.code {
                case EBUSY where attempt < 10: Threads.sleep(microseconds: 100_000)
                case EBUSY:
                    throw .unfit("\(device.path) is used by another program; see: fuser -v \(device.path)")
                case ENOLINK: throw .unfit("nothing comes into \(device.path): is its source on, and the cable in?")
                case ENOLCK, ERANGE:
                    throw .unfit("what comes into \(device.path) cannot be used: \(SystemError.text(error.code))")
                default: throw .system(error)
                }
            }
        }
        throw .unfit("\(device.path) is busy")
    }

    func next(_ take: (SourceFrame) -> Void) throws(CameraFault) -> SourceStep {
        guard let stream else { return .nothing }
        if device.sourceHasChanged() { return .changed }
        let picture = stream.picture
        let taken: (skipped: Int, result: Bool)?
        do throws(SystemError) {
            taken = try stream.newest { frame in
                guard !frame.isCorrupt, frame.bytes.count >= Self.least(picture) else { return false }
                take(
                    SourceFrame(bytes: frame.bytes, format: picture.format, size: picture.size, stride: picture.stride))
                return true
            }
        } catch { throw .system(error) }
        guard let (skipped, isWhole) = taken else { return .nothing }
        guard !isWhole else {
            shortFrames = 0
            return .frame(skipped: skipped)
        }
        shortFrames += 1
        // Its format has changed without a word, as a virtual camera's does; a second without one whole frame is as bad.
        let inForce = device.pictureInForce()
        if shortFrames >= 30 || inForce.map({ $0.format != picture.format || $0.size != picture.size }) ?? false {
            return .changed
        }
        return .corrupt(skipped: skipped)
    }

    func stop() {
        stream?.stop()
        stream = nil
    }

    /// The fewest bytes that a whole frame has.
    private static func least(_ picture: VideoStream.Picture) -> Int {
        switch picture.format {
        case .grey, .nv12: max(picture.stride, picture.size.width) * (picture.size.height - 1) + picture.size.width
        case .yuyv:
            max(picture.stride, 2 * picture.size.width) * (picture.size.height - 1) + 2 * picture.size.width
        // A JPEG's head alone is longer.
        default: 100
        }
    }

    /// Sets what the camera itself is told; a sentence for each that it does not take.
    private func setLevels() -> [String] {
        let exposureTime =
            device.control(VideoControl.exposureTime) == nil
            ? VideoControl.exposure : VideoControl.exposureTime
        if case .fixed = settings.exposure { try? device.set(VideoControl.exposureMaySlow, to: 0) }
        return [
            set(
                "exposure", settings.exposure, exposureTime, mode: VideoControl.exposureMode, manual: [1], auto: [3, 0]),
            set("gain", settings.gain, VideoControl.gain, mode: VideoControl.gainMode, manual: [0], auto: [1]),
            set("focus", settings.focus, VideoControl.focus, mode: VideoControl.focusMode, manual: [0], auto: [1]),
        ].compactMap { $0 }
    }

    private func set(
        _ name: String, _ level: CaptureSettings.Level?, _ id: UInt32, mode: UInt32, manual: [Int], auto: [Int]
    ) -> String? {
        guard let level else { return nil }
        func first(_ values: [Int]) -> Bool { values.contains { (try? device.set(mode, to: $0)) != nil } }
        switch level {
        case .auto: return first(auto) ? nil : "it has no automatic \(name)"
        case .fixed(let value):
            // A camera without the automatic one has no switch for it.
            _ = first(manual)
            guard let control = device.control(id) else { return "its \(name) cannot be set" }
            guard control.range.contains(value) else {
                return "its \(name) goes from \(control.range.lowerBound) to \(control.range.upperBound), not \(value)"
            }
            do throws(SystemError) {
                try device.set(id, to: value)
                return nil
            } catch { return "its \(name) cannot be set: \(SystemError.text(error.code))" }
        }
    }
}
