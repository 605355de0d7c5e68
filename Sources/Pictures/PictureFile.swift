public import Imaging

/// Pictures as they are in files.
public enum PictureFile {
    /// Reads a PNG, JPEG or PGM as luma, colours turned into grey.
    ///
    /// - Parameter most: pixels; more, or a damaged file, throw and leave the picture undefined. Nothing is allocated
    ///   for a picture before its size is known to be allowed.
    public static func read(
        _ bytes: UnsafeRawBufferPointer, into picture: LumaImage, most: Int = LumaImage.maxPixels
    ) throws(PictureError) {
        switch PictureFormat(of: bytes) {
        case .png: try PNG.decode(bytes, into: picture, most: most)
        case .jpeg: try JPEGCodec().decode(bytes, into: picture, most: most)
        case .pgm: try PGM.decode(bytes, into: picture, most: most)
        case nil: throw PictureError.unknownFormat
        }
    }

    /// The same of a file's bytes.
    public static func read(
        _ bytes: [UInt8], into picture: LumaImage, most: Int = LumaImage.maxPixels
    ) throws(PictureError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(PictureError) in try read(bytes, into: picture, most: most) }
        }
        try result.get()
    }
}
