public import Model

/// One code that was read in a picture.
public struct DecodedCode: Sendable, Equatable {
    /// What the code holds, byte for byte.
    public var bytes: [UInt8]
    /// As text, where the code itself says in which character set it is, or where the bytes are strict UTF-8.
    public var text: String?
    /// What kind of code it is.
    public var symbology: Symbology
    /// Four corners, clockwise as the code is read, its own upper left one first.
    public var corners: [PicturePoint]
    /// Which part of a longer text it is; nil for a whole one.
    public var part: CodePart?

    /// A code.
    public init(
        bytes: [UInt8], text: String? = nil, symbology: Symbology, corners: [PicturePoint] = [], part: CodePart? = nil
    ) {
        (self.bytes, self.text, self.symbology) = (bytes, text, symbology)
        (self.corners, self.part) = (corners, part)
    }
}
