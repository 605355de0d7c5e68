import Decoding
import Imaging
import Testing

struct CodeReaderTests {
    @Test func `nothing is read where there is nothing`() throws {
        let picture = LumaImage(width: 320, height: 240)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = UInt8(index % 251) } }
        var reader = try CodeReader()
        let codes = try reader.read(picture.view, effort: .still)
        #expect(codes.isEmpty)
    }
}
