internal import Decoding
internal import Imaging
internal import Pictures

extension FuzzTarget {
    /// Files of pictures, and a camera's JPEG frames: PNG, JPEG and PGM parsers.
    static let picture = FuzzTarget(
        "picture",
        raw: { bytes in
            let (picture, again) = (LumaImage(), LumaImage())
            let isRead = (try? PictureFile.read(bytes, into: picture, most: 1 << 20)) != nil
            guard isRead else { return }
            try PictureFile.read(bytes, into: again, most: 1 << 20)
            try require(picture.width * picture.height <= 1 << 20, "a picture of more pixels than were allowed")
            try require((picture.width, picture.height) == (again.width, again.height), "one file, two sizes")
        })

    /// Pixels: the first two bytes are the size. Thresholds, halving, both decoders.
    static let frame = FuzzTarget(
        "frame",
        raw: { bytes in
            guard bytes.count > 2, let base = bytes.baseAddress else { return }
            let width = Int(bytes[0]) + 1
            let height = min(Int(bytes[1]) + 1, (bytes.count - 2) / width)
            guard height > 0 else { return }
            let view = LumaView(base.assumingMemoryBound(to: UInt8.self) + 2, width: width, height: height)
            var reader = try? CodeReader()
            _ = try? reader?.read(view, effort: .still)
        })
}
