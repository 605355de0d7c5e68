import Imaging
import TestSupport
import Testing

@Suite(.oneThread) struct BackgroundTests {
    private static let (width, height) = (648, 362)

    /// A picture with structure everywhere, brighter by `light`, and a black and white square of 96 pixels at places.
    private static func picture(light: Int = 0, squares: [(x: Int, y: Int)] = []) -> LumaImage {
        let picture = LumaImage(width: width, height: height)
        picture.withPixels { pixels in
            for y in 0..<height {
                for x in 0..<width { pixels[y * width + x] = UInt8(60 + (x / 40 + y / 40) % 3 * 40 + light) }
            }
            for square in squares {
                for y in 0..<96 {
                    for x in 0..<96 {
                        pixels[(square.y + y) * width + square.x + x] = UInt8(
                            ((x / 8 + y / 8) % 2 == 0 ? 45 : 200) + light)
                    }
                }
            }
        }
        return picture
    }

    /// The pixels that are left of a picture, as the rest is one grey; nil where nothing is.
    private static func left(of picture: LumaImage, _ background: Background) -> [Bool]? {
        let target = LumaImage()
        guard background.hide(in: picture.view, to: target) else { return nil }
        #expect(target.width == picture.width && target.height == picture.height)
        let (before, after) = (picture.withPixels { Array($0) }, target.withPixels { Array($0) })
        let paper = after[0]
        for index in after.indices where after[index] != before[index] { #expect(after[index] == paper) }
        return after.indices.map { after[$0] != paper }
    }

    @Test(arguments: [0, 40, -40]) func `what is as it was is hidden, whatever the light`(light: Int) {
        var background = Background()
        background.learn(Self.picture(squares: [(40, 40)]).view)
        #expect(Self.left(of: Self.picture(light: light, squares: [(40, 40)]), background) == nil)
    }

    @Test func `what has come is left with its border, and what lay there is hidden`() throws {
        var background = Background()
        background.learn(Self.picture(squares: [(40, 200)]).view)
        let now = Self.picture(squares: [(40, 200), (400, 96)])
        let target = LumaImage()
        #expect(background.hide(in: now.view, to: target))
        let (before, after) = (now.withPixels { Array($0) }, target.withPixels { Array($0) })
        func isLeft(_ x: Int, _ y: Int) -> Bool {
            (0..<96).allSatisfy { line in
                let start = (y + line) * Self.width + x
                return before[start..<start + 96] == after[start..<start + 96]
            }
        }
        func isGrey(_ x: Int, _ y: Int) -> Bool {
            (0..<96).allSatisfy { line in
                let start = (y + line) * Self.width + x
                return after[start..<start + 96].allSatisfy { $0 == after[0] }
            }
        }
        #expect(isLeft(400, 96) && isLeft(400 - 32, 96 - 32) && isLeft(400 + 32, 96 + 32))
        #expect(isGrey(40, 200) && isGrey(0, 0) && isGrey(Self.width - 96, Self.height - 96))
    }

    @Test func `what has gone leaves its place to be seen`() throws {
        var background = Background()
        background.learn(Self.picture(squares: [(40, 200)]).view)
        let left = try #require(Self.left(of: Self.picture(), background))
        #expect(left.contains(true) && left.count { $0 } < left.count / 4)
    }

    @Test func `a picture of another size, or before one was learnt, is left as it is`() {
        var background = Background()
        let small = LumaImage(width: 64, height: 64)
        small.withPixels { $0.update(repeating: 9) }
        func isWhole() -> Bool {
            let target = LumaImage()
            return background.hide(in: small.view, to: target)
                && small.withPixels { Array($0) } == target.withPixels { Array($0) }
        }
        #expect(isWhole())
        background.learn(Self.picture().view)
        #expect(isWhole())
        background.learn(small.view)
        #expect(!isWhole())
        background.forget()
        #expect(isWhole())
    }
}
