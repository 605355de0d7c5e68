public import Model

/// One code that was read in a picture.
public struct DecodedCode: Sendable, Equatable {
    /// A place in the picture, in pixels from its upper left corner.
    public struct Point: Sendable, Equatable {
        /// To the right.
        public var x: Int
        /// Downwards.
        public var y: Int

        /// A place.
        public init(x: Int, y: Int) { (self.x, self.y) = (x, y) }
    }

    /// One of several codes that together hold a text (structured append, ISO/IEC 18004, 8).
    public struct Part: Sendable, Equatable {
        /// From 0.
        public var index: Int
        /// How many there are.
        public var count: Int

        /// A part.
        public init(index: Int, count: Int) { (self.index, self.count) = (index, count) }
    }

    /// What the code holds, byte for byte.
    public var bytes: [UInt8]
    /// As text, where the code itself says in which character set it is, or where the bytes are strict UTF-8.
    public var text: String?
    /// What kind of code it is.
    public var symbology: Symbology
    /// Four corners, clockwise as the code is read, its own upper left one first.
    public var corners: [Point]
    /// Which part of a longer text it is; nil for a whole one.
    public var part: Part?

    /// A code.
    public init(
        bytes: [UInt8], text: String? = nil, symbology: Symbology, corners: [Point] = [], part: Part? = nil
    ) {
        (self.bytes, self.text, self.symbology) = (bytes, text, symbology)
        (self.corners, self.part) = (corners, part)
    }
}
