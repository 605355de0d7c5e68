import CFaultyDisk
import Model
import Posix
import Spool
import TestSupport

/// What the spool did that the model does not allow.
struct Violation: Error, CustomStringConvertible {
    let description: String
}

func name<T: Name>(_ type: T.Type, _ text: String) throws -> T {
    guard let name = T(text) else { throw SetupError("\(text) is no name") }
    return name
}

/// A spool on a faulty disk, used as the intake and the uplinks use it, beside its model.
actor Station: SettlementSink {
    let directory: String
    let groups: SpoolGroups
    let lanes: [LaneID]
    let device: DeviceID
    nonisolated(unsafe) let disk: OpaquePointer
    var random: SeededGenerator
    var spool: Spool
    var log: SpoolLog?

    /// What the file may say: several only between a commit that failed and the next look.
    var books: [Book]
    /// What the commits that failed since the last that went well would have made of the file, should a power cut or a kill
    /// bring one back.
    var ghosts: [Book] = []
    var fates: [GroupID: Fates] = [:]
    /// Verdicts that ride the next commit.
    var pending: [SettlementRecord] = []
    /// The writer's file was closed on a failure, and could not be opened again yet.
    var isFaulty = false
    /// Judged scans may have been removed.
    var mayLack = false
    /// A removal failed: it may have happened, which shows after the next start.
    var mayHaveRemoved = false
    /// The highest numbers handed out since the start, committed or not.
    var highest: (n: Int64, lanes: [LaneID: Int64], device: Int64) = (0, [:], 0)
    var labels = 0
    var history: [String] = []

    static let limits: SpoolLimits = {
        var limits = SpoolLimits()
        limits.maxScans = 30
        limits.maxBytes = 400 << 10
        limits.minFree = 0
        return limits
    }()

    init(directory: String, seed: UInt64) throws {
        self.directory = directory
        random = SeededGenerator(seed: seed)
        guard let disk = faulty_disk_make(directory, seed) else { throw SetupError("SQLite takes no VFS") }
        self.disk = disk
        groups = SpoolGroups([try name(GroupID.self, "primary")], mirrors: [try name(GroupID.self, "mirror")])
        lanes = [try name(LaneID.self, "table-1"), try name(LaneID.self, "table-2")]
        device = try name(DeviceID.self, "scanner-1")
        spool = try Spool(directory: directory, limits: Self.limits)
        try spool.use(groups)
        books = [Book(log: spool.log, groups: groups)]
        log = nil
    }

    func close() async {
        await log?.close()
        spool.close()
        faulty_disk_free(disk)
    }

    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
    func below(_ count: Int) -> Int { Int.random(in: 0..<count, using: &random) }
    func note(_ text: String) { history.append(text) }

    var isDead: Bool { faulty_disk_is_dead(disk) != 0 }

    /// The log of the running gateway.
    func reading() throws -> SpoolLog {
        if let log { return log }
        throw Violation(description: "the log is closed")
    }

    // The file.

    /// Opens the reading side, as a gateway that starts.
    func start() async throws {
        log = try SpoolLog(directory: directory, groups: groups, sink: self)
        try await look()
        startFates()
        highest = (0, [:], 0)
    }

    private func startFates() {
        for group in groups.all { fates[group] = Fates(books[0], group) }
    }

    /// Compares the file with the model; what it says of a commit that failed is believed.
    func look() async throws {
        let groups = groups.all
        var file = try await reading().read { try FileView($0, groups: groups) }
        if !isFaulty {
            for (lane, state) in spool.lanes {
                file.lanes[lane]?.sequence = state.sequence
                file.lanes[lane]?.state = state.state
            }
        }
        let differences = books.map { $0.difference(from: file, mayLack: mayLack) }
        guard let match = differences.firstIndex(of: nil) else {
            throw Violation(description: "the file: \(differences.compactMap(\.self).joined(separator: "; or "))")
        }
        if books.count > 1 { note("the commit \(match == 0 ? "has not" : "has") happened") }
        if !isFaulty {
            // Where it has not happened its frames may be in the WAL still, and come back with the power. Or those of one that
            // failed before it, where it came to write none.
            if books.count > 1 { ghosts = match == 0 ? ghosts + books.dropFirst() : [] }
            books = [books[match]]
            if mayLack { lackRemoved(file) }
        }
    }

    private func lackRemoved(_ file: FileView) {
        let kept = Set(file.entries.values.first?.map(\.scan.n) ?? [])
        for n in books[0].scans.keys where !kept.contains(n) { books[0].scans[n] = nil }
        for index in ghosts.indices {
            for n in ghosts[index].scans.keys where !kept.contains(n) && ghosts[index].mayGo(n) {
                ghosts[index].scans[n] = nil
            }
        }
        mayLack = false
    }

    /// Stores a change with the verdicts that wait; after a failure opens the file again and believes it.
    func commit(_ change: SpoolChange) async throws {
        var change = change
        let verdicts = pending
        change.settlements = verdicts
        pending = []
        guard !change.isEmpty else { return }
        let next = books[0].applying(change)
        do {
            try spool.commit(change)
            // What changes nothing writes nothing over what a failure before has left in the WAL.
            if next != books[0] { (ghosts, mayHaveRemoved) = ([], false) }
            books = [next]
            try await announce()
        } catch let error as SpoolError {
            note("commit: \(error.code)")
            pending = verdicts + pending
            books.append(next)
            isFaulty = true
            try await recover()
            throw error
        }
    }

    /// As the intake does: opens the file again. Where the power is gone, the step ends by starting over; not here, where
    /// the log may wait for us.
    func recover() async throws {
        guard isFaulty, !isDead else { return }
        if chance(70) { mend() }
        do {
            try spool.reopen()
            try spool.use(groups)
        } catch {
            if error.code == .damaged { throw Violation(description: "damaged: \(error)") }
            note("reopen: \(error)")
            return
        }
        isFaulty = false
        let before = books.count > 1 ? books[0] : nil
        try await look()
        // What the failed commit stored waits like any other; its verdicts are in the file already.
        if let before {
            for group in groups.all {
                fates[group]?.waiting.formUnion(Set(books[0].scans.keys).subtracting(before.scans.keys))
            }
        }
        try await announce()
    }

    func mend() { faulty_disk_mend(disk) }

    /// Tells the reading side what the lanes have.
    func announce() async throws {
        try reading().noteAppended(spool.lanes.mapValues(\.appended))
    }

    // The ends of a process.

    func restart() async throws {
        mend()
        await log?.close()
        spool.close()
        try await reopenAll()
    }

    /// The process is killed in the midst; the machine goes on.
    func kill() async throws {
        faulty_disk_cut_power(disk)
        await log?.close()
        spool.close()
        faulty_disk_thaw(disk)
        books += ghosts
        try await reopenAll()
        ghosts = []
    }

    func loseThePower() async throws {
        faulty_disk_cut_power(disk)
        await log?.close()
        spool.close()
        faulty_disk_restore_power(disk)
        note("power back")
        books += ghosts
        try await reopenAll()
        ghosts = []
    }

    private func reopenAll() async throws {
        do {
            spool = try Spool(directory: directory, limits: Self.limits)
            try spool.use(groups)
        } catch { throw Violation(description: "it does not open: \(error)") }
        if books.contains(where: { $0.log == spool.log }) { throw Violation(description: "the log id is used again") }
        for index in books.indices { books[index].log = spool.log }
        pending = []
        isFaulty = false
        mayLack = mayLack || mayHaveRemoved
        try await start()
    }

    /// The file is set aside, and a new one made.
    func replaceFile() async throws {
        mend()
        _ = try SpoolRecovery.setAside(directory: directory, wallMs: 1_795_233_600_000)
        try spool.reopen()
        try spool.use(groups)
        isFaulty = false
        if spool.log == books[0].log { throw Violation(description: "the new file has the old one's log id") }
        books = [Book(log: spool.log, groups: groups)]
        ghosts = []
        try await reading().reopen()
        (highest.lanes, highest.device) = ([:], 0)
        startFates()
        try await announce()
    }

    // What uplinks tell.

    func settle(_ record: SettlementRecord, durable: Bool) async throws {
        try check(record)
        pending.append(record)
        if durable {
            if isFaulty { try await recover() }
            if isFaulty { throw SpoolError(.failing, "the file is closed") }
            do { try await commit(SpoolChange(now: Moment(uptimeNs: 0, wallMs: 0, synced: false))) }
        }
    }

    private func check(_ record: SettlementRecord) throws {
        let numbers = (books + ghosts).compactMap { $0.lanes[record.lane]?.numbers }
        guard numbers.contains(where: { $0.count { $0 <= record.cursor } == record.settled }) else {
            throw Violation(description: "\(record) counts wrong: \(numbers)")
        }
        let open = fates[record.group]?.waiting ?? []
        if let passed = open.sorted().first(where: { $0 <= record.cursor && books[0].scans[$0]?.lane == record.lane }) {
            throw Violation(description: "\(record) passes \(passed), which waits")
        }
    }
}
