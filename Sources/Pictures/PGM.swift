public import Imaging

/// Binary grey maps: `P5` of netpbm (`man 5 pgm`), one picture a file.
public enum PGM {
    /// Reads a grey map of 8 or 16 bits; brighter values than the header allows become white.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, into picture: LumaImage, most: Int = LumaImage.maxPixels
    ) throws(PictureError) {
        var header = Header(bytes: bytes)
        guard bytes.count >= 2, bytes[0] == UInt8(ascii: "P"), bytes[1] == UInt8(ascii: "5"),
            let width = header.number(), let height = header.number(), let white = header.number(),
            (1...65535).contains(white), header.end()
        else {
            throw PictureError.damaged(.pgm, "its header is not P5, width, height and the value of white")
        }
        try PictureError.check(width: width, height: height, most: most)
        let (depth, count) = (white > 255 ? 2 : 1, width * height)
        let data = UnsafeRawBufferPointer(rebasing: bytes[header.position...])
        guard data.count >= count * depth else {
            throw PictureError.damaged(.pgm, "it ends \(count * depth - data.count) bytes early")
        }
        picture.resize(width: width, height: height)
        picture.withPixels { pixels in
            for index in 0..<count {
                let value = depth == 1 ? Int(data[index]) : Int(data[2 * index]) << 8 | Int(data[2 * index + 1])
                pixels[index] = white == 255 ? UInt8(value) : UInt8(min(255, (value * 255 + white / 2) / white))
            }
        }
    }

    /// Writes luma of 8 bits.
    public static func encode(_ picture: LumaView) -> [UInt8] {
        var bytes = Array("P5\n\(picture.width) \(picture.height)\n255\n".utf8)
        bytes.reserveCapacity(bytes.count + picture.width * picture.height)
        for y in 0..<picture.height {
            bytes += UnsafeBufferPointer(start: picture.base + y * picture.stride, count: picture.width)
        }
        return bytes
    }

    /// The words of a header: decimal numbers between white space, with comments from `#` to the end of a line.
    private struct Header {
        let bytes: UnsafeRawBufferPointer
        var position = 2

        init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

        mutating func number() -> Int? {
            let begin = position
            while position < bytes.count {
                if Self.isSpace(bytes[position]) {
                    position += 1
                } else if bytes[position] == UInt8(ascii: "#") {
                    while position < bytes.count, bytes[position] != 0x0A { position += 1 }
                } else {
                    break
                }
            }
            guard position > begin else { return nil }
            var (value, digits) = (0, 0)
            while position < bytes.count, (0x30...0x39).contains(bytes[position]), digits < 9 {
                value = value * 10 + Int(bytes[position] - 0x30)
                (position, digits) = (position + 1, digits + 1)
            }
            return digits > 0 ? value : nil
        }

        /// Exactly one white space between the header and the pixels.
        mutating func end() -> Bool {
            guard position < bytes.count, Self.isSpace(bytes[position]) else { return false }
            position += 1
            return true
        }
    }
}
