import Model
import Spool

/// What a spool's file should say, in plain Swift: the model.
struct Book: Equatable {
    struct Lane: Equatable {
        /// The places of all scans that it was ever given, in order.
        var numbers: [Int64] = []
        var sequence: Int64 = 0
        var state: [UInt8] = []
    }
    struct Scan: Equatable {
        let lane: LaneID
        let wire: [UInt8]
    }
    struct Place: Equatable {
        var n: Int64 = 0
        var settled: Int64 = 0
    }
    struct Note: Equatable {
        var lane: LaneID
        var state: ExceptionState
        var reason: String
        var attempts: Int64
    }

    var log: LogID
    let groups: SpoolGroups
    var lanes: [LaneID: Lane] = [:]
    var device: Int64 = 0
    /// Those that are still kept.
    var scans: [Int64: Scan] = [:]
    var places: [GroupID: [LaneID: Place]] = [:]
    var notes: [GroupID: [Int64: Note]] = [:]

    init(log: LogID, groups: SpoolGroups) {
        self.log = log
        self.groups = groups
    }

    func applying(_ change: SpoolChange) -> Book {
        var next = self
        for append in change.appends {
            next.scans[append.n] = Scan(lane: append.lane, wire: append.wire)
            next.lanes[append.lane, default: Lane()].numbers.append(append.n)
        }
        for (lane, state) in change.laneStates { next.lanes[lane]?.state = state }
        for (lane, sequence) in change.laneSequences { next.lanes[lane]?.sequence = sequence }
        for sequence in change.deviceSequences.values { next.device = sequence }
        for record in change.settlements where record.log == log { next.apply(record) }
        return next
    }

    private mutating func apply(_ record: SettlementRecord) {
        if record.cursor > places[record.group]?[record.lane]?.n ?? -1 {
            places[record.group, default: [:]][record.lane] = Place(n: record.cursor, settled: record.settled)
        }
        for exception in record.exceptions {
            let attempts = (notes[record.group]?[exception.n]?.attempts ?? 0) + 1
            notes[record.group, default: [:]][exception.n] = exception.state.map {
                Note(lane: record.lane, state: $0, reason: exception.reason, attempts: attempts)
            }
        }
    }

    func place(_ group: GroupID, _ lane: LaneID) -> Place { places[group]?[lane] ?? Place() }

    /// Whether nobody has any business with the scan any more.
    func mayGo(_ n: Int64) -> Bool {
        guard let scan = scans[n] else { return true }
        return groups.all.allSatisfy { group in
            let state = notes[group]?[n]?.state
            return n <= place(group, scan.lane).n && (state == nil || state == .discarded)
        }
    }

    /// What differs from what the file says; nil where nothing does. Scans that may go may be missing where `mayLack`.
    func difference(from file: FileView, mayLack: Bool) -> String? {
        guard file.log == log else { return "the log is \(file.log), not \(log)" }
        let names = file.lanes.keys.sorted()
        guard names == lanes.keys.sorted() else { return "the lanes are \(names), not \(lanes.keys.sorted())" }
        for (group, entries) in file.entries {
            var missing = Set(scans.keys)
            for entry in entries {
                let (n, what) = (entry.scan.n, "\(group): scan \(entry.scan.n)")
                guard let scan = scans[n] else { return "\(what) is there, and was never stored, or removed" }
                missing.remove(n)
                if entry.lane != scan.lane.text || entry.scan.wire != scan.wire { return "\(what) is another's" }
                let note = notes[group]?[n]
                if entry.exception != note?.state || entry.reason != note?.reason ?? ""
                    || entry.attempts != note?.attempts ?? 0
                {
                    return "\(what) is \(String(describing: entry)), not \(String(describing: note))"
                }
                if entry.isSettled != (n <= place(group, scan.lane).n) { return "\(what): settled \(entry.isSettled)" }
            }
            if let lost = missing.sorted().first(where: { !mayLack || !mayGo($0) }) {
                return "\(group): scan \(lost) is gone, of \(missing.sorted())"
            }
        }
        for (lane, found) in file.lanes {
            guard let known = lanes[lane] else { return "\(lane) is unknown" }
            if found.appended != known.numbers.count {
                return "\(lane) has \(found.appended) of \(known.numbers.count)"
            }
            if let sequence = found.sequence, sequence != known.sequence {
                return "\(lane): number \(sequence), not \(known.sequence)"
            }
            if let state = found.state, state != known.state { return "\(lane): its state is another's" }
            for (group, place) in found.places where place != self.place(group, lane) {
                return "\(lane), \(group): the cursor is \(place), not \(self.place(group, lane))"
            }
        }
        return nil
    }
}

/// What the spool's public functions say of its file.
struct FileView: Sendable {
    struct Lane: Sendable {
        var appended: Int
        var places: [GroupID: Book.Place] = [:]
        // Of the writer; nil while it is closed.
        var sequence: Int64?
        var state: [UInt8]?
    }
    var log: LogID
    var entries: [GroupID: [SpoolReader.Entry]] = [:]
    var lanes: [LaneID: Lane] = [:]

    init(_ reader: SpoolReader, groups: [GroupID]) throws {
        log = try reader.log()
        for group in groups {
            entries[group] = try reader.all(group: group, after: 0, limit: 10_000)
            for row in try reader.cursors(of: group) {
                lanes[row.lane, default: Lane(appended: Int(row.appended))].places[group] = .init(
                    n: row.n, settled: row.settled)
            }
        }
    }
}

extension Book.Place: Sendable {}
