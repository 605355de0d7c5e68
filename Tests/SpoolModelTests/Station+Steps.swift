import CFaultyDisk
import Model
import Spool

extension Station {
    /// One random step, and a look whether the spool still says what the model says.
    func step() async throws {
        do {
            switch below(100) {
            case 0..<34: try await append()
            case 34..<60: try await deliver()
            case 60..<66: try await decide()
            case 66..<70: try await flush()
            case 70..<82: breakSomething()
            case 82..<86: try await checkpoint()
            case 86..<88: try await skip()
            case 88..<91: try await prune()
            case 91..<93: note("restart"); try await restart()
            case 93..<96: note("kill"); try await kill()
            case 96..<99: note("power cut"); try await loseThePower()
            default: note("replace"); try await replaceFile()
            }
        } catch let error as SpoolError {
            note("refused: \(error.code)")
        }
        if isDead {
            note("power cut")
            try await loseThePower()
        }
        try await look()
        try compareCounts()
    }

    private func append() async throws {
        if isFaulty { try await recover() }
        guard !isFaulty else { return }
        let log = try reading()
        spool.unjudged = log.unjudged
        mayLack = true
        do { try spool.room() } catch {
            if error.code == .full && log.unjudged >= Station.limits.maxScans { return note("full") }
            note("no room: \(error.code)")
            mayHaveRemoved = true
            if error.code == .full { return }
            isFaulty = true
            return try await recover()
        }
        if log.unjudged >= Station.limits.maxScans { throw Violation(description: "a full spool has room") }
        let lane = lanes[below(lanes.count)]
        var prepared = books[0]
        if prepared.lanes[lane] == nil { prepared.lanes[lane] = Book.Lane() }
        do { try spool.prepare(lane) } catch {
            note("prepare: \(error.code)")
            if spool.lanes[lane] == nil { books.append(prepared) }
            isFaulty = true
            return try await recover()
        }
        books = [prepared]
        var change = SpoolChange(now: Moment(uptimeNs: 0, wallMs: 0, synced: false))
        for _ in 0...below(4) { try add(to: &change, lane) }
        note("append \(change.appends.map(\.n)) to \(lane)")
        try await commit(change)
        for group in groups.all { fates[group]?.waiting.formUnion(change.appends.map(\.n)) }
    }

    private func add(to change: inout SpoolChange, _ lane: LaneID) throws {
        let (n, sequence, number) = (spool.nextNumber(), spool.sequence(of: lane) + 1, spool.sequence(of: device) + 1)
        let known = books.map { max($0.scans.keys.max() ?? 0, $0.lanes[lane]?.numbers.last ?? 0) }.max() ?? 0
        guard n > max(known, highest.n), sequence > max(books[0].lanes[lane]?.sequence ?? 0, highest.lanes[lane] ?? 0),
            number > max(books[0].device, highest.device)
        else { throw Violation(description: "a number is used again: \(n), \(sequence), \(number)") }
        highest = (n, highest.lanes.merging([lane: sequence]) { $1 }, number)
        spool.handOut(lane: lane, sequence, device: device, number)
        labels += 1
        change.appends.append(
            .init(n: n, lane: lane, wire: Array("\(labels) \(String(repeating: "x", count: below(900)))".utf8)))
        change.laneSequences[lane] = sequence
        change.deviceSequences[device] = number
        change.laneStates[lane] = Array("\(labels)".utf8)
    }

    private func deliver() async throws {
        let (log, group, lane, limit) = (
            try reading(), groups.all[below(2)], lanes[below(lanes.count)], 1 + below(6)
        )
        let batch = try await log.waiting(for: group, lane: lane, maxScans: limit, maxBytes: 1 << 20).map(\.n)
        let numbers = books[0].lanes[lane]?.numbers ?? []
        if let fault = fates[group]?.fault(in: batch, of: numbers, limit: limit) {
            throw Violation(description: "\(group), \(lane): \(fault)")
        }
        guard !batch.isEmpty else { return }
        if await !log.areWaiting(batch, for: group, lane: lane) { throw Violation(description: "\(batch) do not wait") }
        var outcomes: [(n: Int64, settlement: Settlement)] = []
        for n in batch where chance(85) {
            let isMirror = groups.mirrors.contains(group)
            switch below(8) {
            case 0 where !isMirror: outcomes.append((n, .rejected(reason: "no")))
            case 1 where !isMirror: outcomes.append((n, .held(reason: "?")))
            default: outcomes.append((n, .done))
            }
        }
        note("\(group), \(lane): \(outcomes.map { "\($0.n) \($0.settlement)" }) of \(batch)")
        for (n, settlement) in outcomes { fates[group]?.settle(n, settlement) }
        try await log.settle(group: group, lane: lane, outcomes, durable: chance(30))
    }

    /// A person sends scans back, or gives them up.
    private func decide() async throws {
        let group = groups.all[0]
        guard let fates = fates[group] else { return }
        let numbers = (fates.rejected.union(fates.held)).sorted().filter { _ in chance(50) }
        let known = numbers.filter { [.rejected, .held].contains(books[0].notes[group]?[$0]?.state) }
        let state = chance(60) ? ExceptionState.requeued : .discarded
        note("\(known) \(state)")
        for n in known {
            self.fates[group]?.move(n, to: state)
            _ = try await reading().move([n], from: [.rejected, .held], to: state, group: group, reason: "")
        }
    }

    private func flush() async throws {
        if isFaulty { try await recover() }
        guard !isFaulty else { return }
        note("flush")
        try await commit(SpoolChange(now: Moment(uptimeNs: 0, wallMs: 0, synced: false)))
    }

    private func breakSomething() {
        let kinds = [FAULTY_FULL, FAULTY_SHORT, FAULTY_WRITE, FAULTY_SYNC, FAULTY_SYNC, FAULTY_POWER]
        let kind = kinds[below(kinds.count)]
        let (after, count) = (below(12), chance(70) ? 1 + below(2) : -1)
        note("break \(kind.rawValue) after \(after), \(count) times")
        faulty_disk_break(disk, kind, Int32(after), Int32(count))
    }

    private func checkpoint() async throws {
        note("checkpoint")
        if try await reading().checkpoint(), !isFaulty { try spool.checkpoint() }
    }

    private func skip() async throws {
        let mirror = groups.mirrors[0]
        let (log, limit) = (try reading(), below(6))
        let before = fates[mirror]?.waiting ?? []
        note("skip, keeping \(limit)")
        // Which ones go is the log's business: the records say so.
        fates[mirror]?.waiting = []
        defer { fates[mirror]?.waiting = before.filter { n in !isPassed(n, mirror) } }
        _ = try await log.skipOldest(for: mirror, keeping: limit)
    }

    private func isPassed(_ n: Int64, _ group: GroupID) -> Bool {
        guard let lane = books[0].scans[n]?.lane else { return true }
        let cursor = pending.filter { $0.group == group && $0.lane == lane }.map(\.cursor).max() ?? 0
        return n <= max(cursor, books.map { $0.place(group, lane).n }.max() ?? 0)
    }

    private func prune() async throws {
        guard !isFaulty else { return }
        note("prune")
        mayLack = true
        do { try spool.prune(olderThan: nil, atMost: 1 + below(20)) } catch {
            mayHaveRemoved = true
            throw error
        }
    }

    /// The counters that operators see. A scan that was rejected ahead of the cursor counts as waiting too, until the cursor
    /// comes to it after a restart.
    private func compareCounts() throws {
        guard !isFaulty, books.count == 1 else { return }
        let log = try reading()
        for group in groups.all {
            guard let fates = fates[group] else { continue }
            let counts = log.counts(of: group)
            let waiting = fates.waiting.count + fates.sentBack.count
            let ahead = books[0].notes[group, default: [:]].count { n, note in
                n > books[0].place(group, note.lane).n && note.state != .requeued
            }
            if counts.rejected != fates.rejected.count || counts.held != fates.held.count
                || !(waiting...(waiting + ahead)).contains(Int(counts.waiting))
            {
                throw Violation(
                    description: "\(group): \(counts), not \(waiting) waiting (\(ahead) ahead), \(fates.rejected.count)"
                        + " rejected, \(fates.held.count) held")
            }
        }
    }
}
