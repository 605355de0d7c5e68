public import Model
internal import Posix
internal import Synchronization

/// Where settlements become durable: the spool's writer.
public protocol SettlementSink: Sendable {
    /// Stores a record: with the next commit or within 250 ms, or, where `durable`, before it returns. After an error
    /// the record is kept and tried again with the next commit.
    func settle(_ record: SettlementRecord, durable: Bool) async throws
}

/// The spool as uplinks and admins see it: hands out what waits, keeps the cursors, passes verdicts to the writer.
///
/// An actor on a thread of its own, since its reads block. Bounds: per (group, lane) it holds the numbers of one batch;
/// bytes are read when asked for and not kept.
public actor SpoolLog: ScanLog {
    /// The thread that reads.
    private let executor: ThreadExecutor
    private let directory: String
    private let sink: any SettlementSink
    private let groups: SpoolGroups
    private var reader: SpoolReader
    private var log: LogID
    private var cursors: [GroupID: [LaneID: LaneCursor]] = [:]
    private var requeued: [GroupID: [LaneID: [Int64]]] = [:]
    private let totals: Totals

    /// Runs on the reading thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Opens the spool's file for reading; the writer has made it and registered the groups.
    public init(directory: String, groups: SpoolGroups, sink: any SettlementSink) throws(SpoolError) {
        self.directory = directory
        self.groups = groups
        self.sink = sink
        executor = ThreadExecutor(name: "spool-read")
        do {
            let reader = try SpoolReader(directory: directory, groups: groups)
            let state = try Self.load(reader, groups)
            self.reader = reader
            log = try reader.log()
            (cursors, requeued) = (state.cursors, state.requeued)
            totals = Totals(state.totals)
        } catch {
            executor.stop()
            throw error
        }
    }

    /// Closes the file and ends the thread.
    public func close() {
        reader.close()
        executor.stop()
    }

    /// Starts over on the file that is there now, after the writer had to set a damaged one aside.
    public func reopen() throws(SpoolError) {
        // The old one stays in use where the new one cannot be read yet.
        let next = try SpoolReader(directory: directory, groups: groups)
        let state = try Self.load(next, groups)
        log = try next.log()
        reader.close()
        reader = next
        (cursors, requeued) = (state.cursors, state.requeued)
        totals.set(state.totals)
    }

    /// Called by the writer after each commit: how many scans each lane has been given in all. Any thread.
    public nonisolated func noteAppended(_ appended: [LaneID: Int64]) {
        totals.change { $0.appended.merge(appended) { $1 } }
    }

    /// Called by the writer after a commit with scans that are held from the start. Any thread.
    public nonisolated func noteHeld(_ count: Int, _ group: GroupID) {
        totals.change { $0.count(.held, group, by: Int64(count)) }
    }

    /// Called by the writer before a commit that gives lanes to another primary, and after it where it failed: the old
    /// one must not read what is the new one's. Any thread.
    public nonisolated func note(_ assignments: Assignments, _ moves: [CursorMove]) {
        totals.change {
            $0.assignments = assignments
            $0.moves += moves
        }
    }

    /// Called by the writer: whether the file is near its bound, so that mirrors have to give up what waits for them.
    /// Any thread.
    public nonisolated func notePressure(_ isPressed: Bool) {
        totals.change { $0.isPressed = isPressed }
    }

    /// Scans that wait, are rejected or held, for their primaries. Any thread.
    public nonisolated var unjudged: Int64 { totals.unjudged }

    /// The group's scans by state. Any thread.
    public nonisolated func counts(of group: GroupID) -> SpoolCounts {
        totals.counts(of: group)
    }

    /// Those of the lanes of which the group has anything to do. Any thread.
    public nonisolated func lanes(of group: GroupID, among lanes: [LaneID]) -> [LaneID] {
        totals.lanes(of: group, among: lanes)
    }

    /// See `ScanLog`.
    public func lanesWaiting(for group: GroupID) async throws -> [LaneID: Int] {
        applyMoves()
        var waiting: [LaneID: Int] = [:]
        let totals = totals.value
        for lane in totals.appended.keys {
            let count = totals.open(group, lane) + Int64(sentBackBehind(group, lane).count)
            if count > 0 { waiting[lane] = Int(count) }
        }
        return waiting
    }

    /// See `ScanLog`.
    public func skipOldest(for group: GroupID, keeping limit: Int) async throws -> Int {
        applyMoves()
        let totals = totals.value
        let limit = totals.isPressed ? 0 : Int64(limit)
        let waiting = totals.waiting(group)
        guard waiting > limit else { return 0 }
        // A sixteenth more than needed, so that it is not done for each scan.
        let excess = min(waiting, waiting - limit + limit / 16)
        var skipped: Int64 = 0
        for lane in totals.appended.keys.sorted() {
            let open = totals.open(group, lane)
            let count = open * excess / waiting + (open * excess % waiting == 0 ? 0 : 1)
            var cursor = cursors[group]?[lane] ?? LaneCursor(n: 0, settled: 0)
            guard count > 0, let last = try reader.number(of: lane, after: cursor.n, count: count) else { continue }
            cursor.skip(to: last, count: count)
            cursors[group, default: [:]][lane] = cursor
            publishSettled(group, lane)
            skipped += count
            try await sink.settle(
                SettlementRecord(
                    log: log, group: group, lane: lane, cursor: cursor.n, settled: cursor.settled, exceptions: []),
                durable: false)
        }
        return Int(skipped)
    }

    /// See `ScanLog`.
    public func waiting(for group: GroupID, lane: LaneID, maxScans: Int, maxBytes: Int) async throws -> [StoredScan] {
        let assignments = applyMoves()
        // Those before the cursor have lost their place; those behind it keep it, and come in order.
        let sentBack = sentBackBehind(group, lane)
        if !sentBack.isEmpty { return Self.cut(try reader.scans(Array(sentBack.prefix(maxScans))), maxBytes) }
        guard let share = assignments.share(of: group, in: lane) else { return [] }
        let last = share.until ?? .max
        var cursor = cursors[group]?[lane] ?? LaneCursor(n: 0, settled: 0)
        // Those of a lane that was taken back are the other's now.
        var out = try reader.scans(Array(cursor.unsettled.prefix { $0 <= last }.prefix(maxScans)))
        var bytes = out.reduce(0) { $0 + $1.wire.count + 1 }
        reading: while out.count < maxScans && bytes < maxBytes {
            let asked = maxScans - out.count
            let found = try reader.scans(
                of: lane, after: cursor.lastHandedOut, upTo: last, group: group, limit: asked)
            for (scan, isSettled) in found {
                if !isSettled {
                    guard out.isEmpty || bytes + scan.wire.count < maxBytes else { break reading }
                    bytes += scan.wire.count + 1
                    out.append(scan)
                }
                cursor.handOut(scan.n, isSettled: isSettled)
            }
            if found.count < asked { break }
        }
        cursors[group, default: [:]][lane] = cursor
        publishSettled(group, lane)
        return Self.cut(out, maxBytes)
    }

    /// See `ScanLog`.
    public func areWaiting(_ numbers: [Int64], for group: GroupID, lane: LaneID) async -> Bool {
        let last = applyMoves().share(of: group, in: lane).map { $0.until ?? .max } ?? 0
        let open = Set((cursors[group]?[lane]?.unsettled ?? []).prefix { $0 <= last })
        return open.union(requeued[group]?[lane] ?? []).isSuperset(of: numbers)
    }

    /// See `ScanLog`.
    public func settle(
        group: GroupID, lane: LaneID, _ outcomes: [(n: Int64, settlement: Settlement)], durable: Bool
    ) async throws {
        applyMoves()
        var cursor = cursors[group]?[lane] ?? LaneCursor(n: 0, settled: 0)
        let sentBack = Set(requeued[group]?[lane] ?? [])
        // What was not handed out of this file is of one that was set aside while the answer was under way.
        let known = sentBack.union(cursor.unsettled)
        let outcomes = outcomes.filter { known.contains($0.n) }
        var exceptions: [SettlementRecord.Exception] = []
        for (n, settlement) in outcomes {
            switch settlement {
            case .done: if sentBack.contains(n) { exceptions.append(.init(n: n, state: nil, reason: "")) }
            case .rejected(let reason): exceptions.append(.init(n: n, state: .rejected, reason: reason))
            case .held(let reason): exceptions.append(.init(n: n, state: .held, reason: reason))
            }
        }
        let settled = Set(outcomes.map(\.n))
        cursor.settle(settled)
        cursors[group, default: [:]][lane] = cursor
        if !sentBack.isEmpty { requeued[group]?[lane]?.removeAll(where: settled.contains) }
        totals.change { totals in
            for state in exceptions.compactMap(\.state) { totals.count(state, group, by: 1) }
        }
        publishSettled(group, lane)
        let record = SettlementRecord(
            log: log, group: group, lane: lane, cursor: cursor.n, settled: cursor.settled, exceptions: exceptions)
        try await sink.settle(record, durable: durable)
    }

    /// Sends rejected or held scans to the backend again, or gives them up, for good. Durable when it returns.
    ///
    /// - Returns: the scans that were in one of the states of `from`, and are now in `to`.
    public func move(_ numbers: [Int64], from: Set<ExceptionState>, to: ExceptionState, group: GroupID, reason: String)
        async throws -> [SpoolReader.Entry]
    {
        let moved = try numbers.compactMap { try reader.entry($0, group: group) }
            .filter { $0.exception.map(from.contains) ?? false }
        for entry in moved {
            guard let lane = LaneID(entry.lane), let old = entry.exception else { continue }
            let cursor = cursors[group]?[lane] ?? LaneCursor(n: 0, settled: 0)
            let record = SettlementRecord(
                log: log, group: group, lane: lane, cursor: cursor.n, settled: cursor.settled,
                exceptions: [.init(n: entry.scan.n, state: to, reason: reason.isEmpty ? entry.reason : reason)])
            // Before the commit, and whatever becomes of it: a record that cannot be stored now goes with the next one.
            if to == .requeued {
                requeued[group, default: [:]][lane, default: []].append(entry.scan.n)
                _ = cursors[group]?[lane]?.reopen(entry.scan.n)
            }
            totals.change {
                $0.count(old, group, by: -1)
                if to != .requeued { $0.count(to, group, by: 1) }
            }
            publishSettled(group, lane)
            try await sink.settle(record, durable: true)
        }
        return moved
    }

    /// Reads with the spool's reader, for lists and searches.
    public func read<T: Sendable>(_ body: @Sendable (SpoolReader) throws -> T) async throws -> T { try body(reader) }

    /// Folds the WAL into the file beside the commits that go on; true where little is left, so that the writer's own
    /// short checkpoint can start the WAL over.
    public func checkpoint() throws(SpoolError) -> Bool {
        let (frames, done) = try reader.checkpoint()
        return frames - done < 256
    }

    private func publishSettled(_ group: GroupID, _ lane: LaneID) {
        let settled = cursors[group]?[lane]?.settledInAll ?? 0
        let sentBack = (requeued[group] ?? [:]).keys.reduce(0) { $0 + sentBackBehind(group, $1).count }
        totals.change {
            $0.settled[group, default: [:]][lane] = settled
            $0.exceptions[group, default: [:]][.requeued] = Int64(sentBack)
        }
    }

    // What cutovers have made of the cursors since the last look, and the assignments that go with those cursors: of any
    // later ones the moves would be missing.
    @discardableResult
    private func applyMoves() -> Assignments {
        let (assignments, moves) = totals.takeMoves()
        for move in moves {
            var cursor = cursors[move.group]?[move.lane] ?? LaneCursor(n: 0, settled: 0)
            if move.n > cursor.n { cursor = LaneCursor(n: move.n, settled: move.settled) }
            cursor.forget(move.gone)
            cursors[move.group, default: [:]][move.lane] = cursor
            publishSettled(move.group, move.lane)
        }
        return assignments
    }

    /// Scans that a person sent back and that the cursor is past.
    private func sentBackBehind(_ group: GroupID, _ lane: LaneID) -> [Int64] {
        guard let numbers = requeued[group]?[lane], !numbers.isEmpty else { return [] }
        let place = cursors[group]?[lane]?.n ?? 0
        return numbers.filter { $0 <= place }
    }

    private static func cut(_ scans: [StoredScan], _ maxBytes: Int) -> [StoredScan] {
        var bytes = 0
        return Array(
            scans.prefix { scan in
                bytes += scan.wire.count + 1
                return bytes <= maxBytes || bytes == scan.wire.count + 1
            })
    }

    private struct Loaded {
        var cursors: [GroupID: [LaneID: LaneCursor]] = [:]
        var requeued: [GroupID: [LaneID: [Int64]]] = [:]
        var totals: SpoolTotals
    }

    private static func load(_ reader: SpoolReader, _ groups: SpoolGroups) throws(SpoolError) -> Loaded {
        var loaded = Loaded(totals: SpoolTotals(assignments: try reader.assignments()))
        // Without any group the lanes still count: their scans wait for the first uplink there will be.
        for group in groups.all.isEmpty ? [GroupID("none")].compactMap({ $0 }) : groups.all {
            for row in try reader.cursors(of: group) {
                loaded.totals.appended[row.lane] = row.appended
                loaded.totals.settled[group, default: [:]][row.lane] = row.settled
                loaded.cursors[group, default: [:]][row.lane] = LaneCursor(n: row.n, settled: row.settled)
            }
            loaded.totals.exceptions[group] = try reader.exceptionCounts(of: group)
            let sentBack = try reader.requeued(for: group)
            loaded.requeued[group] = sentBack
            // Those behind the cursor are counted as not settled already.
            loaded.totals.exceptions[group, default: [:]][.requeued] = sentBack.reduce(0) { sum, lane in
                let place = loaded.cursors[group]?[lane.key]?.n ?? 0
                return sum + Int64(lane.value.count { $0 <= place })
            }
        }
        return loaded
    }
}

/// A group's scans by state.
public struct SpoolCounts: Sendable, Equatable {
    /// Not yet judged.
    public var waiting: Int64
    /// Judged no, for good.
    public var rejected: Int64
    /// A person must look.
    public var held: Int64

    /// All three.
    public init(waiting: Int64 = 0, rejected: Int64 = 0, held: Int64 = 0) {
        self.waiting = waiting
        self.rejected = rejected
        self.held = held
    }
}
