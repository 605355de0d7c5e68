import Imaging
import TestSupport
import Testing

@Suite(.oneThread) struct MeasureTests {
    @Test func `a blurred picture is less sharp`() {
        let (sharp, soft) = (LumaImage.noise(200, 100), LumaImage())
        var last = sharp.view.sharpness()
        for sigma in [0.5, 1, 2, 4] {
            soft.become(blurOf: sharp.view, sigma: sigma)
            let sharpness = soft.view.sharpness()
            #expect(sharpness < last / 1.5)
            last = sharpness
        }
        #expect(LumaImage(width: 2, height: 2).view.sharpness() == 0)
        soft.withPixels { pixels in for index in pixels.indices { pixels[index] = 77 } }
        #expect(soft.view.sharpness() == 0)
    }

    /// Draws corner marks at places.
    static func marks(_ places: [(Int, Int)], module: Int) -> LumaImage {
        let picture = LumaImage(width: 400, height: 300)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = 255 } }
        for (x, y) in places {
            for (modules, value): (Int, UInt8) in [(7, 0), (5, 255), (3, 0)] {
                let half = modules * module / 2
                picture.fill(
                    [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)],
                    with: value)
            }
        }
        return picture
    }

    @Test(arguments: [3, 4, 6])
    func `corner marks are found where they are`(module: Int) {
        let places = [(60, 60), (200, 60), (60, 200)]
        let found = Self.marks(places, module: module).view.finderMarks(step: 2, most: 10)
        #expect(found.count == 3)
        for (mark, place) in zip(found.sorted { ($0.y, $0.x) < ($1.y, $1.x) }, places) {
            #expect(abs(mark.x - place.0) <= 1 && abs(mark.y - place.1) <= 1)
            #expect(abs(mark.size - 7 * module) <= 3)
        }
        #expect(Self.marks(places, module: module).view.finderMarks(step: 2, most: 2).count == 2)
    }

    @Test func `three marks at a right angle hold a code, other three do not`() {
        func holdsCode(_ places: [(Int, Int)], module: Int = 4) -> Bool {
            FinderMark.holdCode(Self.marks(places, module: module).view.finderMarks(step: 2, most: 10))
        }
        #expect(holdsCode([(60, 60), (200, 60), (60, 200)]))
        #expect(holdsCode([(60, 60), (200, 80), (50, 190), (320, 200)]))
        #expect(!holdsCode([(60, 60), (200, 60)]))
        #expect(!holdsCode([(60, 60), (160, 60), (260, 60)]))
        #expect(!holdsCode([(60, 60), (360, 60), (60, 120)]))
    }

    @Test func `noise has no corner marks that hold a code`() {
        let binary = LumaImage()
        for seed in 0..<10 {
            binary.become(thresholdOf: LumaImage.noise(320, 240, seed: UInt64(seed)).view, block: 31, offset: 5)
            #expect(!FinderMark.holdCode(binary.view.finderMarks(step: 2, most: 64)))
        }
    }
}
