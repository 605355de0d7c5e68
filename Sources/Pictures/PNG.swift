internal import CPNG
public import Imaging

/// PNG files, by libpng's simplified interface (`man 3 libpng`, `png_image`).
public enum PNG {
    /// Reads a PNG as 8-bit luma; what is transparent becomes white, as paper is.
    public static func decode(
        _ bytes: UnsafeRawBufferPointer, into picture: LumaImage, most: Int = LumaImage.maxPixels
    ) throws(PictureError) {
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        defer { png_image_free(&image) }
        guard png_image_begin_read_from_memory(&image, bytes.baseAddress, bytes.count) != 0 else {
            throw PictureError.damaged(.png, message(of: image))
        }
        let (width, height) = (Int(image.width), Int(image.height))
        try PictureError.check(width: width, height: height, most: most)
        image.format = UInt32(PNG_FORMAT_GRAY)
        picture.resize(width: width, height: height)
        var paper = png_color(red: 255, green: 255, blue: 255)
        let read = picture.withPixels { png_image_finish_read(&image, &paper, $0.baseAddress, Int32(width), nil) }
        guard read != 0 else { throw PictureError.damaged(.png, message(of: image)) }
    }

    /// Writes luma.
    public static func encode(_ picture: LumaView) throws(PictureError) -> [UInt8] {
        try encode(
            picture.base, stride: picture.stride, width: picture.width, height: picture.height,
            format: UInt32(PNG_FORMAT_GRAY), channels: 1)
    }

    /// Writes colours.
    public static func encode(_ picture: RGBImage) throws(PictureError) -> [UInt8] {
        let result = picture.pixels.withUnsafeBytes { pixels in
            Result { () throws(PictureError) in
                try encode(
                    pixels.baseAddress, stride: picture.width * 3, width: picture.width, height: picture.height,
                    format: UInt32(PNG_FORMAT_FLAG_COLOR), channels: 3)
            }
        }
        return try result.get()
    }

    private static func encode(
        _ pixels: UnsafeRawPointer?, stride: Int, width: Int, height: Int, format: UInt32, channels: Int
    ) throws(PictureError) -> [UInt8] {
        try PictureError.check(width: width, height: height, most: LumaImage.maxPixels)
        var image = png_image()
        image.version = UInt32(PNG_IMAGE_VERSION)
        (image.width, image.height, image.format) = (UInt32(width), UInt32(height), format)
        defer { png_image_free(&image) }
        // zlib's worst case, and 12 bytes around each chunk of 8 KiB.
        let raw = (width * channels + 1) * height
        var size = raw + raw / 256 + 4096
        var written: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            written = png_image_write_to_memory(&image, buffer.baseAddress, &size, 0, pixels, Int32(stride), nil)
            count = written != 0 ? size : 0
        }
        guard written != 0 else { throw PictureError.unwritable(.png, message(of: image)) }
        return bytes
    }

    private static func message(of image: png_image) -> String {
        withUnsafeBytes(of: image.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
