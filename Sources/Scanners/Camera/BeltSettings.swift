/// What `device add` takes for a camera about which labels count: the same over a belt, at a table and at a gate.
public struct BeltSettings: Sendable, Equatable {
    /// Which way a label has to travel through the picture to count.
    public enum Direction: String, Sendable, CaseIterable {
        /// Labels count wherever they are, also at rest.
        case any
        case leftToRight = "left-to-right"
        case rightToLeft = "right-to-left"
        case topToBottom = "top-to-bottom"
        case bottomToTop = "bottom-to-top"
    }

    /// How many frames of one passage must agree on a label before it counts: 1, or 2 where labels are misread.
    public var agree = 1
    /// How long a label must be out of sight before it counts again.
    public var againAfter: Duration = .milliseconds(1500)
    /// Which way labels have to travel.
    public var direction: Direction = .any
    /// Whether an object that passes without a label is told.
    public var tellsNoRead = false
    /// Whether the best frame of such a passage is kept for people.
    public var keepsFrames = false

    /// Everything has its default.
    public init() {}

    /// What is wrong with an option, and what to write.
    public typealias Mistake = ScannerOptionMistake

    /// Reads the options as the registry keeps them.
    public init(options: [String: String]) throws(Mistake) {
        let reader = OptionReader(options: options)
        agree = try reader.number("agree", in: 1...2, agree)
        againAfter = .milliseconds(try reader.number("again_after_ms", in: 100...600_000, 1500))
        direction = try reader.choice("direction", direction)
        tellsNoRead = try reader.flag("no_read")
        keepsFrames = try reader.flag("keep_frames")
        if keepsFrames && !tellsNoRead {
            throw reader.mistake("keep_frames", "only frames of a no-read are kept; add --no-read")
        }
    }
}
