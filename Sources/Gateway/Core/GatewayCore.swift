internal import Glibc
internal import Identity
internal import Model
internal import Posix
internal import Spool
internal import Synchronization
internal import Uplinks

/// What the daemon and the CLI's offline commands share: the locked state directory with its registry, spool and
/// intake. Whoever has it is the only one.
final class GatewayCore: Sendable {
    let gateway: GatewayID
    let events: EventHub
    let signals: SignalSet
    let intake: Intake
    let log: SpoolLog
    let administrator: Administrator
    private let lock: Mutex<FileLock?>

    /// Opens everything in the state directory of a configuration.
    ///
    /// - Parameter patience: how long to wait for a command that holds the lock, in steps of 100 ms.
    /// - Throws: `CommandError` with what to mend; a damaged spool is no error, it is set aside.
    static func open(_ configuration: Configuration, clock: TimeSource, patience: Duration) async throws(CommandError)
        -> GatewayCore
    {
        try StateDirectory.prepare(configuration.gateway.stateDirectory)
        var left = patience.milliseconds
        while true {
            do {
                return try await GatewayCore(configuration, clock: clock)
            } catch let held as FileLock.Held {
                guard left > 0 else {
                    throw CommandError(held.description, hint: "wait for it to end, or see: scangate status")
                }
                left -= 100
                do { try await clock.sleep(.milliseconds(100)) } catch { throw CommandError("interrupted") }
            } catch {
                throw CommandError(wrapping: error)
            }
        }
    }

    private init(_ configuration: Configuration, clock: TimeSource) async throws {
        let directory = configuration.gateway.stateDirectory
        let lock = try FileLock(directory + "/lock")
        events = EventHub(clock: clock)
        signals = SignalSet(clock: clock)
        let ballast = Ballast(directory: directory, minFree: configuration.spool.minFree)
        let registry = try Self.openRegistry(directory, configuration.keys.sealingKeyFile, clock, ballast)
        gateway = try registry.gatewayName(configured: configuration.gateway.id)
        let groups = configuration.spoolGroups
        let spool = try Self.openSpool(directory, configuration.spool, groups, clock, events, ballast)
        spool.keepBallast()
        try Self.warnOfUnknownGroups(spool, groups.all)
        intake = Intake(
            gateway: gateway, directory: directory, spool: spool, rules: configuration.laneRules, groups: groups,
            clock: clock, events: events, signals: signals)
        log = try SpoolLog(directory: directory, groups: groups, sink: intake)
        administrator = Administrator(
            registry: registry, intake: intake, log: log, configuration: configuration, gateway: gateway, clock: clock,
            events: events, signals: signals)
        self.lock = Mutex(lock)
    }

    /// Closes everything and lets go of the lock; after `intake.run` has returned.
    func close() async {
        await log.close()
        await administrator.close()
        lock.withLock { $0 = nil }
    }

    // On a filesystem without a free byte neither file can be opened: SQLite needs room for its shared memory.
    private static func openRegistry(
        _ directory: String, _ sealingKeyFile: String?, _ clock: TimeSource, _ ballast: Ballast
    ) throws -> Registry {
        while true {
            do {
                return try Registry(stateDirectory: directory, sealingKeyFile: sealingKeyFile, clock: clock)
            } catch let error as IdentityError where error.code == .storage && ballast.giveUp() {}
        }
    }

    private static func openSpool(
        _ directory: String, _ limits: SpoolLimits, _ groups: SpoolGroups, _ clock: TimeSource, _ events: EventHub,
        _ ballast: Ballast
    ) throws -> Spool {
        while true {
            do {
                let spool = try openSpool(directory, limits, groups, clock, events)
                try spool.use(groups)
                return spool
            } catch let error as SpoolError where error.code == .full && ballast.giveUp() {}
        }
    }

    private static func openSpool(
        _ directory: String, _ limits: SpoolLimits, _ groups: SpoolGroups, _ clock: TimeSource, _ events: EventHub
    ) throws -> Spool {
        let path = directory + "/spool.db"
        if Files.status(path) != nil, let fault = Files.secretFault(path) { throw CommandError(fault) }
        do { return try Spool(directory: directory, limits: limits) } catch let error as SpoolError
            where error.code == .damaged
        {
            events.spoolSetAside(try SpoolRecovery.setAside(directory: directory, wallMs: clock.now().wallMs), error)
            if groups.primaries.count > 1, let first = groups.primaries.first {
                Log.error(
                    "spool: which lanes were cut over to which uplink went with that file: all lanes begin with \(first); "
                        + "see `scangate lane list`, then `scangate uplink cutover`")
            }
            return try Spool(directory: directory, limits: limits)
        }
    }

    private static func warnOfUnknownGroups(_ spool: Spool, _ configured: [GroupID]) throws {
        for group in try spool.knownGroups() where !configured.contains(group) && !configured.isEmpty {
            let left = try spool.leftBehind(group)
            if left > 0 {
                Log.error(
                    "\(left) scans wait for the uplink \(group), which the configuration has no more, and nobody else sends "
                        + "them; they are kept for [spool] keep_accepted at the most: put it back until they are sent")
            }
            Log.warning(
                "the spool knows an uplink \(group) that the configuration has no more; it keeps its place should it come "
                    + "back, but scans that every configured uplink has settled are not kept for it")
        }
    }
}

/// The state directory: who owns it, who may look into it.
enum StateDirectory {
    /// Makes it where it is missing, takes on its owner's rights where root runs a command, and refuses one that
    /// others can write.
    static func prepare(_ path: String) throws(CommandError) {
        umask(0o077)
        if Files.status(path) == nil {
            do { try Files.makeDirectory(path, mode: 0o750) } catch {
                throw CommandError(
                    error.description, hint: "make it, or let systemd do it (StateDirectory=scangate in the unit)")
            }
        }
        guard let status = Files.status(path), status.isDirectory else {
            throw CommandError("[gateway] state_dir: \(path) is no directory")
        }
        guard status.mode & 0o022 == 0 else {
            throw CommandError(
                "\(path) can be written by others (mode \(String(status.mode, radix: 8)))",
                hint: "run: chmod 750 \(path)")
        }
        // Files made as root would be closed to the daemon.
        if geteuid() == 0 && status.owner != 0 {
            guard setegid(status.group) == 0, seteuid(status.owner) == 0 else {
                throw CommandError("cannot take on the rights of \(Users.name(status.owner)), who owns \(path)")
            }
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 || geteuid() != getuid() else {
            throw CommandError(
                "\(path) belongs to \(Users.name(status.owner))", hint: "run it as root, or as that user")
        }
    }
}

extension Configuration {
    /// The groups as the spool has to know them.
    var spoolGroups: SpoolGroups {
        SpoolGroups(
            groups.filter { $0.first.use != .mirror }.map(\.id),
            mirrors: groups.filter { $0.first.use == .mirror }.map(\.id))
    }

    /// What the intake judges by.
    var laneRules: LaneRules { LaneRules(labels: labels, defaults: lane, lanes: lanes) }
}
