internal import Identity
internal import JSON
internal import Model
internal import Posix
internal import Spool
internal import Uplinks

/// Carries out an admin's commands: the only owner of the registry, in the daemon behind the control socket, or in a
/// CLI command while no daemon runs.
///
/// An actor on a thread of its own, since the registry's commits block. Each command answers with JSON, which the CLI
/// prints as it is or as text.
actor Administrator {
    private let executor: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let registry: Registry
    let intake: Intake
    let log: SpoolLog
    let directory: String
    let gateway: GatewayID
    let clock: TimeSource
    nonisolated let events: EventHub
    nonisolated let signals: SignalSet
    var configuration: Configuration
    /// The deliveries that run now; none in a CLI command.
    var deliveries: [any Delivery] = []
    /// The scanners that are read; none in a CLI command.
    var scanners: ScannerSet?
    /// When the daemon became ready; nil in a CLI command.
    var startedAt: Moment?
    private var devicesChanged: @Sendable ([Device]) async -> Void = { _ in }

    init(
        registry: sending Registry, intake: Intake, log: SpoolLog, configuration: Configuration, gateway: GatewayID,
        clock: TimeSource, events: EventHub, signals: SignalSet
    ) {
        self.registry = registry
        self.intake = intake
        self.log = log
        self.configuration = configuration
        directory = configuration.gateway.stateDirectory
        self.gateway = gateway
        self.clock = clock
        self.events = events
        self.signals = signals
        executor = ThreadExecutor(name: "admin")
    }

    /// Ends the use of the registry and the thread.
    func close() {
        registry.close()
        executor.stop()
    }

    /// Calls `changed` with all devices now and after each change.
    func follow(_ changed: @escaping @Sendable ([Device]) async -> Void) async throws(CommandError) {
        devicesChanged = changed
        try await publishDevices()
    }

    /// What a daemon has and a command does not.
    func attach(deliveries: [any Delivery], scanners: ScannerSet, startedAt: Moment) {
        self.deliveries = deliveries
        self.scanners = scanners
        self.startedAt = startedAt
    }

    /// What holds after a reload.
    func use(_ configuration: Configuration, deliveries: [any Delivery]) {
        self.configuration = configuration
        self.deliveries = deliveries
    }

    /// Live events as JSON, until the watcher ends; the newest 256 where it does not keep up.
    nonisolated func watch() -> AsyncStream<[UInt8]> {
        let live = events.watch()
        return AsyncStream(bufferingPolicy: .bufferingNewest(256)) { continuation in
            // Unstructured: it ends with the stream that it feeds.
            let task = Task {
                for await event in live {
                    var json = JSONWriter()
                    event.write(to: &json)
                    continuation.yield(json.bytes)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Carries out one command; the result is JSON.
    func perform(_ request: ControlRequest, by requester: Requester) async throws(CommandError) -> [UInt8] {
        let arguments = CommandArguments(request.arguments)
        do {
            switch request.command {
            case "status": return try await status()
            case "device add": return try await addDevice(arguments, requester)
            case "device list": return try await listDevices()
            case "device show": return try await showDevice(arguments)
            case "device enable", "device disable", "device remove", "device rotate-key":
                return try await changeDevice(request.command, arguments, requester)
            case "device discover": return try discover()
            case "device trigger": return try await trigger(arguments)
            case "device export": return try exportDevices(arguments, requester)
            case "lane list", "lane show": return try await lanes(arguments)
            case "lane clear", "lane set-parent": return try await changeLane(request.command, arguments, requester)
            case "scans waiting", "scans rejected", "scans held", "scans find", "scans export":
                return try await listScans(request.command, arguments)
            case "scans retry", "scans release", "scans discard":
                return try await moveScans(request.command, arguments, requester)
            case "uplink list": return try await listUplinks()
            case "uplink pause", "uplink resume": return try await changeUplink(request.command, arguments, requester)
            case "uplink test": return try await testUplink(arguments)
            case "uplink cutover": return try await cutOver(arguments, requester)
            case "camera picture": return try await cameraPicture(arguments)
            case "signal list": return listSignals()
            case "signal test": return try await testSignal(arguments)
            case "audit show": return try showAudit(arguments)
            case "audit verify": return try verifyAudit()
            default:
                throw CommandError(
                    "the daemon does not know the command \"\(Safe.text(request.command))\"",
                    hint: "are CLI and daemon of the same version?", exit: .usage)
            }
        } catch {
            throw CommandError(wrapping: error)
        }
    }

    /// Has the intake and the scanners follow the registry.
    func publishDevices() async throws(CommandError) {
        do {
            let devices = try registry.devices()
            var admitted: [AdmittedDevice] = []
            for device in devices {
                if let one = AdmittedDevice(device, keys: try registry.openKeys(of: device.name)) {
                    admitted.append(one)
                }
            }
            // Those that are disabled, too: what a base sends for one of them is refused, and not in silence.
            signals.know(devices.map { ($0.name, $0.lane) })
            await intake.admit(admitted)
            await devicesChanged(devices)
        } catch {
            throw CommandError(wrapping: error)
        }
    }

    /// The group that a command is about: the one named, or the only primary's.
    func group(_ arguments: CommandArguments) throws(CommandError) -> GroupID {
        let groups = configuration.groups.map(\.id)
        guard let name = arguments["uplink"] else {
            guard let first = groups.first else {
                throw CommandError("there is no uplink", hint: "write one: [[uplink]] url = …", exit: .configuration)
            }
            let primaries = configuration.spoolGroups.primaries
            if primaries.count == 1 { return primaries[0] }
            guard groups.count == 1 else {
                throw CommandError(
                    "there are several groups of uplinks", hint: "say which: --uplink \(first)", exit: .usage)
            }
            return first
        }
        guard let group = groups.first(where: { $0.text == name }) else {
            throw CommandError(
                "there is no uplink \(Safe.text(name))",
                hint: "there is: \(groups.map(\.text).joined(separator: ", "))", exit: .usage)
        }
        return group
    }
}

/// The arguments of a command, read with a sentence for what is missing.
struct CommandArguments {
    private let value: JSONValue

    init(_ value: JSONValue) { self.value = value }

    /// The text of an argument, or nil.
    subscript(_ name: String) -> String? { value[name]?.string }
    /// Whether a flag is set.
    func flag(_ name: String) -> Bool { value[name]?.bool ?? false }
    /// A number, or nil.
    func number(_ name: String) -> Int64? { value[name]?.integer }
    /// The texts of a list.
    func list(_ name: String) -> [String] { value[name]?.array?.compactMap(\.string) ?? [] }
    /// The texts of a table.
    func table(_ name: String) -> [String: String] {
        var out: [String: String] = [:]
        for (key, value) in value[name]?.object ?? [] { out[key] = value.string }
        return out
    }

    /// A name of a given kind; throws where it is missing or not valid.
    func name<T: Name>(_ type: T.Type, _ argument: String) throws(CommandError) -> T {
        guard let text = self[argument] else { throw CommandError("\(argument) is missing", exit: .usage) }
        guard let name = T(text) else {
            throw CommandError(
                "\"\(Safe.text(text))\" is not a valid \(argument)", hint: "write \(T.rule)", exit: .usage)
        }
        return name
    }
}
