/// Pixels of 8-bit luma that belong to somebody else: a frame in shared memory, a `LumaImage`.
///
/// Valid as long as its owner says; not to be stored.
public struct LumaView {
    /// The first pixel of the first row.
    public let base: UnsafePointer<UInt8>
    /// Pixels in a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Bytes from one row to the next, at least `width`.
    public let stride: Int

    /// Whoever frees the pixels, kept as long as somebody looks at them.
    private let owner: AnyObject?

    /// A view of pixels that outlive it.
    ///
    /// - Parameters:
    ///   - stride: bytes from one row to the next; `width` where rows follow each other.
    ///   - owner: the object that frees the pixels when it goes, if one does.
    public init(
        _ base: UnsafePointer<UInt8>, width: Int, height: Int, stride: Int? = nil, owner: AnyObject? = nil
    ) {
        precondition(width >= 0 && height >= 0 && (stride ?? width) >= width, "a picture of impossible size")
        (self.base, self.width, self.height, self.stride) = (base, width, height, stride ?? width)
        self.owner = owner
    }

    /// One pixel.
    public subscript(x: Int, y: Int) -> UInt8 {
        precondition(x >= 0 && x < width && y >= 0 && y < height, "outside the picture")
        return base[y * stride + x]
    }

    /// Whether rows follow each other without gaps, as decoders want them.
    public var isContiguous: Bool { stride == width }
}

@available(*, unavailable)
extension LumaView: Sendable {}
