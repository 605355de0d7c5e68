/// `[lane]` of the configuration, with what `[lanes.NAME]` overrides: how a lane judges its scans.
public struct LaneSettings: Sendable, Equatable {
    /// What becomes of a label that no rule knows.
    public enum Other: String, Sendable, CaseIterable {
        /// Refused with an error signal; nothing is stored.
        case refuse
        /// Stored and held: a person must look.
        case hold
        /// Stored and sent as role `other`.
        case forward
    }

    /// What happens when a new bag is scanned before the current one is full.
    public enum ShortBag: String, Sendable, CaseIterable {
        /// A warning; scanned again, the bag is left.
        case confirm
        /// The bag is left at once.
        case allow
    }

    /// Within this time the same label again is the same scan. 0 to 60 s.
    public var debounce: Duration = .milliseconds(1500)
    /// Children of a full bag: 1 to 1000.
    public var childrenPerParent = 30
    /// After this long without a scan the lane asks for the bag again. 1 s to 7 d.
    public var forgetParentAfter: Duration = .seconds(20 * 60)
    /// A new bag before the current one is full.
    public var shortBag = ShortBag.confirm
    /// A label that no rule knows.
    public var other = Other.refuse

    /// The defaults.
    public init() {}
}
