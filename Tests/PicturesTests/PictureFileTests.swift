import Imaging
import Pictures
import TestSupport
import Testing

@Suite(.oneThread) struct PictureFileTests {
    /// A gradient with an odd width.
    static func gradient(width: Int = 61, height: Int = 40) -> LumaImage {
        let picture = LumaImage(width: width, height: height)
        picture.withPixels { pixels in
            for index in pixels.indices { pixels[index] = UInt8((index % width * 3 + index / width) % 256) }
        }
        return picture
    }

    static func pixels(_ picture: LumaImage) -> [UInt8] { picture.withPixels { Array($0) } }

    /// The most that any pixel differs.
    static func difference(_ left: LumaImage, _ right: LumaImage) -> Int {
        zip(pixels(left), pixels(right)).map { abs(Int($0) - Int($1)) }.max() ?? 0
    }

    @Test func `a PNG comes back as it was written, its rows padded or not`() throws {
        let picture = Self.gradient()
        let again = LumaImage()
        try PictureFile.read(PNG.encode(picture.view), into: again)
        #expect(again.width == 61 && again.height == 40)
        #expect(Self.pixels(again) == Self.pixels(picture))

        let part = LumaView(picture.view.base, width: 20, height: 40, stride: 61, owner: picture)
        try PictureFile.read(PNG.encode(part), into: again)
        #expect(again.width == 20 && again.view[19, 39] == picture.view[19, 39])
    }

    @Test func `a grey map comes back as it was written`() throws {
        let picture = Self.gradient()
        let again = LumaImage()
        try PictureFile.read(PGM.encode(picture.view), into: again)
        #expect(again.width == 61 && Self.pixels(again) == Self.pixels(picture))
    }

    @Test func `a grey map may have comments, 16 bits and a white of its own`() throws {
        let picture = LumaImage()
        try PictureFile.read(Array("P5 # by hand\n2\t1\n# white\n15\n".utf8 + [0, 15]), into: picture)
        #expect(Self.pixels(picture) == [0, 255])
        try PictureFile.read(Array("P5 2 1 65535\n".utf8 + [0, 0, 0x80, 0x00]), into: picture)
        #expect(Self.pixels(picture) == [0, 128])
    }

    @Test func `a JPEG comes back nearly as it was written, into memory that is used again`() throws {
        let picture = LumaImage(width: 64, height: 48)
        picture.withPixels { pixels in
            for index in pixels.indices { pixels[index] = UInt8(index % 64 * 2 + index / 64) }
        }
        let codec = try JPEGCodec()
        let jpeg = try codec.encode(picture.view, quality: 95)
        let again = LumaImage(width: 100, height: 100)
        for _ in 0..<3 {
            let size = try jpeg.withUnsafeBytes { try codec.size(of: $0) }
            #expect(size.width == 64 && size.height == 48)
            try jpeg.withUnsafeBytes { try codec.decode($0, into: again) }
            #expect(again.width == 64 && again.height == 48)
            #expect(Self.difference(picture, again) <= 4)
        }
    }

    @Test func `filling before a JPEG's end is no damage`() throws {
        let codec = try JPEGCodec()
        var jpeg = try codec.encode(Self.gradient().view)
        jpeg.insert(contentsOf: [0, 0, 0, 0], at: jpeg.count - 2)
        let (again, clean) = (LumaImage(), LumaImage())
        try PictureFile.read(jpeg, into: again)
        try PictureFile.read(codec.encode(Self.gradient().view), into: clean)
        #expect(Self.pixels(again) == Self.pixels(clean))
    }

    @Test(arguments: [PictureFormat.png, .jpeg, .pgm])
    func `a file that is cut off anywhere is an error`(format: PictureFormat) throws {
        let bytes =
            switch format {
            case .png: try PNG.encode(Self.gradient().view)
            case .jpeg: try JPEGCodec().encode(Self.gradient().view)
            case .pgm: PGM.encode(Self.gradient().view)
            }
        let picture = LumaImage()
        // The last twelve bytes of a PNG are its end mark, which is not read: all pixels are there.
        for count in 0..<bytes.count - (format == .png ? 12 : 0) {
            #expect(throws: PictureError.self, "\(format) of \(count) bytes") {
                try PictureFile.read(Array(bytes[..<count]), into: picture)
            }
        }
    }

    @Test(arguments: [PictureFormat.png, .jpeg, .pgm])
    func `any bytes are a picture or an error`(format: PictureFormat) throws {
        let bytes =
            switch format {
            case .png: try PNG.encode(Self.gradient().view)
            case .jpeg: try JPEGCodec().encode(Self.gradient().view)
            case .pgm: PGM.encode(Self.gradient().view)
            }
        var random = UInt64(1)
        func next(_ bound: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % bound
        }
        let picture = LumaImage()
        var (read, refused) = (0, 0)
        for _ in 0..<2000 {
            var bytes = bytes
            for _ in 0...next(4) { bytes[next(bytes.count)] = UInt8(next(256)) }
            do {
                // Small enough that a header of nonsense costs nothing.
                try PictureFile.read(bytes, into: picture, most: 1 << 16)
                read += 1
            } catch {
                refused += 1
            }
        }
        #expect(read + refused == 2000 && (refused > 0 || format == .pgm))
    }

    @Test func `a JPEG with a damaged stretch is an error`() throws {
        let picture = LumaImage(width: 640, height: 480)
        picture.withPixels { pixels in for index in pixels.indices { pixels[index] = UInt8(index * 7919 >> 4 & 255) } }
        var bytes = try JPEGCodec().encode(picture.view)
        // An end mark in the middle: what a camera's lost packet looks like.
        bytes.replaceSubrange(bytes.count / 2..<bytes.count / 2 + 2, with: [0xFF, 0xD9])
        #expect(throws: PictureError.self) { try PictureFile.read(bytes, into: LumaImage()) }
    }

    @Test func `a picture of absurd size is refused by its header`() throws {
        let picture = LumaImage()
        let absurd = "P5 99999999 99999999 255\n"
        #expect(throws: PictureError.size(width: 99_999_999, height: 99_999_999, most: LumaImage.maxPixels)) {
            try PictureFile.read(Array(absurd.utf8), into: picture)
        }
        var png = try PNG.encode(Self.gradient().view)
        // The width is in the header; its checksum is wrong then, which libpng says first.
        png.replaceSubrange(16..<20, with: [0x7F, 0xFF, 0xFF, 0xFF])
        #expect(throws: PictureError.self) { try PictureFile.read(png, into: picture) }
        for file in [try PNG.encode(Self.gradient().view), try JPEGCodec().encode(Self.gradient().view)] {
            #expect(throws: PictureError.size(width: 61, height: 40, most: 2439)) {
                try PictureFile.read(file, into: picture, most: 2439)
            }
            try PictureFile.read(file, into: picture, most: 2440)
        }
        #expect(throws: PictureError.size(width: 0, height: 4, most: LumaImage.maxPixels)) {
            try PictureFile.read(Array("P5 0 4 255\n".utf8), into: picture)
        }
    }

    @Test func `what is no picture says so`() throws {
        for text in ["", "P", "GIF89a", "P6 1 1 255\n   "] {
            #expect(throws: PictureError.unknownFormat) {
                try PictureFile.read(Array(text.utf8), into: LumaImage())
            }
        }
    }
}
