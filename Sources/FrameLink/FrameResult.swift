public import Model

/// One code as a decode worker claims to have read it.
public struct FrameCode: Sendable, Equatable {
    /// The most bytes of one code; a QR code holds 2,953.
    public static let maxBytes = 3072
    /// The most bytes of its text: three for each byte that it was.
    public static let maxText = 3 * maxBytes
    /// The most corners.
    public static let maxCorners = 8

    /// What the code holds.
    public var bytes: [UInt8]
    /// The same as UTF-8, where the code says in which character set it is; nil where that is not known.
    public var text: [UInt8]?
    /// What kind of code it is.
    public var symbology: Symbology
    /// Where it is.
    public var corners: [PicturePoint]
    /// Which part of a longer text it is; nil for a whole one.
    public var part: CodePart?

    /// A code.
    public init(
        bytes: [UInt8], text: [UInt8]? = nil, symbology: Symbology, corners: [PicturePoint] = [],
        part: CodePart? = nil
    ) {
        (self.bytes, self.text, self.symbology) = (bytes, text, symbology)
        (self.corners, self.part) = (corners, part)
    }
}

/// What a decode worker says of one frame.
public struct FrameResult: Sendable, Equatable {
    /// The most codes of one frame; a worker that has read more tells the first.
    public static let maxCodes = 64

    /// The frame's number.
    public var number: UInt64
    /// Its width in pixels; 0 where it could not be looked at.
    public var width = 0
    /// Its height.
    public var height = 0
    /// What was read.
    public var codes: [FrameCode] = []
    /// Whether it differs from the frame before.
    public var isChanged = false
    /// Whether it was searched for codes: a frame that does not differ is searched now and then only.
    public var isSearched = false
    /// Whether it could not be looked at: a JPEG that is none.
    public var isUnreadable = false
    /// Why it could not be looked at; of a file only.
    public var fault = ""
    /// How sharp it is; only to be compared with other frames of the same camera. 0 where nobody asked.
    public var sharpness = 0
    /// How long the worker took; for a file, to find its codes.
    public var microseconds = 0
    /// Bytes of the picture in the outbox; 0 where none is.
    public var pictureLength = 0

    /// A frame in which nothing was found.
    public init(number: UInt64) { self.number = number }
}
