import Imaging
import Pictures
import Testing

struct RGBImageTests {
    @Test func `an outline is drawn in its colour and the rest stays grey`() throws {
        let luma = LumaImage(width: 40, height: 30)
        luma.withPixels { pixels in for index in pixels.indices { pixels[index] = 100 } }
        var picture = RGBImage(luma.view)
        picture.outline([(5, 5), (30, 5), (30, 20), (5, 20)], colour: .green, thickness: 1)
        let grey = RGBImage.Colour(red: 100, green: 100, blue: 100)
        #expect(picture[5, 5] == .green && picture[30, 12] == .green && picture[17, 20] == .green)
        #expect(picture[17, 12] == grey && picture[4, 5] == grey)

        let read = LumaImage()
        try PictureFile.read(PNG.encode(picture), into: read)
        #expect(read.width == 40 && read.height == 30)
        #expect(read.view[17, 12] == 100 && read.view[17, 20] > 120)
    }

    @Test func `lines that leave the picture are cut`() {
        let luma = LumaImage(width: 8, height: 8)
        luma.withPixels { pixels in for index in pixels.indices { pixels[index] = 0 } }
        var picture = RGBImage(luma.view)
        picture.line(from: (-1_000_000_000, 4), to: (1_000_000_000, 4), colour: .red, thickness: 1)
        #expect(picture[0, 4] == .red && picture[7, 4] == .red)
    }
}
