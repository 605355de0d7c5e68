internal import CImaging

/// A picture of 8-bit luma, rows without gaps, in memory of its own that is used again for the next one. One thread.
public final class LumaImage {
    private var pixels: UnsafeMutableBufferPointer<UInt8>
    private var scratch: UnsafeMutableRawBufferPointer
    /// Pixels in a row.
    public private(set) var width: Int
    /// Rows.
    public private(set) var height: Int

    /// The most pixels that any picture may have: larger than any camera's, small enough for any machine (64 MiB).
    public static let maxPixels = 1 << 26

    /// A picture of undefined content.
    public init(width: Int = 0, height: Int = 0) {
        pixels = .allocate(capacity: max(1, width * height))
        scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)
        (self.width, self.height) = (width, height)
    }

    deinit {
        pixels.deallocate()
        scratch.deallocate()
    }

    /// Its pixels, while it keeps its size; the view keeps it alive.
    public var view: LumaView {
        // The buffer has at least one byte, so it has an address.
        LumaView(UnsafePointer(pixels.baseAddress.unsafelyUnwrapped), width: width, height: height, owner: self)
    }

    /// Changes the size; what was in it is undefined then. Memory grows, and never shrinks.
    public func resize(width: Int, height: Int) {
        precondition(
            width >= 0 && height >= 0 && (height == 0 || width <= Self.maxPixels / height),
            "a picture of impossible size")
        if width * height > pixels.count {
            pixels.deallocate()
            pixels = .allocate(capacity: width * height)
        }
        (self.width, self.height) = (width, height)
    }

    /// Writes pixels: rows without gaps, `width` times `height` bytes of them.
    public func withPixels<Result>(_ body: (UnsafeMutableBufferPointer<UInt8>) throws -> Result) rethrows -> Result {
        try body(UnsafeMutableBufferPointer(rebasing: pixels[..<(width * height)]))
    }

    /// Where the result of a loop goes.
    var target: UnsafeMutablePointer<UInt8>? { pixels.baseAddress }

    /// Memory for the middle of a loop: at least `count` elements, which mean nothing before and after.
    func scratch<Element>(_ count: Int, of type: Element.Type) -> UnsafeMutablePointer<Element>? {
        let bytes = count * MemoryLayout<Element>.stride
        if scratch.count < bytes {
            scratch.deallocate()
            scratch = .allocate(byteCount: bytes, alignment: 32)
        }
        return scratch.bindMemory(to: type).baseAddress
    }
}

@available(*, unavailable)
extension LumaImage: Sendable {}
