internal import CLinux
internal import Glibc

/// Sizes that a camera offers in a format.
public enum VideoSizes: Sendable, Hashable {
    /// One.
    case one(VideoSize)
    /// All between two in steps of so many pixels.
    case range(least: VideoSize, most: VideoSize, stepWidth: Int, stepHeight: Int)
}

/// One format that a camera offers.
public struct VideoOffer: Sendable, Hashable {
    /// How pixels are written.
    public var format: VideoFormat
    /// The driver's name for it.
    public var name: String
    /// None where the driver tells none: then it takes what is asked for, and says what it made of it.
    public var sizes: [VideoSizes]

    /// An offer.
    public init(format: VideoFormat, name: String = "", sizes: [VideoSizes]) {
        (self.format, self.name, self.sizes) = (format, name, sizes)
    }
}

/// Frames a second that a camera offers at a size: one pace, or all between two.
public struct VideoRates: Sendable, Hashable {
    /// The slowest.
    public var least: Double
    /// The fastest.
    public var most: Double

    /// Paces between two; one pace where both are the same.
    public init(_ least: Double, _ most: Double) { (self.least, self.most) = (least, most) }
}

extension VideoDevice {
    /// The most formats, sizes or rates that a driver is asked for: broken ones never say that it was the last.
    private static var limit: UInt32 { 256 }

    /// What it offers.
    public func offers() -> [VideoOffer] {
        var offers: [VideoOffer] = []
        var number: UInt32 = 0
        for index in 0..<Self.limit {
            var name = Self.room
            guard scangate_video_format(file.raw, index, &number, &name) == 0 else { break }
            let format = VideoFormat(rawValue: number)
            offers.append(VideoOffer(format: format, name: Self.text(name), sizes: sizes(format)))
        }
        return offers
    }

    private func sizes(_ format: VideoFormat) -> [VideoSizes] {
        var sizes: [VideoSizes] = []
        for index in 0..<Self.limit {
            var size = scangate_video_size()
            guard scangate_video_size(file.raw, format.rawValue, index, &size) == 0 else { break }
            let least = VideoSize(Int(size.width), Int(size.height))
            guard size.kind != UInt32(SCANGATE_VIDEO_DISCRETE) else {
                sizes.append(.one(least))
                continue
            }
            sizes.append(
                .range(
                    least: least, most: VideoSize(Int(size.most_width), Int(size.most_height)),
                    stepWidth: max(1, Int(size.step_width)), stepHeight: max(1, Int(size.step_height))))
            break
        }
        return sizes
    }

    /// The paces at a size; none where the driver tells none.
    public func rates(_ format: VideoFormat, _ size: VideoSize) -> [VideoRates] {
        var rates: [VideoRates] = []
        for index in 0..<Self.limit {
            var interval = scangate_video_interval()
            let (width, height) = (UInt32(clamping: size.width), UInt32(clamping: size.height))
            guard scangate_video_interval(file.raw, format.rawValue, width, height, index, &interval) == 0 else {
                break
            }
            // The longest time between frames is the slowest pace.
            let most = Self.pace(interval.shortest, interval.shortest_of)
            let least = Self.pace(interval.longest, interval.longest_of)
            if most > 0 { rates.append(VideoRates(min(least, most), most)) }
            if interval.kind != UInt32(SCANGATE_VIDEO_DISCRETE) { break }
        }
        return rates
    }

    private static func pace(_ seconds: UInt32, _ of: UInt32) -> Double {
        seconds == 0 ? 0 : Double(of) / Double(seconds)
    }
}
