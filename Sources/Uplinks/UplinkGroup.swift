public import Model

/// The uplinks that share one backend and its deduplication: a primary with its fallbacks, or one mirror.
public struct UplinkGroup: Sendable, Equatable {
    /// The group's name: that of its primary or mirror.
    public let id: GroupID
    /// The primary or mirror.
    public let first: UplinkSettings
    /// What is used while the primary cannot be reached, in the order of the configuration; none for a mirror. They
    /// speak the primary's contract.
    public let fallbacks: [UplinkSettings]

    /// A group of a primary or mirror, and its fallbacks.
    ///
    /// - Throws: `UplinkError` where the name cannot be a group's.
    public init(_ first: UplinkSettings, fallbacks: [UplinkSettings] = []) throws(UplinkError) {
        guard let id = GroupID(first.name) else {
            throw UplinkError("uplink name \(Safe.text(first.name)) is not valid", hint: "write \(GroupID.rule)")
        }
        self.id = id
        self.first = first
        self.fallbacks = fallbacks
    }

    /// All ways out of the group, the preferred one first.
    public var uplinks: [UplinkSettings] { [first] + fallbacks }
}
