public import Model

/// What a camera's workers do without for a while.
public enum Omission: Sendable, Hashable, CustomStringConvertible {
    /// One of the two decoders.
    case decoder(CodeDecoder)
    /// What lies in the picture and does not change: both decoders look at the rest.
    case background

    /// A word for it: `zbar`, `background`.
    public var description: String {
        switch self {
        case .decoder(let decoder): "\(decoder)"
        case .background: "background"
        }
    }
}

/// What a camera's workers do without for a while, because workers were lost.
///
/// A printed code that ends one decoder does so in every frame that shows it: without this the whole camera is deaf for as
/// long as that bag is in view. The other decoder reads most labels. Where a worker is lost in that one too, no decoder may
/// see the code, and where it lies nobody knows: the whole picture is left out until it changes.
struct LeftOut {
    /// For how long at first; twice as long each time that it was tried again and killed again.
    static let first: Int64 = 10_000_000
    /// For how long at most, in microseconds.
    static let most: Int64 = 160_000_000
    /// How long after its return a death counts as one of the same code.
    private static let memory: Int64 = 60_000_000

    private var spans: [Omission: (until: Int64, span: Int64)] = [:]
    private var last: Omission?

    /// A worker was lost in a decoder; what is left out for that, and for how long, in microseconds.
    ///
    /// - Parameter isHang: it took too long, as on a machine without time for it, where both do so at any picture: then a
    ///   label that lies there must not become background.
    mutating func lost(
        in decoder: CodeDecoder, at now: Int64, isHang: Bool = false
    ) -> (omission: Omission, span: Int64) {
        let omission: Omission =
            switch self.omission(at: now) {
            case nil, .decoder(decoder)?: .decoder(decoder)
            // In the other one, or in what has changed in the picture: that is background then, too.
            case .decoder?: isHang ? .decoder(decoder) : .background
            case .background?: .background
            }
        let before = spans[omission]
        let isAgain = before.map { now - $0.until < Self.memory } ?? false
        let span = isAgain ? min(2 * (before?.span ?? 0), Self.most) : Self.first
        spans[omission] = (now + span, span)
        last = omission
        return (omission, span)
    }

    /// What is left out now.
    func omission(at now: Int64) -> Omission? {
        last.flatMap { omission in spans[omission].flatMap { now < $0.until ? omission : nil } }
    }
}
