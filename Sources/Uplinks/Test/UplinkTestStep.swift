/// One step of `scangate uplink test`: what was tried, and what came of it.
public struct UplinkTestStep: Sendable, Equatable {
    /// How it went.
    public enum Outcome: String, Sendable {
        case ok
        /// Scans cannot go this way before it is mended.
        case failed
        /// Not tried, because something before it failed, or because it does not apply.
        case skipped
    }

    /// What was tried: `address`, `connection`, `clock`, `credentials`, …
    public let name: String
    /// How it went.
    public let outcome: Outcome
    /// What was seen, and where it failed how to mend it.
    public let text: String

    /// All parts.
    public init(_ name: String, _ outcome: Outcome, _ text: String) {
        self.name = name
        self.outcome = outcome
        self.text = text
    }
}

/// The steps of one test, in order; what comes after a failed one is skipped.
struct UplinkTest {
    private(set) var steps: [UplinkTestStep] = []

    var hasFailed: Bool { steps.contains { $0.outcome == .failed } }

    mutating func passed(_ name: String, _ text: String) { steps.append(UplinkTestStep(name, .ok, text)) }

    mutating func failed(_ name: String, _ text: String) { steps.append(UplinkTestStep(name, .failed, text)) }

    mutating func skip(_ name: String, _ why: String) { steps.append(UplinkTestStep(name, .skipped, why)) }
}
