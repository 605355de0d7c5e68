internal import CImaging

/// What a picture becomes of another one, which is to be another object. The loops are in CImaging; none allocates once
/// its memory has grown to the size of the pictures.
extension LumaImage {
    /// The same pixels, rows without gaps.
    public func become(copyOf source: LumaView) {
        resize(width: source.width, height: source.height)
        for y in 0..<source.height {
            target?.advanced(by: y * width).update(from: source.base + y * source.stride, count: width)
        }
    }

    /// Half the size, each pixel the mean of four.
    public func become(halfOf source: LumaView) {
        resize(width: source.width / 2, height: source.height / 2)
        scangate_halve(source.base, source.stride, source.width, source.height, target)
    }

    /// A third of the size, each pixel the mean of nine.
    public func become(thirdOf source: LumaView) {
        resize(width: source.width / 3, height: source.height / 3)
        let scratch = scratch(source.width, of: UInt16.self)
        scangate_third(source.base, source.stride, source.width, source.height, scratch, target)
    }

    /// Twice the size, bilinear.
    public func become(doubleOf source: LumaView) {
        resize(width: source.width * 2, height: source.height * 2)
        let scratch = scratch(source.width, of: UInt16.self)
        scangate_double(source.base, source.stride, source.width, source.height, scratch, target)
    }

    /// One and a half times the size, bilinear.
    public func become(halfMoreOf source: LumaView) {
        resize(width: source.width * 3 / 2, height: source.height * 3 / 2)
        let scratch = scratch(source.width + 1, of: UInt16.self)
        scangate_half_more(source.base, source.stride, source.width, source.height, scratch, target)
    }

    /// Black for white.
    public func become(inverseOf source: LumaView) {
        resize(width: source.width, height: source.height)
        scangate_invert(source.base, source.stride, source.width, source.height, target)
    }

    /// Black and white: white (255) where a pixel is brighter than the mean of the block around it less `offset`, as
    /// OpenCV's `adaptiveThreshold` with `ADAPTIVE_THRESH_MEAN_C` and `THRESH_BINARY`.
    ///
    /// - Parameter block: pixels of the block's side; made odd and 3 to 1023.
    public func become(thresholdOf source: LumaView, block: Int, offset: Int) {
        let block = min(max(block | 1, 3), 1023)
        resize(width: source.width, height: source.height)
        let scratch = scratch(2 * (source.width + block), of: UInt32.self)
        scangate_threshold(
            source.base, source.stride, source.width, source.height, UInt32(block), Int32(clamping: offset), scratch,
            target)
    }

    /// Blurred by a Gaussian.
    ///
    /// - Parameter sigma: pixels, 0.3 to 5.
    public func become(blurOf source: LumaView, sigma: Double) {
        let weights = GaussianWeights(sigma: sigma)
        resize(width: source.width, height: source.height)
        let scratch = scratch(source.width + 2 * weights.radius, of: UInt8.self)
        weights.values.withUnsafeBufferPointer {
            scangate_blur(
                source.base, source.stride, source.width, source.height, $0.baseAddress, UInt32(weights.radius),
                scratch, target)
        }
    }

    /// Sharper: what a blur would take away is added instead (unsharp mask).
    ///
    /// - Parameters:
    ///   - sigma: of the blur, in pixels.
    ///   - amount: how much of it, 0 to 8, in sixteenths.
    public func become(sharpened source: LumaView, sigma: Double, amount: Double) {
        become(blurOf: source, sigma: sigma)
        let sixteenths = Int32((min(max(amount, 0), 8) * 16).rounded())
        scangate_sharpen(source.base, source.stride, source.width, source.height, sixteenths, target)
    }

    /// Paints a quadrangle, what of it lies in the picture; other than four corners paint nothing.
    public func fill(_ corners: [(x: Int, y: Int)], with value: UInt8) {
        guard corners.count == 4 else { return }
        let x = corners.map { Int32(clamping: $0.x) }
        let y = corners.map { Int32(clamping: $0.y) }
        scangate_fill(target, width, width, height, x, y, value)
    }
}

/// The weights of a Gaussian in 256ths, the middle one first.
private struct GaussianWeights {
    let values: [UInt16]
    let radius: Int

    init(sigma: Double) {
        let sigma = min(max(sigma, 0.3), 5)
        radius = min(Int((3 * sigma).rounded(.up)), 16)
        // exp(-x² / 2σ²) by its recurrence: no need for a mathematics library.
        let base = Self.exponential(-1 / (2 * sigma * sigma))
        var shares = [1.0]
        var (step, share) = (base, 1.0)
        for _ in 0..<radius {
            share *= step
            step *= base * base
            shares.append(share)
        }
        let sum = 2 * shares.dropFirst().reduce(0, +) + 1
        var weights = shares.map { UInt16(($0 / sum * 256).rounded()) }
        weights[0] = 256 - 2 * weights.dropFirst().reduce(0, +)
        values = weights
    }

    /// e to a power between -6 and 0, by its series.
    private static func exponential(_ power: Double) -> Double {
        var (sum, term) = (1.0, 1.0)
        for index in 1...40 {
            term *= power / Double(index)
            sum += term
        }
        return sum
    }
}
