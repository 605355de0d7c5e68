internal import Model

/// Which decoder a camera's workers do without for a while, because workers were lost in it.
///
/// A printed code that ends one decoder does so in every frame that shows it: without this the whole camera is deaf for as
/// long as that bag is in view. The other decoder reads most labels. Two decoders are never left out at once: a
/// code that kills in both leaves one out after the other, and the pauses between deaths do the rest.
struct LeftOut {
    /// For how long at first; twice as long each time that it was tried again and killed again.
    static let first: Int64 = 10_000_000
    /// For how long at most, in microseconds.
    static let most: Int64 = 160_000_000
    /// How long after its return a death counts as one of the same code.
    private static let memory: Int64 = 60_000_000

    private var decoder: CodeDecoder?
    private var until: Int64 = 0
    private var span: Int64 = 0

    /// A worker was lost in a decoder; for how long that is left out, in microseconds.
    mutating func lost(in decoder: CodeDecoder, at now: Int64) -> Int64 {
        span = decoder == self.decoder && now - until < Self.memory ? min(2 * span, Self.most) : Self.first
        (self.decoder, until) = (decoder, now + span)
        return span
    }

    /// What is left out now.
    func decoder(at now: Int64) -> CodeDecoder? { now < until ? decoder : nil }
}
