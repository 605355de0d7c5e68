internal import Posix

/// Which of a camera's offers is taken. A pure function.
struct CameraChoice: Equatable {
    /// The formats that frames are taken in, the best first: what needs no work, then what needs little, then files.
    static let formats: [VideoFormat] = [.grey, .nv12, .yuyv, .mjpg, .jpeg]
    /// The longest side of a frame: a slot of the shared memory has 16 MiB.
    static let longest = 4096

    var format: VideoFormat
    var size: VideoSize
    /// Frames a second; 0 where the driver tells none.
    var rate: Double

    /// The nearest size; at that the pace that was asked for; then the better format. Below that pace the faster one.
    /// Nil where nothing is offered that can be read.
    ///
    /// - Parameter rates: what the camera offers at a size.
    init?(
        among offers: [VideoOffer], _ wish: CaptureSettings, rates: (VideoFormat, VideoSize) -> [VideoRates]
    ) {
        var best: (key: [Double], choice: CameraChoice)?
        for (place, format) in Self.formats.enumerated() where wish.format == nil || wish.format == format {
            guard let offer = offers.first(where: { $0.format == format }) else { continue }
            for size in Self.sizes(offer, near: wish.size) {
                let rate = Self.rate(rates(format, size), near: wish.rate)
                // 29.97 is 30.
                let isFast = rate == 0 || rate >= wish.rate * 0.95
                let key = [Self.distance(size, wish.size), isFast ? 0 : 1, isFast ? 0 : -rate, Double(place)]
                if best.map({ key.lexicographicallyPrecedes($0.key) }) ?? true {
                    best = (key, CameraChoice(format: format, size: size, rate: rate))
                }
            }
        }
        guard let best else { return nil }
        self = best.choice
    }

    private init(format: VideoFormat, size: VideoSize, rate: Double) {
        (self.format, self.size, self.rate) = (format, size, rate)
    }

    private static func sizes(_ offer: VideoOffer, near wish: VideoSize) -> [VideoSize] {
        // A driver that tells no sizes makes of the wish what it can.
        guard !offer.sizes.isEmpty else { return [wish] }
        return offer.sizes.compactMap { sizes in
            switch sizes {
            case .one(let size): size.width > 0 && size.height > 0 && fits(size) ? size : nil
            case .range(let least, let most, let stepWidth, let stepHeight):
                VideoSize(
                    step(wish.width, least.width, min(most.width, longest), stepWidth),
                    step(wish.height, least.height, min(most.height, longest), stepHeight))
            }
        }.filter(fits)
    }

    private static func fits(_ size: VideoSize) -> Bool {
        (1...longest).contains(size.width) && (1...longest).contains(size.height)
    }

    private static func step(_ wish: Int, _ least: Int, _ most: Int, _ step: Int) -> Int {
        guard wish > least, most > least else { return least }
        let steps = (min(wish, most) - least) / max(1, step)
        return least + steps * max(1, step)
    }

    private static func distance(_ size: VideoSize, _ wish: VideoSize) -> Double {
        let distance = Double(abs(size.width - wish.width) + abs(size.height - wish.height))
        // Of two that are equally far the larger one: pixels are what codes are made of.
        return distance + (size.width * size.height < wish.width * wish.height ? 0.5 : 0)
    }

    private static func rate(_ rates: [VideoRates], near wish: Double) -> Double {
        if rates.contains(where: { $0.least <= wish && wish <= $0.most }) { return wish }
        let faster = rates.map(\.least).filter { $0 > wish }.min()
        let slower = rates.map(\.most).filter { $0 < wish }.max()
        // 29.97 for 30 rather than 60.
        if let slower, slower >= wish * 0.95 { return slower }
        return faster ?? slower ?? 0
    }
}
