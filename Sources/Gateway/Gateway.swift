internal import Glibc
internal import Identity
public import Model
internal import Posix
internal import Scanners
internal import Signals
internal import Uplinks

/// The daemon: starts its parts in the order in which scans flow back from them, and stops them in the order in which
/// scans flow forward, so that at each moment somebody has every scan on disk.
public final class Gateway: Sendable {
    /// What the outside asks of a running gateway.
    public enum Command: Sendable {
        /// End, in order.
        case stop
        /// Take over this configuration; `done` is called when that is done, or was refused.
        case reload(Configuration, done: @Sendable () -> Void = {})
    }

    private let configuration: Configuration
    private let core: GatewayCore
    private let poll: PollThread
    private let deliveries: DeliverySet
    private let maintenance: Maintenance
    private let scanners: ScannerSet
    private let frames: FrameFolder
    private let control: ControlServer
    private let clock: TimeSource

    init(
        configuration: Configuration, core: GatewayCore, poll: PollThread, deliveries: DeliverySet,
        maintenance: Maintenance, scanners: ScannerSet, frames: FrameFolder, control: ControlServer, clock: TimeSource
    ) {
        self.configuration = configuration
        self.core = core
        self.poll = poll
        self.deliveries = deliveries
        self.maintenance = maintenance
        self.scanners = scanners
        self.frames = frames
        self.control = control
        self.clock = clock
    }

    /// Runs until a `stop` comes or `commands` ends. Called once.
    ///
    /// - Parameter ready: called when scans are taken and commands answered.
    /// - Throws: `CommandError` where something cannot be started; what was started is stopped.
    public func run(_ commands: AsyncStream<Command>, ready: @Sendable () -> Void = {}) async throws(CommandError) {
        var failure: CommandError?
        await withDiscardingTaskGroup { group in
            group.addTask { await self.core.intake.run() }
            // Unstructured: it has to end before the intake's thread does, which it calls.
            let upkeep = Task { await self.maintenance.run() }
            let watchdog = Watchdog(poll: poll, intake: core.intake, log: core.log, clock: clock)
            do throws(CommandError) {
                try await start()
                // Unstructured: it ends by cancellation, before the threads that it probes.
                let feeding = Task { await watchdog.run() }
                ready()
                for await command in commands {
                    guard case .reload(let next, let done) = command else { break }
                    await reload(next)
                    done()
                }
                feeding.cancel()
                await feeding.value
            } catch { failure = error }
            await stop(upkeep)
        }
        // The last commits have their signals, too.
        await core.signals.signaller.stop()
        await core.close()
        poll.stop()
        if let failure { throw failure }
    }

    /// Takes a reading in as a driver hands it over: what benchmarks drive the intake with.
    ///
    /// - Parameter reply: called once with whether it is on stable storage; on the intake's thread, or on the
    ///   caller's where the intake is busy.
    public func submit(_ reading: Reading, from device: DeviceID, reply: @escaping @Sendable (_ isStored: Bool) -> Void)
    {
        core.intake.submit(reading, from: device) { reply($0.signal != .refused) }
    }

    /// Commits with scans since the start. The replies to a commit's readings come before it is counted.
    public var commits: Int { maintenance.commitCount }

    private func start() async throws(CommandError) {
        let started = try await deliveries.start(configuration)
        await core.signals.signaller.use(configuration.signals)
        await core.administrator.attach(deliveries: started, scanners: scanners, startedAt: clock.now())
        await scanners.start()
        try await core.administrator.follow { [scanners] devices in await scanners.follow(devices) }
        do { try await control.start() } catch {
            throw CommandError(
                error.description, hint: "[gateway] control_socket needs a directory that the daemon may write")
        }
    }

    /// First nothing more comes in, then nothing more goes out, then what the answers said is committed.
    private func stop(_ upkeep: Task<Void, Never>) async {
        await scanners.stop()
        await deliveries.stop()
        await control.stop()
        maintenance.finish()
        await upkeep.value
        core.intake.finish()
    }

    private func reload(_ next: Configuration) async {
        for (key, isSame) in [
            ("[gateway]", next.gateway == configuration.gateway), ("[keys]", next.keys == configuration.keys),
            ("[spool]", next.spool == configuration.spool),
            ("the set of uplink groups", next.groups.map(\.id) == configuration.groups.map(\.id)),
        ] where !isSame {
            Log.warning("reload: \(key) changed, which takes a restart: systemctl restart scangate")
        }
        guard next.groups.map(\.id) == configuration.groups.map(\.id) else {
            return Log.error("reload: nothing was changed; restart to use the new uplinks")
        }
        do throws(CommandError) {
            let started = try await deliveries.start(next)
            await core.intake.use(next.laneRules)
            await core.signals.signaller.use(next.signals)
            await core.administrator.use(next, deliveries: started)
            await scanners.use(next.scanners)
            frames.use(next.camera.frames)
            Log.notice("reloaded: \(next.files.joined(separator: ", "))")
        } catch {
            Log.error("reload: nothing was changed: \(error.description)")
        }
    }
}
