public import Model

/// One code in one frame, as the decode worker read it.
public struct Sighting: Sendable, Equatable {
    /// What the code holds, byte for byte.
    public var bytes: [UInt8]
    /// What kind of code it is.
    public var symbology: Symbology
    /// Its corners; empty where the decoder knows none, and then the label travels nowhere.
    public var corners: [PicturePoint]
    /// Which part of a longer text it is; nil for a whole one.
    public var part: CodePart?

    /// A code.
    public init(bytes: [UInt8], symbology: Symbology, corners: [PicturePoint] = [], part: CodePart? = nil) {
        (self.bytes, self.symbology) = (bytes, symbology)
        (self.corners, self.part) = (corners, part)
    }
}

/// One frame of a camera, as far as a belt's tracker needs it.
public struct BeltFrame: Sendable, Equatable {
    /// The camera's number of the frame; a gap is frames that nobody saw.
    public var number: Int
    /// When it was taken, since any fixed moment.
    public var time: Duration
    /// Pixels in a row.
    public var width: Int
    /// Rows.
    public var height: Int
    /// The codes that were read; none too where the frame was not looked at because nothing had changed.
    public var codes: [Sighting]
    /// Whether the picture differs from the frame before.
    public var changed: Bool

    /// A frame.
    public init(number: Int, time: Duration, width: Int, height: Int, codes: [Sighting], changed: Bool) {
        (self.number, self.time, self.width, self.height) = (number, time, width, height)
        (self.codes, self.changed) = (codes, changed)
    }
}

/// What a frame tells.
public enum BeltEvent: Sendable, Equatable {
    /// A label passes or is shown: once a passage.
    case scan(Sighting)
    /// A part of a longer text passes or is shown: once a passage. It is no scan; nobody joins parts by guessing.
    case part(Sighting)
    /// Something moved through and left, and no label was read on it; the first and the last frame that moved.
    case noRead(firstFrame: Int, lastFrame: Int)
}
