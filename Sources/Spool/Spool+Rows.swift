internal import Database
internal import Model

/// A commit's rows.
extension Spool {
    // Returns how many scans each lane was given, by the lane's row.
    func store(_ change: SpoolChange, _ blocks: ((Int) -> WireBlock)?) throws(DatabaseError) -> [Int64: Int64] {
        var counts: [Int64: Int64] = [:]
        let insert = try connection.statement("INSERT INTO scan(n, lane, wire) VALUES (?, ?, ?)")
        func store(_ append: SpoolChange.Append, _ wire: UnsafeBufferPointer<UInt8>) throws(DatabaseError) {
            guard let row = append.row ?? lanes[append.lane]?.id else { return }
            insert.bind(1, append.n)
            insert.bind(2, row)
            try insert.run(3, wire)
            counts[row, default: 0] += 1
        }
        if let blocks {
            var (next, index) = (0, 0)
            while next < change.appends.count {
                let block = blocks(index)
                index += 1
                precondition(
                    !block.ends.isEmpty && block.ends.count <= change.appends.count - next,
                    "blocks that are not those of the change's scans")
                try block.bytes.withUnsafeBufferPointer { bytes throws(DatabaseError) in
                    var start = 0
                    for end in block.ends {
                        try store(change.appends[next], UnsafeBufferPointer(rebasing: bytes[start..<end]))
                        (start, next) = (end, next + 1)
                    }
                }
            }
        } else {
            for append in change.appends {
                try append.wire.withUnsafeBufferPointer { wire throws(DatabaseError) in try store(append, wire) }
            }
        }
        for (name, state) in change.laneStates {
            guard let lane = lanes[name] else { continue }
            try connection.run(
                "UPDATE lane SET seq = ?, appended = ?, state = ? WHERE id = ?",
                .integer(change.laneSequences[name] ?? lane.sequence),
                .integer(lane.appended + counts[lane.id, default: 0]),
                .blob(state), .integer(lane.id))
        }
        for (name, sequence) in change.deviceSequences {
            try connection.run(
                "INSERT INTO device VALUES (?, ?) ON CONFLICT(name) DO UPDATE SET seq = excluded.seq",
                .text(name.text), .integer(sequence))
        }
        return counts
    }

    func store(_ record: SettlementRecord) throws(DatabaseError) {
        // Numbers of a file that was set aside mean other scans here: a cursor moved by them would skip scans.
        guard record.log == log, let lane = lanes[record.lane] else { return }
        try connection.run(
            "INSERT INTO cursor VALUES (?, ?, ?, ?) ON CONFLICT(grp, lane) DO UPDATE SET n = excluded.n,"
                + " settled = excluded.settled WHERE excluded.n > n",
            .text(record.group.text), .integer(lane.id), .integer(record.cursor), .integer(record.settled))
        for exception in record.exceptions {
            guard let state = exception.state else {
                try connection.run(
                    "DELETE FROM exception WHERE grp = ? AND n = ?", .text(record.group.text), .integer(exception.n))
                continue
            }
            try connection.run(
                "INSERT INTO exception VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT(grp, n) DO UPDATE SET"
                    + " state = excluded.state, reason = excluded.reason, attempts = attempts + 1",
                .text(record.group.text), .integer(exception.n), .integer(lane.id), .text(state.rawValue),
                .text(exception.reason))
        }
    }

    func mark(_ change: SpoolChange) throws(DatabaseError) {
        guard let last = change.appends.last else { return }
        guard lastMark == .min || change.now.uptimeNs - lastMark > 600_000_000_000 else { return }
        try connection.run(
            "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", .integer(last.n), .integer(change.now.wallMs),
            .integer(change.now.synced ? 1 : 0))
        lastMark = change.now.uptimeNs
    }
}
