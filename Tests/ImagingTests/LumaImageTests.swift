import Imaging
import Testing

struct LumaImageTests {
    @Test func `half a picture has the mean of each four pixels`() {
        let picture = LumaImage(width: 5, height: 4)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = UInt8(index * 10) } }
        let half = LumaImage()
        half.become(halfOf: picture.view)
        #expect(half.width == 2 && half.height == 2)
        // (0 + 10 + 50 + 60) / 4, and so on; the fifth column has no partner.
        #expect([half.view[0, 0], half.view[1, 0], half.view[0, 1], half.view[1, 1]] == [30, 50, 130, 150])
    }
}
