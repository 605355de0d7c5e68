internal import Model
internal import Posix
internal import Spool

/// Feeds the service manager's watchdog, but only with proof: the poll thread, the intake's thread and the spool's
/// reading thread each have to run a job first. A thread that hangs starves the watchdog, and systemd restarts the
/// daemon, which loses nothing.
struct Watchdog {
    let poll: PollThread
    let intake: Intake
    let log: SpoolLog
    let clock: TimeSource

    /// Works until cancelled; returns at once where there is no watchdog, so that nothing wakes without cause.
    func run() async {
        guard let interval = ServiceManager.watchdogInterval else { return }
        let prober = Prober(poll)
        while !Task.isCancelled {
            await prober.touch()
            _ = await intake.currentRules
            _ = try? await log.read { _ in true }
            ServiceManager.notify("WATCHDOG=1")
            try? await clock.sleep(interval)
        }
    }

    private actor Prober {
        private let poll: PollThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }
        init(_ poll: PollThread) { self.poll = poll }
        func touch() {}
    }
}
