internal import Model
internal import Wire

/// One lane's delivery under tracetrack-devices: which piece goes out next, and what an answer does to it. A state
/// machine without I/O.
///
/// It holds one read of the log (at most `batch.max_bytes`) while that is under way or in trouble, and nothing
/// otherwise. After a failure the same bytes go out under the same id; a half is another batch with another id.
///
/// A batch that fails while others pass is halved, which costs a good one nothing; a scan that does so alone is held once
/// that is no chance any more (`Blame`).
///
/// A scan that the backend has put off (`unknown_parent`, `deferred`) `postponedLimit` times, the first time
/// `postponedFor` ago by uptime, is held: a batch full of such scans would keep all that come later from going out. The
/// count lasts as long as the process, and no longer than the scan waits.
///
/// A scan that is refused alone (400, 415, 422) is asked about again, its lane waiting: a flipped bit on the way, or
/// somebody in between, gets the same answer as a scan that nobody can read. At the `refusalsToSuspect`th time it is a
/// suspect.
///
/// A batch that passes without gzip after a 415 to its compressed bytes tells of a backend that does not know gzip, or of
/// one damaged header. A single one is not believed; from the `unzippedToBelieve`th on, with no compressed batch passing
/// between, `plainBatches` go out without gzip before it is tried again.
struct DevicesLane {
    /// One scan of a piece.
    struct Scan: Equatable {
        var n: Int64
        var id: UUID
        var wire: [UInt8]
    }

    /// When to go on.
    enum Wait: Equatable {
        case none
        /// Backoff before the next attempt; the first failed attempt is number 1.
        case backoff(attempt: Int)
        /// Backoff, but not before this long.
        case atLeast(Duration, attempt: Int)
        /// Exactly this long: the lane is paused.
        case paused(Duration)
    }

    /// What an answer comes to.
    struct Outcome: Equatable {
        var judged: [Judged] = []
        /// A scan that was refused alone again and again; rejected only once another has passed.
        var suspect: Suspect?
        var wait = Wait.none
        /// The backend does not take this lane's scans now; nil where it does.
        var identity: String?
        /// Results for scans that were not in the batch.
        var foreign = 0
        /// Scans or batches that will be asked about again.
        var retries = 0
    }

    private struct Piece {
        var scans: [Scan]
        var batch: EncodedBatch?
        var compress = true
        /// Its scans were refused with 415 when they were compressed.
        var isUnzipped = false
        var attempts = 0
        var blame = Blame()
    }

    static let unknownLimit = 5
    static let failuresToHalve = 5
    static let blameAfter: Duration = .seconds(60)
    static let refusalsToSuspect = 5
    static let unzippedToBelieve = 2
    static let plainBatches = 100
    static let postponedLimit = 20
    static let postponedFor: Duration = .seconds(3600)

    private var pieces: [Piece] = []
    private var unknown: [UUID: Int] = [:]
    private var refused: [UUID: Int] = [:]
    private var postponed: [UUID: (answers: Int, sinceNs: Int64)] = [:]
    private var fruitless = 0
    /// Batches that passed only without gzip since one last passed with it.
    private var unzipped = 0
    /// Batches that are to go without gzip before it is tried again.
    private var plainLeft = 0

    /// Whether a read of the log is still being worked on.
    var hasWork: Bool { !pieces.isEmpty }
    /// Scans of the piece that goes next.
    var nextCount: Int { pieces.last?.scans.count ?? 0 }

    /// The places of the scans of that piece.
    var nextNumbers: [Int64] { pieces.last?.scans.map(\.n) ?? [] }

    /// Takes a new read of the log; only where `hasWork` is false.
    mutating func take(_ scans: [Scan]) {
        guard !scans.isEmpty else { return }
        pieces = [Piece(scans: scans, compress: plainLeft == 0)]
        if !unknown.isEmpty || !refused.isEmpty || !postponed.isEmpty {
            // The counts of scans that have gone meanwhile, by a person's hand for instance, go as well.
            let there = Set(scans.map(\.id))
            unknown = unknown.filter { there.contains($0.key) }
            refused = refused.filter { there.contains($0.key) }
            postponed = postponed.filter { there.contains($0.key) }
        }
    }

    /// What goes out next: the same bytes as before after a failure, else scans to be made into a batch.
    enum Next: Equatable {
        case batch(EncodedBatch)
        case encode([Scan], compress: Bool)
    }

    /// What goes out next, or nil where nothing is being worked on.
    var next: Next? {
        pieces.last.map { piece in
            piece.batch.map(Next.batch) ?? .encode(piece.scans, compress: piece.compress)
        }
    }

    /// Keeps the batch made of `next`, for as long as its bytes may have to go out again.
    mutating func keep(_ batch: EncodedBatch) {
        if let last = pieces.indices.last { pieces[last].batch = batch }
    }

    /// Forgets what is under way; the log still has it.
    mutating func drop() { pieces = [] }

    /// Works an answer to `next` in.
    ///
    /// - Parameters:
    ///   - traffic: what became of batches so far, this one not counted.
    ///   - nowNs: the uptime.
    mutating func on(_ answer: BatchAnswer, traffic: Traffic, nowNs: Int64) -> Outcome {
        guard let last = pieces.indices.last else { return Outcome() }
        pieces[last].attempts += 1
        let attempt = pieces[last].attempts
        switch answer {
        case .results(let reply): return judge(reply, nowNs)
        case .brokerAccepted:
            let scans = pieces.popLast()?.scans ?? []
            for scan in scans { forgetCounts(scan.id) }
            return Outcome(judged: scans.map { Judged(n: $0.n, id: $0.id, settlement: .done) })
        case .later(let after), .slowDown(_, let after):
            return Outcome(wait: after.map { .atLeast($0, attempt: attempt) } ?? .backoff(attempt: attempt), retries: 1)
        case .unreadable(let reason), .unreachable(let reason): return fail(reason, nil, traffic, nowNs)
        case .failure(let reason, let after): return fail(reason, after, traffic, nowNs)
        case .unauthorized, .forbidden, .misconfigured: return Outcome(retries: 1)
        case .tooLarge(let reason):
            if halve() { return Outcome() }
            return settleAlone(.rejected(reason: Safe.text("too large: \(reason)", limit: 500)))
        case .refused(let reason): return refuse(reason)
        case .compressionRefused(let reason):
            guard pieces[last].batch?.isCompressed == true else { return refuse(reason) }
            // Other bytes, so another id.
            pieces[last].batch = nil
            pieces[last].compress = false
            pieces[last].isUnzipped = true
            return Outcome(retries: 1)
        case .cancelled:
            pieces[last].attempts -= 1
            return Outcome()
        }
    }

    private mutating func judge(_ reply: BatchReply, _ nowNs: Int64) -> Outcome {
        guard let piece = pieces.popLast() else { return Outcome() }
        learnOfGzip(from: piece)
        var outcome = Outcome()
        let results = sort(reply, piece, &outcome)
        var longest: Duration?
        var open = 0
        for (scan, result) in zip(piece.scans, results) {
            guard let result else {
                open += 1
                continue
            }
            switch ResultVerdict(result) {
            case .settle(let settlement, let duplicate):
                outcome.judged.append(
                    Judged(
                        n: scan.n, id: scan.id, settlement: settlement,
                        text: result.feedbackText.isEmpty ? result.text : result.feedbackText,
                        childCount: result.childCount, isDuplicate: duplicate))
                forgetCounts(scan.id)
            case .again(let why, let after):
                if let held = postpone(scan, why, nowNs) {
                    outcome.judged.append(held)
                    continue
                }
                open += 1
                if let after { longest = max(longest ?? .zero, after) }
            case .identity(let reason):
                open += 1
                outcome.identity = reason
            case .unknown(let word):
                unknown[scan.id, default: 0] += 1
                if unknown[scan.id] == Self.unknownLimit {
                    unknown[scan.id] = nil
                    outcome.judged.append(
                        Judged(
                            n: scan.n, id: scan.id,
                            settlement: .held(reason: "the backend answered \(Self.unknownLimit) times with \(word)")))
                } else {
                    open += 1
                }
            }
        }
        fruitless = open == 0 ? 0 : outcome.judged.isEmpty ? fruitless + 1 : 1
        guard open > 0 else { return outcome }
        // What is left waits in the log and is read again, in front of what came after it.
        pieces = []
        outcome.retries = 1
        if outcome.identity != nil {
            outcome.wait = .paused(UplinkHealth.askAgain)
        } else {
            outcome.wait = longest.map { .atLeast($0, attempt: fruitless) } ?? .backoff(attempt: fruitless)
        }
        return outcome
    }

    // The piece has passed.
    private mutating func learnOfGzip(from piece: Piece) {
        if piece.batch?.isCompressed == true {
            unzipped = 0
        } else if piece.isUnzipped {
            unzipped += 1
            if unzipped >= Self.unzippedToBelieve { plainLeft = Self.plainBatches }
        } else if plainLeft > 0 {
            plainLeft -= 1
        }
    }

    // Counts one more such answer; the scan, held, where that is enough.
    private mutating func postpone(_ scan: Scan, _ why: ResultVerdict.Postponed, _ nowNs: Int64) -> Judged? {
        let before = postponed[scan.id] ?? (answers: 0, sinceNs: nowNs)
        let (answers, lasted) = (before.answers + 1, nowNs - before.sinceNs)
        guard answers >= Self.postponedLimit, lasted >= Self.postponedFor.nanoseconds else {
            postponed[scan.id] = (answers, before.sinceNs)
            return nil
        }
        postponed[scan.id] = nil
        let hours = lasted / Duration.seconds(3600).nanoseconds
        let reason: String
        switch why {
        case .unknownParent:
            let parent = (try? WireScan.decode(scan.wire).fields.parent) ?? ""
            reason =
                "the backend has not known its bag \(Safe.text(parent, limit: 100)) for \(hours) h; release it when the "
                + "bag is there"
        case .deferred:
            reason = "the backend has deferred it for \(hours) h; release it when the backend is ready for it"
        }
        return Judged(n: scan.n, id: scan.id, settlement: .held(reason: reason))
    }

    // The one result of each scan; nil where there is none, or several that differ.
    private func sort(_ reply: BatchReply, _ piece: Piece, _ outcome: inout Outcome) -> [BatchReply.Result?] {
        var results = [BatchReply.Result?](repeating: nil, count: piece.scans.count)
        // Nearly always the results come in the batch's order; then no dictionary is needed.
        if reply.results.count == piece.scans.count, zip(reply.results, piece.scans).allSatisfy({ $0.id == $1.id }) {
            return reply.results
        }
        var places: [UUID: Int] = Dictionary(minimumCapacity: piece.scans.count)
        for (place, scan) in piece.scans.enumerated() { places[scan.id] = place }
        var differing: Set<Int> = []
        for result in reply.results {
            guard let place = places[result.id] else {
                outcome.foreign += 1
                continue
            }
            if let before = results[place], before != result { differing.insert(place) }
            results[place] = result
        }
        for place in differing { results[place] = nil }
        return results
    }

    private mutating func fail(_ reason: String, _ after: Duration?, _ traffic: Traffic, _ nowNs: Int64) -> Outcome {
        let last = pieces.count - 1
        pieces[last].blame.failed(traffic, nowNs: nowNs)
        let blame = pieces[last].blame
        if blame.failures >= Self.failuresToHalve, halve() { return Outcome(retries: 1) }
        if pieces[last].scans.count == 1, blame.isItsOwn(traffic, nowNs: nowNs, after: Self.blameAfter) {
            return settleAlone(
                .held(reason: Safe.text("failed again and again while other scans passed: \(reason)", limit: 500)))
        }
        let attempt = pieces[last].attempts
        return Outcome(wait: after.map { .atLeast($0, attempt: attempt) } ?? .backoff(attempt: attempt), retries: 1)
    }

    private mutating func refuse(_ reason: String) -> Outcome {
        // What is refused without gzip too says nothing of gzip.
        if let last = pieces.indices.last { pieces[last].isUnzipped = false }
        if halve() { return Outcome() }
        guard let last = pieces.indices.last, let scan = pieces[last].scans.first else { return Outcome() }
        let count = (refused[scan.id] ?? 0) + 1
        guard count < Self.refusalsToSuspect else {
            pieces.removeLast()
            refused[scan.id] = nil
            return Outcome(suspect: Suspect(n: scan.n, id: scan.id, reason: Safe.text(reason, limit: 500)))
        }
        refused[scan.id] = count
        // Under another id: what came in its place may be what the backend knows under this one now.
        pieces[last].batch = nil
        return Outcome(wait: .atLeast(Backoff.base * (1 << (count - 1)), attempt: count), retries: 1)
    }

    private mutating func settleAlone(_ settlement: Settlement) -> Outcome {
        guard let scan = pieces.popLast()?.scans.first else { return Outcome() }
        forgetCounts(scan.id)
        return Outcome(judged: [Judged(n: scan.n, id: scan.id, settlement: settlement)])
    }

    // The scan is judged. Nearly always there is no count of any.
    private mutating func forgetCounts(_ id: UUID) {
        if !unknown.isEmpty { unknown[id] = nil }
        if !refused.isEmpty { refused[id] = nil }
        if !postponed.isEmpty { postponed[id] = nil }
    }

    // The front half goes first: capture order.
    private mutating func halve() -> Bool {
        guard let piece = pieces.last, piece.scans.count > 1 else { return false }
        pieces.removeLast()
        let middle = piece.scans.count / 2
        // One refusal of gzip counts once: with the half that goes last.
        pieces.append(
            Piece(scans: Array(piece.scans[middle...]), compress: piece.compress, isUnzipped: piece.isUnzipped))
        pieces.append(Piece(scans: Array(piece.scans[..<middle]), compress: piece.compress))
        return true
    }
}
