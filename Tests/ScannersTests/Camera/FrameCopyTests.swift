import FrameLink
import Posix
import Testing

@testable import Scanners

struct FrameCopyTests {
    private static func copy(
        _ bytes: [UInt8], _ format: VideoFormat, _ size: VideoSize, stride: Int, room: Int = 1000
    ) -> (FrameOrder.Content, [UInt8])? {
        let slot = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 16)
        defer { slot.deallocate() }
        return bytes.withUnsafeBytes { bytes in
            SourceFrame(bytes: bytes, format: format, size: size, stride: stride).copy(to: slot).map {
                ($0.content, Array(slot.prefix($0.length)))
            }
        }
    }

    @Test func `rows are put together without their gaps`() throws {
        let bytes: [UInt8] = [1, 2, 3, 99, 4, 5, 6]
        for format in [VideoFormat.grey, .nv12] {
            let (content, luma) = try #require(Self.copy(bytes, format, VideoSize(3, 2), stride: 4))
            #expect(content == .luma(width: 3, height: 2) && luma == [1, 2, 3, 4, 5, 6])
        }
        let (_, luma) = try #require(Self.copy([1, 2, 3, 4, 99, 99], .nv12, VideoSize(2, 2), stride: 2))
        #expect(luma == [1, 2, 3, 4])
        // A driver that says nothing of its rows.
        #expect(Self.copy([1, 2, 3, 4], .grey, VideoSize(2, 2), stride: 0)?.1 == [1, 2, 3, 4])
    }

    @Test func `luma is taken out of YUYV`() throws {
        let bytes: [UInt8] = [1, 128, 2, 128, 77, 77, 3, 128, 4, 128]
        let (content, luma) = try #require(Self.copy(bytes, .yuyv, VideoSize(2, 2), stride: 6))
        #expect(content == .luma(width: 2, height: 2) && luma == [1, 2, 3, 4])
    }

    @Test func `a file is copied as it is`() throws {
        let (content, file) = try #require(Self.copy([0xFF, 0xD8, 1], .mjpg, VideoSize(1280, 720), stride: 0))
        #expect(content == .jpeg && file == [0xFF, 0xD8, 1])
    }

    @Test func `what is too short, too large or of another format is not copied`() {
        #expect(Self.copy([1, 2, 3, 4, 5], .grey, VideoSize(3, 2), stride: 3) == nil)
        #expect(Self.copy([1, 128, 2, 128, 3, 128, 4], .yuyv, VideoSize(2, 2), stride: 4) == nil)
        #expect(Self.copy([1, 2, 3, 4], .grey, VideoSize(2, 2), stride: 2, room: 3) == nil)
        #expect(Self.copy([1, 2, 3, 4], .mjpg, VideoSize(2, 2), stride: 2, room: 3) == nil)
        #expect(Self.copy([], .mjpg, VideoSize(2, 2), stride: 2) == nil)
        #expect(Self.copy([1, 2, 3, 4], VideoFormat(rawValue: 1), VideoSize(2, 2), stride: 2) == nil)
    }
}
