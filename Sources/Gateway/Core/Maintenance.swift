internal import Model
internal import Posix
internal import Spool
internal import Synchronization
internal import Wire

/// Checkpoints and retention, beside the commits: woken by them, so that an idle gateway sleeps.
final class Maintenance: Sendable {
    private let intake: Intake
    private let log: SpoolLog
    private let keepAccepted: Duration
    private let clock: TimeSource
    private let wakeups: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let state = Mutex((commits: 0, bytes: 0))

    init(intake: Intake, log: SpoolLog, keepAccepted: Duration, clock: TimeSource) {
        self.intake = intake
        self.log = log
        self.keepAccepted = keepAccepted
        self.clock = clock
        wakeups = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Commits of scans so far.
    var commitCount: Int { state.withLock { $0.commits } }

    /// Called after each commit with the bytes of its scans; wakes the work every 2 MiB. A commit writes some pages
    /// of its own besides, so each counts for 8 KiB at the least.
    func noteCommit(bytes: Int) {
        let isDue = state.withLock { state in
            state.commits += 1
            state.bytes += max(bytes, 8192)
            guard state.bytes >= 2 << 20 else { return false }
            state.bytes = 0
            return true
        }
        if isDue { wakeups.continuation.yield() }
    }

    /// Works until `finish`.
    func run() async {
        var lastPrune: Int64 = .min
        for await _ in wakeups.stream {
            do {
                if try await log.checkpoint() { try await intake.checkpoint() }
                let now = clock.now().uptimeNs
                guard lastPrune == .min || now - lastPrune > 600_000_000_000 else { continue }
                lastPrune = now
                guard let last = try await intake.lastAged(keep: keepAccepted), try await !isYoung(last) else {
                    continue
                }
                // In small transactions, so that scans go in between.
                while try await intake.prune(upTo: last) == 500 {}
            } catch {
                // Nothing is lost: the WAL grows until max_bytes refuses scans, which is said loudly.
                Log.warning("spool upkeep: \(error); tried again after the next commits")
            }
        }
    }

    /// Whether a scan of this boot is younger than the wall clock says, by the uptime: the clock had jumped before this
    /// process began.
    private func isYoung(_ n: Int64) async throws -> Bool {
        let stored = try await log.read { try $0.scans([n]) }
        guard let wire = stored.first?.wire, let scan = try? WireScan.decode(wire).fields, scan.boot == clock.bootID
        else {
            return false
        }
        return clock.now().uptimeMs - scan.monoMs < keepAccepted.milliseconds
    }

    func finish() { wakeups.continuation.finish() }
}
