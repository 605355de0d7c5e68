internal import Decoding
internal import Imaging
internal import Pictures

extension FuzzTarget {
    /// Files of pictures, and a camera's JPEG frames: PNG, JPEG and PGM parsers.
    static let picture = FuzzTarget(name: "picture") { bytes in
        let picture = LumaImage()
        try? PictureFile.read(bytes, into: picture, most: 1 << 20)
    }

    /// Pixels: the first two bytes are the size. Thresholds, halving, both decoders.
    static let frame = FuzzTarget(name: "frame") { bytes in
        guard bytes.count > 2, let base = bytes.baseAddress else { return }
        let width = Int(bytes[0]) + 1
        let height = min(Int(bytes[1]) + 1, (bytes.count - 2) / width)
        guard height > 0 else { return }
        let view = LumaView(base.assumingMemoryBound(to: UInt8.self) + 2, width: width, height: height)
        var reader = try? CodeReader()
        _ = try? reader?.read(view, effort: .still)
    }
}
