internal import Database
public import Model

/// Which scans are which primary's. A lane is one primary's as a whole until it is cut over to another: from then on
/// the old one has the lane's scans up to a watermark, always the end of a bag, and the new one those behind it.
public struct Assignments: Sendable, Equatable {
    /// What a group has of a lane.
    public struct Share: Sendable, Equatable {
        /// The last scan that is the group's; nil where all that come are.
        public var until: Int64?
        /// Scans of the lane up to there; meaningless where that is nil.
        public var total: Int64 = 0
    }

    /// A lane on its way from one primary to another: it moves with its next bag.
    public struct Cutover: Sendable, Equatable {
        /// Who has it now.
        public let source: GroupID
        /// Who gets it.
        public let target: GroupID
    }

    /// The configured groups.
    public let groups: SpoolGroups
    /// Who gets the lanes of which nothing is written; nil means the first primary.
    public internal(set) var main: GroupID?
    /// From whom the lanes to come were cut over to `main`; nil where they were not.
    public internal(set) var mainBefore: GroupID?
    /// The lanes that have ever been cut over.
    public internal(set) var lanes: [LaneID: [GroupID: Share]] = [:]
    /// Lanes that move with their next bag.
    public internal(set) var cutovers: [LaneID: Cutover] = [:]

    /// Nothing is written.
    public init(_ groups: SpoolGroups) { self.groups = groups }

    /// What the group has of a lane; nil where that is nothing.
    public func share(of group: GroupID, in lane: LaneID) -> Share? {
        // A spool without primaries keeps its scans for whoever comes.
        if groups.primaries.isEmpty || groups.mirrors.contains(group) { return Share() }
        if !lanes.isEmpty, let shares = lanes[lane] { return shares[group] }
        return group == mainGroup ? Share() : nil
    }

    /// Who gets what the lane scans now; nil where there is no primary.
    public func receiver(of lane: LaneID) -> GroupID? {
        guard let shares = lanes[lane] else { return mainGroup }
        return shares.first { $0.value.until == nil }?.key
    }

    /// The part of a lane that stayed with `source` when `target`, who has the lane now, got it; nil where the lane did
    /// not go from one to the other.
    public func part(of source: GroupID, in lane: LaneID, takenBy target: GroupID) -> Share? {
        guard source != target, receiver(of: lane) == target else { return nil }
        if let shares = lanes[lane] { return shares[source] }
        // It scanned for the first time after all lanes were cut over.
        return mainBefore == source ? Share(until: 0, total: 0) : nil
    }

    /// Who gets the lanes of which nothing is written.
    public var mainGroup: GroupID? {
        if let main, groups.primaries.contains(main) { return main }
        return groups.primaries.first
    }

    static func load(_ connection: Connection, _ groups: SpoolGroups) throws(DatabaseError) -> Assignments {
        var result = Assignments(groups)
        result.main = try connection.first("SELECT value FROM meta WHERE key = 'primary'") { $0.text(0) }
            .flatMap(GroupID.init)
        result.mainBefore = try connection.first("SELECT value FROM meta WHERE key = 'primary_before'") { $0.text(0) }
            .flatMap(GroupID.init)
        let shares = try connection.rows(
            "SELECT l.name, a.grp, a.until, a.total FROM assignment a JOIN lane l ON l.id = a.lane"
        ) { ($0.text(0), $0.text(1), Share(until: $0.isNull(2) ? nil : $0.integer(2), total: $0.integer(3))) }
        for (lane, group, share) in shares {
            guard let lane = LaneID(lane), let group = GroupID(group) else { continue }
            result.lanes[lane, default: [:]][group] = share
        }
        let cutovers = try connection.rows(
            "SELECT l.name, c.source, c.target FROM cutover c JOIN lane l ON l.id = c.lane"
        ) { ($0.text(0), $0.text(1), $0.text(2)) }
        for (lane, source, target) in cutovers {
            guard let lane = LaneID(lane), let source = GroupID(source), let target = GroupID(target) else { continue }
            result.cutovers[lane] = Cutover(source: source, target: target)
        }
        return result
    }
}

/// Where a group begins, or goes on, with a lane after a cutover: news for the reading side.
public struct CursorMove: Sendable, Equatable {
    /// The group.
    public let group: GroupID
    /// The lane.
    public let lane: LaneID
    /// Every scan of the lane up to here is none of the group's business any more.
    public let n: Int64
    /// Scans of the lane up to there.
    public let settled: Int64
    /// Scans behind it that are there no more.
    public var gone: Int64 = 0
}
