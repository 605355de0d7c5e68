internal import FrameLink
internal import Imaging
internal import Posix

extension SourceFrame {
    /// Copies the frame to where the decoder reads it: luma without gaps, or the file as it is. Nil where it does not fit,
    /// or is not of a format that is read.
    func copy(to slot: UnsafeMutableRawBufferPointer) -> (content: FrameOrder.Content, length: Int)? {
        let (width, height) = (size.width, size.height)
        switch format {
        case .mjpg, .jpeg:
            guard !bytes.isEmpty, bytes.count <= slot.count else { return nil }
            slot.copyMemory(from: bytes)
            return (.jpeg, bytes.count)
        case .grey, .nv12:
            let stride = max(stride, width)
            guard let (from, to) = planes(slot, needs: stride * (height - 1) + width) else { return nil }
            if stride == width {
                UnsafeMutableRawPointer(to).copyMemory(from: from, byteCount: width * height)
            } else {
                for y in 0..<height {
                    UnsafeMutableRawPointer(to + y * width).copyMemory(from: from + y * stride, byteCount: width)
                }
            }
            return (.luma(width: width, height: height), width * height)
        case .yuyv:
            let stride = max(stride, 2 * width)
            guard let (from, to) = planes(slot, needs: stride * (height - 1) + 2 * width) else { return nil }
            LumaView.unpackYUYV(from, stride: stride, width: width, height: height, to: to)
            return (.luma(width: width, height: height), width * height)
        default: return nil
        }
    }

    private func planes(
        _ slot: UnsafeMutableRawBufferPointer, needs count: Int
    ) -> (UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>)? {
        guard size.width > 0, size.height > 0, bytes.count >= count, size.width * size.height <= slot.count,
            let from = bytes.baseAddress, let to = slot.baseAddress
        else { return nil }
        return (from.assumingMemoryBound(to: UInt8.self), to.assumingMemoryBound(to: UInt8.self))
    }
}
