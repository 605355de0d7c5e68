internal import FrameLink
internal import Model

/// Puts pictures for people together from what a decoder says of frames. One thread.
struct PictureMaker {
    private let charset: Charset
    /// What was read when the picture was last searched: it is searched now and then only while it is at rest.
    private var codes: [FrameCode] = []
    private var result: FrameResult?

    init(_ charset: Charset) { self.charset = charset }

    /// Takes what the decoder says of a frame.
    mutating func take(_ result: FrameResult) {
        self.result = result
        if result.isSearched { codes = result.codes } else if result.isChanged { codes = [] }
    }

    /// The picture of the frame that was taken last; nil where its luma is not there.
    func picture(_ luma: [UInt8]?, rate: Double) -> CameraLook.Picture? {
        guard let luma, let result, !luma.isEmpty, luma.count == result.width * result.height else { return nil }
        let codes = codes.map { code in
            CameraLook.Code(
                bytes: Sighting.bytes(code, charset), symbology: code.symbology, corners: code.corners, part: code.part)
        }
        return CameraLook.Picture(
            width: result.width, height: result.height, luma: luma, codes: codes, isSearched: result.isSearched,
            rate: rate, microseconds: result.microseconds)
    }
}

/// How many frames a camera gives a second. One thread.
struct FrameRate {
    private var arrivals: [Int64] = []

    /// When the last one came, in microseconds.
    var last: Int64? { arrivals.last }

    /// Notes frames that came together: those of the last second are kept, at most 1,000.
    mutating func note(_ frames: Int, at time: Int64) {
        arrivals += Array(repeating: time, count: frames)
        arrivals.removeAll { time - $0 > 1_000_000 }
        if arrivals.count > 1000 { arrivals.removeFirst(arrivals.count - 1000) }
    }

    /// Frames a second; 0 in the first moments.
    var perSecond: Double {
        guard let first = arrivals.first, let last = arrivals.last, last - first > 200_000 else { return 0 }
        return Double(arrivals.count - 1) * 1_000_000 / Double(last - first)
    }
}
