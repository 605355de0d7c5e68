internal import Glibc
internal import Model
internal import Posix

/// `scangate run`: a gateway under the rules of a service manager.
public enum Daemon {
    /// Runs the daemon in the foreground until SIGTERM or SIGINT; SIGHUP reloads. A second SIGTERM ends the process
    /// at once: what was acknowledged is on disk.
    ///
    /// `Signals.block()` has to be the first call of the process.
    ///
    /// - Parameter path: the configuration's file.
    /// - Throws: `CommandError` with what to mend.
    public static func run(configurationAt path: String) async throws(CommandError) {
        let descriptors = DescriptorStore.inherited()
        let configuration = try load(path)
        for note in configuration.warnings + configuration.notes { Log.warning(note.description) }
        let gateway = try await buildGateway(configuration, descriptors: descriptors)
        let (commands, continuation) = AsyncStream.makeStream(of: Gateway.Command.self)
        do { try await SignalWatch(path: path, continuation).start() } catch { throw CommandError(error.description) }
        try await gateway.run(commands) {
            Log.notice(
                "ready: \(configuration.uplinks.count) uplinks, state in \(configuration.gateway.stateDirectory)")
            ServiceManager.notify("READY=1", "STATUS=reading scanners")
        }
        Log.notice("stopped; everything acknowledged is in \(configuration.gateway.stateDirectory)")
    }

    /// The configuration of a service.
    static func load(_ path: String) throws(CommandError) -> Configuration {
        let credentials = getenv("CREDENTIALS_DIRECTORY").map { String(cString: $0) }
        do { return try Configuration.load(path: path, credentialsDirectory: credentials) } catch {
            throw CommandError(error.description, exit: .configuration)
        }
    }
}

/// Turns signals into commands, on a thread of its own that sleeps until one comes.
private actor SignalWatch {
    private let poll: PollThread
    private let path: String
    private let commands: AsyncStream<Gateway.Command>.Continuation
    private var isStopping = false

    nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    init(path: String, _ commands: AsyncStream<Gateway.Command>.Continuation) throws(SystemError) {
        poll = try PollThread(name: "signals")
        self.path = path
        self.commands = commands
    }

    func start() throws(SystemError) {
        // For the life of the process: the watch holds this actor.
        try Signals.watch(on: poll) { kind in self.assumeIsolated { $0.received(kind) } }
    }

    @Sendable private static func notifyReady() { ServiceManager.notify("READY=1", "STATUS=reading scanners") }

    private func received(_ kind: Signals.Kind) {
        switch kind {
        case .stop where isStopping:
            Log.warning("a second signal: ending at once; what was acknowledged is on disk")
            _exit(1)
        case .stop:
            isStopping = true
            Log.notice("stopping: no more scans are taken")
            ServiceManager.notify("STOPPING=1", "STATUS=stopping")
            commands.yield(.stop)
        case .reload:
            ServiceManager.notify(
                "RELOADING=1", "MONOTONIC_USEC=\(SystemClock.monotonicMicroseconds)", "STATUS=reloading")
            do throws(CommandError) {
                // Only the gateway knows when it goes by the new one, and `systemctl reload` returns by this word.
                commands.yield(.reload(try Daemon.load(path), done: Self.notifyReady))
            } catch {
                Log.lines(.error, "reload: the old configuration stays in force:\n\(error.description)")
                Self.notifyReady()
            }
        }
    }
}
