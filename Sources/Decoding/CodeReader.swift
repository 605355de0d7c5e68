public import Imaging
public import Model

/// Reads the codes of pictures: frames of a camera, or files. One thread.
public struct CodeReader: ~Copyable {
    /// How much time a picture is worth.
    public enum Effort: Sendable, Equatable {
        /// All passes: a picture that does not come again.
        case still
        /// A frame of a stream, by its number: the quick passes, and one of the others in turn.
        case frame(Int)
    }

    private let symbologies: Set<Symbology>

    /// A reader of some kinds of code; throws `DecodingError` where a library is missing.
    public init(symbologies: Set<Symbology> = [.qr]) throws(DecodingError) {
        self.symbologies = symbologies
        _ = try ZBarScanner()
    }

    /// Every code that is found, each once, with corners in the picture's own pixels.
    public mutating func read(_ picture: LumaView, effort: Effort) throws(DecodingError) -> [DecodedCode] {
        try ZBarScanner().scan(picture)
    }
}
