import Database
import Model
import Spool
import Synchronization
import TestSupport

let groupA = makeName(GroupID.self, "tracetrack")
let laneA = makeName(LaneID.self, "table-1")
let laneB = makeName(LaneID.self, "table-2")
let scanner = makeName(DeviceID.self, "scanner-1")

func makeName<T: Name>(_ type: T.Type, _ text: String) -> T {
    guard let name = T(text) else { fatalError("\(text) is no name") }
    return name
}

func moment(_ seconds: Int64 = 0) -> Moment {
    Moment(uptimeNs: seconds * 1_000_000_000, wallMs: 1_795_233_600_000 + seconds * 1000, synced: true)
}

extension Spool {
    /// Stores labels the way the intake does: numbers handed out first, then one commit.
    ///
    /// - Parameters:
    ///   - cut: from which label on the lane is its next primary's; the reading side is told first.
    @discardableResult
    func store(
        _ labels: [String], lane: LaneID = laneA, at seconds: Int64 = 0, cut: Int? = nil,
        telling log: SpoolLog? = nil
    ) throws -> [Int64] {
        try prepare(lane)
        var change = SpoolChange(now: moment(seconds))
        for label in labels {
            let laneSequence = sequence(of: lane) + 1
            let deviceSequence = sequence(of: scanner) + 1
            handOut(lane: lane, laneSequence, device: scanner, deviceSequence)
            change.appends.append(.init(n: nextNumber(), lane: lane, wire: Array("{\"data\":\"\(label)\"}".utf8)))
            change.laneSequences[lane] = laneSequence
            change.deviceSequences[scanner] = deviceSequence
            change.laneStates[lane] = Array(label.utf8)
        }
        if let cut {
            change.cutovers[lane] = change.appends[cut].n - 1
            let next = applying(change)
            log?.note(next.assignments, next.moves)
        }
        try commit(change)
        return change.appends.map(\.n)
    }

    func settle(_ record: SettlementRecord) throws {
        var change = SpoolChange(now: moment())
        change.settlements = [record]
        try commit(change)
    }
}

/// The writer as `SpoolLog` sees it, over a real spool.
actor Writer: SettlementSink {
    private let spool: Spool
    private let directory: String
    private(set) var records: [SettlementRecord] = []

    init(directory: String, groups: SpoolGroups = SpoolGroups([groupA])) throws {
        self.directory = directory
        spool = try Spool(directory: directory, limits: SpoolLimits())
        try spool.use(groups)
    }

    func settle(_ record: SettlementRecord, durable: Bool) async throws {
        records.append(record)
        try spool.settle(record)
    }

    func store(_ labels: [String], lane: LaneID = laneA, cut: Int? = nil, telling log: SpoolLog? = nil) throws
        -> [Int64]
    {
        try spool.store(labels, lane: lane, cut: cut, telling: log)
    }
    var log: LogID { spool.log }
    var appended: [LaneID: Int64] { spool.lanes.mapValues(\.appended) }
    func withSpool<T>(_ body: (Spool, String) throws -> T) rethrows -> T { try body(spool, directory) }
    func prune() throws -> Int { try spool.prune(olderThan: nil, atMost: 1000) }
    func close() { spool.close() }
}

/// A writer and a log over one directory.
func withLog(_ body: (Writer, SpoolLog, String) async throws -> Void) async throws {
    try await withTemporaryDirectory { directory in
        let writer = try Writer(directory: directory)
        let log = try SpoolLog(directory: directory, groups: SpoolGroups([groupA]), sink: writer)
        try await body(writer, log, directory)
        await log.close()
        await writer.close()
    }
}

func labels(_ scans: [StoredScan]) -> [String] { scans.map { String(decoding: $0.wire, as: UTF8.self) } }
func wire(_ label: String) -> String { "{\"data\":\"\(label)\"}" }
