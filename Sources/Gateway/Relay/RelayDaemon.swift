internal import Glibc
internal import HTTPClient
internal import Model
internal import Posix
internal import Uplinks

/// `scangate relay`: a relay under the rules of a service manager.
public enum RelayDaemon {
    // How often `systemctl status` gets other figures.
    private static let statusPeriod: Duration = .seconds(10)

    private enum Command: Sendable {
        case stop, reload
    }

    /// Runs a relay in the foreground until SIGTERM or SIGINT; SIGHUP reads its keys anew. A second SIGTERM ends the
    /// process at once, which loses nothing either.
    ///
    /// `Signals.block()` has to be the first call of the process.
    ///
    /// - Parameter path: the configuration's file.
    /// - Throws: `CommandError` with what to mend.
    public static func run(configurationAt path: String) async throws(CommandError) {
        let configuration = try Daemon.load(path)
        guard let settings = configuration.relay, let uplink = configuration.uplinks.first else {
            throw CommandError(
                "\(path) has no section [relay]",
                hint: "write it, or name another file with --config; see: "
                    + "scangate relay --help", exit: .configuration)
        }
        for note in configuration.warnings + configuration.notes { Log.warning(note.description) }
        let (commands, continuation) = AsyncStream.makeStream(of: Command.self)
        do { try await SignalWatch(continuation).start() } catch { throw CommandError(error.description) }
        let http = HTTPClient()
        let relay: Relay
        do throws(UplinkError) {
            relay = try Relay(
                settings, to: uplink, http: http, time: .system, random: { UInt64.random(in: 0 ... .max) })
        } catch {
            http.close()
            throw CommandError(error.message, hint: error.hint, exit: .configuration)
        }
        // Unstructured: they end by stop() and by cancellation, below.
        let work = Task { await relay.run() }
        let status = Task { await tell(of: relay) }
        ServiceManager.notify("READY=1", "STATUS=connecting")
        for await command in commands {
            guard command == .reload else { break }
            await relay.reload()
            ServiceManager.notify("READY=1", "STATUS=\(relay.counts.text)")
        }
        await relay.stop()
        await work.value
        status.cancel()
        await status.value
        http.close()
    }

    /// Feeds the watchdog, with proof that the connection's thread works, and keeps the figures of `systemctl status`.
    private static func tell(of relay: Relay) async {
        guard getenv("NOTIFY_SOCKET") != nil else { return }
        let interval = ServiceManager.watchdogInterval.map { min($0, statusPeriod) } ?? statusPeriod
        var last = ""
        while !Task.isCancelled {
            await relay.beat()
            let text = (relay.isConnected ? "" : "no broker; ") + relay.counts.text
            if text != last {
                ServiceManager.notify("WATCHDOG=1", "STATUS=\(text)")
                last = text
            } else {
                ServiceManager.notify("WATCHDOG=1")
            }
            guard (try? await TimeSource.system.sleep(interval)) != nil else { return }
        }
    }

    /// Turns signals into commands, on a thread of its own that sleeps until one comes.
    private actor SignalWatch {
        private let poll: PollThread
        private let commands: AsyncStream<Command>.Continuation
        private var isStopping = false

        nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

        init(_ commands: AsyncStream<Command>.Continuation) throws(SystemError) {
            poll = try PollThread(name: "signals")
            self.commands = commands
        }

        func start() throws(SystemError) {
            // For the life of the process: the watch holds this actor.
            try Signals.watch(on: poll) { kind in self.assumeIsolated { $0.received(kind) } }
        }

        private func received(_ kind: Signals.Kind) {
            switch kind {
            case .stop where isStopping:
                Log.warning("a second signal: ending at once; whatever is under way is asked again")
                _exit(1)
            case .stop:
                isStopping = true
                Log.notice("stopping: no more batches are taken")
                ServiceManager.notify("STOPPING=1", "STATUS=stopping")
                commands.yield(.stop)
            case .reload:
                ServiceManager.notify(
                    "RELOADING=1", "MONOTONIC_USEC=\(SystemClock.monotonicMicroseconds)", "STATUS=reloading")
                commands.yield(.reload)
            }
        }
    }
}
