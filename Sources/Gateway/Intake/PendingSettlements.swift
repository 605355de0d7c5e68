internal import Model
internal import Spool

/// Verdicts that have not been committed yet, one record a (file, group, lane): a later cursor replaces an earlier one,
/// exceptions add up. Bounded by the batches under way, since a lane's next batch waits for nothing but memory.
struct PendingSettlements {
    private struct Key: Hashable {
        // A cursor of a file that was set aside must not become one of the new file.
        let log: LogID
        let group: GroupID
        let lane: LaneID
    }

    private var records: [Key: SettlementRecord] = [:]

    var isEmpty: Bool { records.isEmpty }

    mutating func add(_ record: SettlementRecord) {
        let key = Key(log: record.log, group: record.group, lane: record.lane)
        guard var merged = records[key] else { return records[key] = record }
        if record.cursor >= merged.cursor { (merged.cursor, merged.settled) = (record.cursor, record.settled) }
        merged.exceptions += record.exceptions
        records[key] = merged
    }

    mutating func take() -> [SettlementRecord] {
        defer { records.removeAll() }
        return Array(records.values)
    }

    /// After a commit that failed: what has come since is later.
    mutating func putBack(_ taken: [SettlementRecord]) {
        let since = records.values
        records.removeAll()
        for record in taken { add(record) }
        for record in since { add(record) }
    }
}
