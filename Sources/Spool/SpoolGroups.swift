public import Model

/// The configured groups, as the spool has to know them.
public struct SpoolGroups: Sendable, Equatable {
    /// Each with a backend of its own; every scan is one primary's, the first one's unless a cutover says otherwise.
    public let primaries: [GroupID]
    /// Each gets every scan, as a copy.
    public let mirrors: [GroupID]

    /// In the order of the configuration.
    public init(_ primaries: [GroupID] = [], mirrors: [GroupID] = []) {
        self.primaries = primaries
        self.mirrors = mirrors
    }

    /// All of them.
    public var all: [GroupID] { primaries + mirrors }
}
