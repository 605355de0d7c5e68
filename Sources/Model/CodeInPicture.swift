/// A place in a picture, in pixels from its upper left corner.
public struct PicturePoint: Sendable, Equatable {
    /// To the right.
    public var x: Int
    /// Downwards.
    public var y: Int

    /// A place.
    public init(x: Int, y: Int) { (self.x, self.y) = (x, y) }
}

/// Which of several codes that together hold a text one is (structured append, ISO/IEC 18004, 8).
public struct CodePart: Sendable, Hashable {
    /// From 0.
    public var index: Int
    /// How many there are.
    public var count: Int

    /// A part.
    public init(index: Int, count: Int) { (self.index, self.count) = (index, count) }
}

/// A library that reads codes. The raw value is what stands for it in shared memory and in an order; 0 is none.
public enum CodeDecoder: UInt8, Sendable, CaseIterable {
    case zxing = 1
    case zbar = 2
}

/// In which character set a code's bytes are where the code does not say and they are not UTF-8. The raw value is the
/// word of `--charset`.
///
/// Codes of such printers exist, and nothing in them tells which set it is: an operator has to know.
public enum Charset: String, Sendable, CaseIterable {
    /// Then they are no text, and taken as they are. The default.
    case utf8
    /// Bytes are never made text, also where the code says how.
    case raw
    /// ISO 8859-1, as old Western printers write.
    case latin1
    /// Japanese.
    case shiftJIS = "shift_jis"
    /// Chinese, simplified.
    case gb18030
    /// Chinese, traditional.
    case big5
    /// Korean.
    case eucKR = "euc-kr"
    /// Western, as Windows writes it.
    case windows1252 = "windows-1252"
}
