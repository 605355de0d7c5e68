import Imaging
import TestSupport
import Testing

@Suite(.oneThread) struct FilterTests {
    /// Sizes that are no multiple of any vector's, and a view whose rows have gaps.
    static let sizes = [(1, 1), (2, 3), (7, 5), (33, 17), (65, 40), (130, 31)]

    static func pictures() -> [LumaView] {
        sizes.flatMap { width, height in
            let picture = LumaImage.noise(width + 5, height, seed: UInt64(width))
            return [
                LumaImage.noise(width, height).view,
                LumaView(picture.view.base + 2, width: width, height: height, stride: width + 5, owner: picture),
            ]
        }
    }

    @Test func `smaller pictures have the mean of what they stand for`() {
        let result = LumaImage()
        for picture in Self.pictures() {
            result.become(halfOf: picture)
            #expect(result.width == picture.width / 2 && result.height == picture.height / 2)
            #expect(result.difference(to: Reference.mean(picture, by: 2)) == 0)
            result.become(thirdOf: picture)
            #expect(result.width == picture.width / 3 && result.height == picture.height / 3)
            #expect(result.difference(to: Reference.mean(picture, by: 3)) == 0)
        }
    }

    @Test func `larger pictures are bilinear between their pixels`() {
        let result = LumaImage()
        for picture in Self.pictures() {
            result.become(doubleOf: picture)
            let (twice, high) = (picture.width * 2, picture.height * 2)
            #expect(result.difference(to: Reference.bilinear(picture, width: twice, height: high, factor: 2)) <= 1)
            result.become(halfMoreOf: picture)
            let (wide, tall) = (picture.width * 3 / 2, picture.height * 3 / 2)
            #expect(result.difference(to: Reference.bilinear(picture, width: wide, height: tall, factor: 1.5)) <= 2)
        }
    }

    @Test(arguments: [(3, 0), (15, 5), (51, 5), (21, -4)])
    func `a threshold by the local mean is that of every pixel's block`(block: Int, offset: Int) {
        let result = LumaImage()
        for picture in Self.pictures() {
            result.become(thresholdOf: picture, block: block, offset: offset)
            #expect(result.difference(to: Reference.threshold(picture, block: block, offset: offset)) == 0)
        }
    }

    @Test func `a threshold separates print from paper in a shadow`() {
        let picture = LumaImage(width: 200, height: 40)
        picture.withPixels { pixels in
            for index in pixels.indices {
                let (x, y) = (index % 200, index / 200)
                // Light falls from 250 to 50; print is a quarter darker.
                let light = 250 - x
                pixels[index] = UInt8(x / 10 % 2 == 0 && y > 5 && y < 35 ? light * 3 / 4 : light)
            }
        }
        let result = LumaImage()
        result.become(thresholdOf: picture.view, block: 31, offset: 5)
        for x in [25, 45, 105, 145, 165] { #expect(result.view[x, 20] == 0, "print at \(x)") }
        for x in [15, 35, 95, 135, 175] { #expect(result.view[x, 20] == 255, "paper at \(x)") }
    }

    @Test func `a blur is a Gaussian's, and sharpening adds what it would take away`() {
        // exp(-x² / 2σ²), σ 1, in 256ths.
        let weights = [102.0, 62, 14, 1].map { $0 / 256 }
        let result = LumaImage()
        for picture in Self.pictures() {
            result.become(blurOf: picture, sigma: 1)
            let blurred = Reference.blur(picture, weights: weights)
            #expect(result.difference(to: blurred) <= 2)
            result.become(sharpened: picture, sigma: 1, amount: 1.5)
            let sharp = Reference.each(picture.width, picture.height) { x, y in
                let (pixel, mean) = (Reference.pixel(picture, x, y), Int(blurred[y * picture.width + x]))
                return pixel + Int((Double(pixel - mean) * 1.5).rounded(.down))
            }
            #expect(result.difference(to: sharp) <= 4)
        }
    }

    @Test func `a wide blur keeps a flat picture flat`() {
        let picture = LumaImage(width: 90, height: 50)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = 255 } }
        let result = LumaImage()
        for sigma in [0.3, 0.5, 1.7, 2, 4, 5] {
            result.become(blurOf: picture.view, sigma: sigma)
            #expect(result.bytes.allSatisfy { $0 == 255 })
        }
    }

    @Test func `an inverse and a copy are what they say`() {
        let result = LumaImage()
        for picture in Self.pictures() {
            result.become(inverseOf: picture)
            let inverse = Reference.each(picture.width, picture.height) { 255 - Reference.pixel(picture, $0, $1) }
            #expect(result.difference(to: inverse) == 0)
            result.become(copyOf: picture)
            #expect(result.difference(to: inverse.map { 255 - $0 }) == 0)
        }
    }

    @Test func `the luma of a camera's frame is every other byte`() {
        let width = 37
        let (height, stride) = (5, width * 2 + 6)
        let frame = LumaImage.noise(stride, height).bytes
        var luma = [UInt8](repeating: 0, count: width * height)
        frame.withUnsafeBufferPointer { from in
            luma.withUnsafeMutableBufferPointer { to in
                guard let from = from.baseAddress, let to = to.baseAddress else { return }
                LumaView.unpackYUYV(from, stride: stride, width: width, height: height, to: to)
            }
        }
        #expect(luma == Reference.each(width, height) { Int(frame[$1 * stride + 2 * $0]) })
    }

    @Test func `a quadrangle is painted, and only it`() {
        let picture = LumaImage(width: 40, height: 30)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = 0 } }
        // A square on its corner, which leaves the picture below.
        picture.fill([(20, 5), (40, 25), (20, 45), (0, 25)], with: 9)
        for y in 0..<30 {
            for x in 0..<40 {
                let away = abs(x - 20) + abs(y - 25)
                if away < 19 { #expect(picture.view[x, y] == 9, "\(x) \(y)") }
                if away > 21 { #expect(picture.view[x, y] == 0, "\(x) \(y)") }
            }
        }
    }
}
