public import Model

/// All that one commit changes: scans and the states they move, verdicts that came in since, nothing in between.
public struct SpoolChange: Sendable {
    /// One scan to store.
    public struct Append: Sendable {
        /// Its place, from `Spool.nextNumber`.
        public let n: Int64
        /// Its lane.
        public let lane: LaneID
        /// The lane's row, as `Spool.prepare` gave it; nil to have it looked up.
        public let row: Int64?
        /// Its JSON object as it will be sent; empty where the commit is given blocks.
        public let wire: [UInt8]

        /// All parts.
        public init(n: Int64, lane: LaneID, row: Int64? = nil, wire: [UInt8] = []) {
            self.n = n
            self.lane = lane
            self.row = row
            self.wire = wire
        }
    }

    /// The scans, in order of capture.
    public var appends: [Append] = []
    /// The gate's state of each lane that the scans moved.
    public var laneStates: [LaneID: [UInt8]] = [:]
    /// The last sequence number of each lane that has a new one.
    public var laneSequences: [LaneID: Int64] = [:]
    /// The last sequence number of each device that has a new one.
    public var deviceSequences: [DeviceID: Int64] = [:]
    /// Lanes that go over to another primary now (`Spool.planCutover`), with the last scan that is still the old one's.
    public var cutovers: [LaneID: Int64] = [:]
    /// What uplinks learned.
    public var settlements: [SettlementRecord] = []
    /// The clocks, for the table that answers how old a scan is.
    public var now: Moment

    /// A change that changes nothing.
    public init(now: Moment) { self.now = now }

    /// Whether a commit would change anything.
    public var isEmpty: Bool { appends.isEmpty && laneStates.isEmpty && settlements.isEmpty && cutovers.isEmpty }
}

/// The JSON objects of some scans, one behind the other.
public struct WireBlock: Sendable {
    /// All of them.
    public var bytes: [UInt8] = []
    /// Where each ends.
    public var ends: [Int] = []

    /// None.
    public init() {}
}

/// What one settlement makes of a lane's rows for a group.
public struct SettlementRecord: Sendable, Equatable {
    /// A scan that leaves the ordinary way.
    public struct Exception: Sendable, Equatable {
        /// Why a scan is held from the start: no backend gets it before a person has looked.
        public static let unknownLabel = "no label rule knows it ([lane] other = \"hold\")"

        /// The scan.
        public var n: Int64
        /// What it becomes; nil removes the exception (accepted after all).
        public var state: ExceptionState?
        /// Why, for people.
        public var reason: String

        /// All parts.
        public init(n: Int64, state: ExceptionState?, reason: String) {
            self.n = n
            self.state = state
            self.reason = reason
        }
    }

    /// The spool file that the numbers belong to: a record for another file is not stored.
    public var log: LogID
    /// The group.
    public var group: GroupID
    /// The lane.
    public var lane: LaneID
    /// Where the cursor stands now.
    public var cursor: Int64
    /// Scans of the lane at or before the cursor.
    public var settled: Int64
    /// The few.
    public var exceptions: [Exception]

    /// All parts.
    public init(
        log: LogID, group: GroupID, lane: LaneID, cursor: Int64, settled: Int64, exceptions: [Exception]
    ) {
        self.log = log
        self.group = group
        self.lane = lane
        self.cursor = cursor
        self.settled = settled
        self.exceptions = exceptions
    }
}

/// What became of a scan that left the ordinary way.
public enum ExceptionState: String, Sendable, CaseIterable {
    /// Judged no, for good.
    case rejected
    /// Nobody can say; a person must look.
    case held
    /// Sent back by a person; waits again.
    case requeued
    /// Given up by a person.
    case discarded
}
