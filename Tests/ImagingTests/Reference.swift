import Imaging

/// The same as the loops of CImaging, written to be read: every pixel by itself.
enum Reference {
    /// A pixel; beyond the edge, the edge's.
    static func pixel(_ picture: LumaView, _ x: Int, _ y: Int) -> Int {
        Int(picture[min(max(x, 0), picture.width - 1), min(max(y, 0), picture.height - 1)])
    }

    static func each(_ width: Int, _ height: Int, _ value: (Int, Int) -> Int) -> [UInt8] {
        (0..<height).flatMap { y in (0..<width).map { x in UInt8(min(max(value(x, y), 0), 255)) } }
    }

    static func mean(_ picture: LumaView, by share: Int) -> [UInt8] {
        each(picture.width / share, picture.height / share) { x, y in
            var sum = 0
            for dy in 0..<share { for dx in 0..<share { sum += pixel(picture, x * share + dx, y * share + dy) } }
            return Int((Double(sum) / Double(share * share)).rounded())
        }
    }

    static func threshold(_ picture: LumaView, block: Int, offset: Int) -> [UInt8] {
        each(picture.width, picture.height) { x, y in
            var sum = 0
            for dy in -(block / 2)...block / 2 {
                for dx in -(block / 2)...block / 2 { sum += pixel(picture, x + dx, y + dy) }
            }
            let mean = Int((Double(sum) / Double(block * block)).rounded())
            return pixel(picture, x, y) > mean - offset ? 255 : 0
        }
    }

    static func bilinear(_ picture: LumaView, width: Int, height: Int, factor: Double) -> [UInt8] {
        each(width, height) { x, y in
            let (u, v) = ((Double(x) + 0.5) / factor - 0.5, (Double(y) + 0.5) / factor - 0.5)
            let (left, top) = (u.rounded(.down), v.rounded(.down))
            let (right, bottom) = (u - left, v - top)
            func at(_ dx: Int, _ dy: Int) -> Double { Double(pixel(picture, Int(left) + dx, Int(top) + dy)) }
            let upper = at(0, 0) * (1 - right) + at(1, 0) * right
            let lower = at(0, 1) * (1 - right) + at(1, 1) * right
            return Int((upper * (1 - bottom) + lower * bottom).rounded())
        }
    }

    static func blur(_ picture: LumaView, weights: [Double]) -> [UInt8] {
        let radius = weights.count - 1
        return each(picture.width, picture.height) { x, y in
            var sum = 0.0
            for dy in -radius...radius {
                for dx in -radius...radius {
                    sum += weights[abs(dx)] * weights[abs(dy)] * Double(pixel(picture, x + dx, y + dy))
                }
            }
            return Int(sum.rounded())
        }
    }
}

/// Numbers that look random and are the same each time.
struct Noise {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}

extension LumaImage {
    /// Noise.
    static func noise(_ width: Int, _ height: Int, seed: UInt64 = 1) -> LumaImage {
        let picture = LumaImage(width: width, height: height)
        var noise = Noise(seed)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = UInt8(noise.next(256)) } }
        return picture
    }

    var bytes: [UInt8] { withPixels { Array($0) } }

    /// The most that a pixel differs; 255 where the size is another.
    func difference(to other: [UInt8]) -> Int {
        let bytes = bytes
        guard bytes.count == other.count else { return 255 }
        return zip(bytes, other).map { abs(Int($0) - Int($1)) }.max() ?? 0
    }
}
