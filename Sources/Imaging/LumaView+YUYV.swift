internal import CImaging

extension LumaView {
    /// Writes the luma of YUYV pixels, which is every other byte, without gaps.
    ///
    /// - Parameters:
    ///   - stride: bytes from one row of `from` to the next, at least twice `width`.
    ///   - to: room for `width` times `height` pixels.
    public static func unpackYUYV(
        _ from: UnsafePointer<UInt8>, stride: Int, width: Int, height: Int, to: UnsafeMutablePointer<UInt8>
    ) {
        precondition(width >= 0 && height >= 0 && stride >= 2 * width, "a picture of impossible size")
        scangate_yuyv_luma(from, stride, width, height, to)
    }
}
