internal import Model
internal import Posix
internal import Spool
internal import Synchronization

/// Checkpoints and retention, beside the commits: woken by them, so that an idle gateway sleeps.
final class Maintenance: Sendable {
    private let intake: Intake
    private let log: SpoolLog
    private let keepAccepted: Duration
    private let clock: TimeSource
    private let wakeups: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let commits = Mutex(0)

    init(intake: Intake, log: SpoolLog, keepAccepted: Duration, clock: TimeSource) {
        self.intake = intake
        self.log = log
        self.keepAccepted = keepAccepted
        self.clock = clock
        wakeups = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Commits so far.
    var commitCount: Int { commits.withLock { $0 } }

    /// Called after each commit; wakes the work every 256th time: some thousand pages of WAL at the most.
    func noteCommit() {
        let isDue = commits.withLock { count in
            count += 1
            return count % 256 == 0
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
                // In small transactions, so that scans go in between.
                while try await intake.pruneByAge(keep: keepAccepted) == 500 {}
            } catch {
                // Nothing is lost: the WAL grows until max_bytes refuses scans, which is said loudly.
                Log.warning("spool upkeep: \(error); tried again after the next commits")
            }
        }
    }

    func finish() { wakeups.continuation.finish() }
}
