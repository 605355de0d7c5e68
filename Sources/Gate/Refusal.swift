internal import Model

/// Why a scan is not taken: a code for programs and counters, a text for a worker with gloves.
public struct Refusal: Error, Sendable, Equatable {
    /// The reasons, as logs, metrics and `--json` name them; stable.
    public enum Code: String, Sendable, CaseIterable {
        /// A rule of role `refuse` matched.
        case labelRefused = "label_refused"
        /// No rule knows the label, and the lane's `other` is `refuse`.
        case unknownLabel = "unknown_label"
        /// A rule matched, but nothing usable is left of the label.
        case emptyLabel = "empty_label"
        /// More bytes than any label has.
        case labelTooLong = "label_too_long"
        /// Two labels came as one.
        case twoLabels = "two_labels"
        /// A bag label that is not plain ASCII after its rule.
        case badParent = "bad_parent"
        /// A rule's expression gave up on the label.
        case labelTooHard = "label_too_hard"
        /// A child without a bag.
        case noParent = "no_parent"
        /// A child more than the bag takes.
        case bagFull = "bag_full"
        /// The device's roles do not include the label's.
        case wrongRole = "wrong_role"
    }

    /// Whether the label may have been a bag's: one that nobody scans again leaves the lane with the wrong bag. What a
    /// rule of role `refuse` knows may be: the shipped one is for damaged bag labels.
    public var mayBeBag: Bool {
        switch code {
        case .labelRefused, .badParent, .emptyLabel, .labelTooLong, .twoLabels, .labelTooHard: true
        case .unknownLabel, .noParent, .bagFull, .wrongRole: false
        }
    }

    /// Which reason.
    public let code: Code
    /// What the worker reads; from the configuration or from this module, never from a label.
    public let text: String

    /// Both parts.
    public init(_ code: Code, _ text: String) {
        self.code = code
        self.text = text
    }

    static let empty = Refusal(.emptyLabel, "Damaged label, scan again")
    static let tooLong = Refusal(.labelTooLong, "Label too long, scan again")
    static let twoLabels = Refusal(.twoLabels, "Two labels in one read, scan again")
    static let badParent = Refusal(.badParent, "Damaged bag label, scan again")
    static let tooHard = Refusal(.labelTooHard, "Label cannot be read, call for help")
    /// No rule knows the label.
    public static let unknown = Refusal(.unknownLabel, "Unknown label, not taken")
    static let noParent = Refusal(.noParent, "Scan the bag first")
    static let bagFull = Refusal(.bagFull, "Bag is full, scan the next bag")

    static func wrongRole(_ role: ScanRole, allowed: Set<ScanRole>) -> Refusal {
        let text =
            switch role {
            case .parent where allowed.contains(.child): "This scanner is for child bags only"
            case .child where allowed.contains(.parent): "This scanner is for bag labels only"
            default: "This scanner may not scan bags"
            }
        return Refusal(.wrongRole, text)
    }
}
