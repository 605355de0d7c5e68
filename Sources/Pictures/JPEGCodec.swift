internal import CTurboJPEG
public import Imaging

/// JPEG by TurboJPEG, its handles kept for the next picture. One thread.
public final class JPEGCodec {
    private let reader: tjhandle
    private let writer: tjhandle

    /// A codec; throws where memory is short.
    public init() throws(PictureError) {
        guard let reader = tjInitDecompress() else { throw PictureError.memory }
        guard let writer = tjInitCompress() else {
            tjDestroy(reader)
            throw PictureError.memory
        }
        (self.reader, self.writer) = (reader, writer)
    }

    deinit {
        tjDestroy(reader)
        tjDestroy(writer)
    }

    /// What the header says a JPEG's size is, in pixels; nothing is decoded.
    public func size(of bytes: UnsafeRawBufferPointer) throws(PictureError) -> (width: Int, height: Int) {
        var (width, height, subsampling, colours): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        let result = tjDecompressHeader3(
            reader, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), &width, &height,
            &subsampling, &colours)
        guard result == 0 else { throw PictureError.damaged(.jpeg, fault(of: reader)) }
        return (Int(width), Int(height))
    }

    /// Decodes straight to luma, the colours left aside.
    ///
    /// A picture that is damaged or cut off throws, whatever of it could be shown; its pixels are undefined then. Bytes
    /// of filling before the end, which many cameras leave, are no damage.
    ///
    /// - Parameter most: pixels; a larger one is refused by its header.
    public func decode(
        _ bytes: UnsafeRawBufferPointer, into picture: LumaImage, most: Int = LumaImage.maxPixels
    ) throws(PictureError) {
        let (width, height) = try size(of: bytes)
        try PictureError.check(width: width, height: height, most: most)
        picture.resize(width: width, height: height)
        let result = picture.withPixels {
            tjDecompress2(
                reader, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count), $0.baseAddress,
                Int32(width), 0, Int32(height), Int32(TJPF_GRAY.rawValue), TJFLAG_LIMITSCANS)
        }
        guard result != 0 else { return }
        let fault = fault(of: reader)
        // The library keeps the first warning only. This one comes when the last pixel is decoded: a picture that ends
        // early has another before it.
        if tjGetErrorCode(reader) == Int32(TJERR_WARNING.rawValue),
            fault.hasSuffix("extraneous bytes before marker 0xd9")
        {
            return
        }
        throw PictureError.damaged(.jpeg, fault)
    }

    /// Writes luma.
    ///
    /// - Parameter quality: 1 to 100; 85 keeps a code's edges.
    public func encode(_ picture: LumaView, quality: Int = 85) throws(PictureError) -> [UInt8] {
        let (width, height) = (Int32(clamping: picture.width), Int32(clamping: picture.height))
        // JPEG has 16 bits for a side.
        guard width > 0, height > 0, width <= 65535, height <= 65535 else {
            throw PictureError.unwritable(.jpeg, "no picture of \(picture.width)x\(picture.height) pixels can be one")
        }
        let most = Int(tjBufSize(width, height, Int32(TJSAMP_GRAY.rawValue)))
        var result: Int32 = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: most) { buffer, count in
            var (target, size): (UnsafeMutablePointer<UInt8>?, UInt) = (buffer.baseAddress, UInt(most))
            result = tjCompress2(
                writer, picture.base, width, Int32(clamping: picture.stride), height, Int32(TJPF_GRAY.rawValue),
                &target, &size, Int32(TJSAMP_GRAY.rawValue), Int32(min(max(quality, 1), 100)), TJFLAG_NOREALLOC)
            count = result == 0 ? Int(size) : 0
        }
        guard result == 0 else { throw PictureError.unwritable(.jpeg, fault(of: writer)) }
        return bytes
    }

    private func fault(of handle: tjhandle) -> String { String(cString: tjGetErrorStr2(handle)) }
}

@available(*, unavailable)
extension JPEGCodec: Sendable {}
