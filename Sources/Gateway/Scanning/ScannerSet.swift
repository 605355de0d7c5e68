internal import Identity
internal import Model
internal import Posix
internal import Scanners

/// The scanners that are read: one port for each node of the plan, which follows the registry and what is attached.
///
/// An actor on the poll thread, where the ports are.
actor ScannerSet {
    private let poll: PollThread
    private let sink: any ReadingSink
    private let clock: TimeSource
    private let watch: NodeWatch?
    private let grabs: KeptGrabs
    private let frames: FrameFolder
    private var settings: ScannerSettings
    private var devices: [Device] = []
    private var running: [String: (plan: ScannerPlan.Port, port: ScannerPort)] = [:]
    /// What did what no scanner does, by key, until it is unplugged or read again. At most one for each node.
    private var hostile: [String: ScannerPlan.Port] = [:]
    private var faults: [DeviceID: String] = [:]
    /// What is seen of each camera since the start, also while it is away.
    private var windows: [DeviceID: CameraWindow] = [:]
    private var isStopped = false
    private var isDirty = false
    private var isFollowing = false
    private var followers: [CheckedContinuation<Void, Never>] = []

    /// Runs on the poll thread.
    nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    init(
        poll: PollThread, sink: any ReadingSink, settings: ScannerSettings, grabs: KeptGrabs, frames: FrameFolder,
        clock: TimeSource
    ) {
        self.poll = poll
        self.sink = sink
        self.settings = settings
        self.clock = clock
        self.grabs = grabs
        self.frames = frames
        do { watch = try NodeWatch() } catch {
            Log.warning("scanners are found by --port only: \(error.description)")
            watch = nil
        }
    }

    /// Begins to follow what is attached; before `follow`.
    func start() {
        do {
            try watch?.start(on: poll) { [weak self] in self?.assumeIsolated { $0.attachedChanged() } }
        } catch {
            // Lines with a --port need none of it.
            Log.error(
                "what is plugged in from now on is found at the next start only: \(error.description); the unit has to "
                    + "allow AF_NETLINK")
        }
    }

    /// Starts, stops and restarts ports so that they match the registry. A scanner whose settings are as they were goes
    /// on undisturbed. Returns when that is done, for these devices or newer ones.
    func follow(_ devices: [Device]) async {
        self.devices = devices
        // The admin has just plugged it in, and an event may have been lost.
        watch?.rescan()
        await apply()
    }

    /// Takes over what a reload has changed.
    func use(_ settings: ScannerSettings) async {
        guard settings != self.settings else { return }
        self.settings = settings
        await apply()
    }

    /// Gives a signal through a device's own scanner; false where it is not there, or cannot be told. Nil where no port
    /// is read for it.
    func give(_ signal: Signal, to device: DeviceID) async -> Bool? { await port(of: device)?.give(signal) }

    /// Has a scanner read without its button, or end that; false where it is not attached, or knows no such command.
    func trigger(_ isOn: Bool, _ device: DeviceID) async -> Bool { await port(of: device)?.trigger(isOn) ?? false }

    /// The node of each device that is attached, whether it can be read or not.
    func nodes() -> [DeviceID: String] {
        var nodes: [DeviceID: String] = [:]
        for one in running.values { for device in one.plan.route?.devices ?? [] { nodes[device] = one.plan.path } }
        return nodes
    }

    /// How each camera does, or did while it was read.
    func cameras() -> [DeviceID: CameraWindow.Status] { windows.mapValues(\.status) }

    /// What came of a wish for a camera's picture.
    enum Look {
        case picture(CameraLook.Picture)
        /// None came in time.
        case none
        /// Too many wait for one already.
        case busy
        /// The camera is not read.
        case notRead
    }

    /// The next picture of a camera, or none after a time. The camera's thread makes it; nobody is kept meanwhile.
    func picture(of device: DeviceID, within patience: Duration) async -> Look {
        guard let window = windows[device], port(of: device) != nil else { return .notRead }
        return await withCheckedContinuation { continuation in
            let number = window.look { continuation.resume(returning: $0.map { .picture($0) } ?? .none) }
            guard let number else { return continuation.resume(returning: .busy) }
            // It holds nobody, and finds nothing where the picture has come.
            _ = poll.after(patience) { window.giveUp(number) }
        }
    }

    /// Stops all ports; none is started again.
    func stop() async {
        isStopped = true
        watch?.stop()
        let ports = running.values.map(\.port)
        running.removeAll()
        // Together: a line whose scanner takes no answer keeps its close waiting for half a minute.
        await withDiscardingTaskGroup { group in
            for port in ports { group.addTask { await port.stop() } }
        }
    }

    private func port(of device: DeviceID) -> ScannerPort? {
        running.values.first { $0.plan.route?.devices.contains(device) == true }?.port
    }

    private func attachedChanged() {
        guard watch?.refresh() == true, !isStopped else { return }
        // Unstructured: udev's word comes from the poll thread, and a port takes a moment to close.
        Task { await apply() }
    }

    private func apply() async {
        isDirty = true
        // One after the other: a plan that waits for a port to close must not act after a newer one.
        guard !isFollowing else { return await withCheckedContinuation { followers.append($0) } }
        isFollowing = true
        while isDirty {
            isDirty = false
            await carryOut(await plan())
        }
        isFollowing = false
        for follower in followers { follower.resume() }
        followers = []
    }

    private func plan() async -> ScannerPlan {
        for (key, one) in running where await one.port.isHostile { hostile[key] = one.plan }
        var around = ScannerPlan.Surroundings(
            nodes: watch?.nodes ?? [], profiles: settings.profiles, unknown: settings.unknown)
        around.resolve = { Files.resolved($0) ?? $0 }
        for (key, one) in running { for device in one.plan.route?.devices ?? [] { around.current[device] = key } }
        hostile = hostile.filter { _, port in
            guard let attached = port.attached else { return Files.status(port.path) != nil }
            return around.nodes.contains { $0.place == attached }
        }
        around.hostile = Array(hostile.values)
        return ScannerPlan(devices, around)
    }

    private func carryOut(_ plan: ScannerPlan) async {
        let cameras = Set(devices.lazy.filter { $0.kind == .camera }.map(\.name))
        windows = windows.filter { cameras.contains($0.key) }
        var told: Set<DeviceID> = []
        for (key, one) in running where plan.ports[key] != one.plan {
            running[key] = nil
            // A port that was shut before has said why.
            let wasOpen = await one.port.stop()
            for device in one.plan.route?.devices ?? [] {
                told.insert(device)
                guard wasOpen else { continue }
                let reason = plan.faults[device] ?? "no longer read"
                sink.note(.disconnected(reason: reason), from: device)
            }
        }
        for (device, fault) in plan.faults where faults[device] != fault && !told.contains(device) {
            sink.note(.disconnected(reason: fault), from: device)
        }
        faults = plan.faults
        // Keyboards that are wanted no more are everybody's again.
        grabs.releaseAll(but: plan.ports.values.filter { $0.kind == .keyboard }.map(\.path))
        for (key, planned) in plan.ports where !isStopped && running[key] == nil {
            do {
                let makeDriver =
                    planned.isIgnored
                    ? ScannerDrivers.ignoring(keeper: grabs)
                    : try ScannerDrivers.make(
                        planned.kind, planned.options, keeper: grabs, clock: clock,
                        window: window(of: planned), keepFrame: keeper(of: planned.route?.devices.first))
                let port = ScannerPort(
                    route: planned.route ?? ScannerRoute(branches: []), path: planned.path,
                    place: planned.attached, poll: poll, sink: sink, clock: clock, makeDriver: makeDriver)
                running[key] = (planned, port)
                try await port.start()
                if !planned.isIgnored { hostile[key] = nil }
                await tellOfMode(planned, port)
            } catch {
                running[key] = nil
                for device in planned.route?.devices ?? [] {
                    sink.note(.disconnected(reason: String(describing: error)), from: device)
                }
            }
        }
    }

    /// What is seen of a camera; nil for another scanner. Devices that share a camera by their prefixes share its window.
    private func window(of planned: ScannerPlan.Port) -> CameraWindow? {
        guard planned.kind == .camera, let devices = planned.route?.devices else { return nil }
        let window = devices.lazy.compactMap { self.windows[$0] }.first ?? CameraWindow()
        for device in devices { windows[device] = window }
        return window
    }

    /// What a camera hands its best frame of a no-read to.
    private func keeper(of device: DeviceID?) -> (@Sendable ([UInt8]) -> Void)? {
        guard let device else { return nil }
        return { [frames, clock] jpeg in frames.keep(jpeg, of: device, at: clock.now().wallMs) }
    }

    private func tellOfMode(_ planned: ScannerPlan.Port, _ port: ScannerPort) async {
        if planned.isIgnored, await port.isOpen {
            Log.warning(
                "\(planned.path) is a scanner that is not registered or not enabled: it is kept from typing, and its labels are "
                    + "not taken; register it: scangate device discover")
        }
        for device in devices where planned.route?.devices.contains(device.name) == true {
            guard device.kind.rawValue != planned.kind.rawValue else { continue }
            Log.warning(
                "scanner \(device.name): it was registered as \(device.kind.rawValue) and is \(planned.kind.rawValue) now; it "
                    + "is read in that mode, with its profile's settings")
        }
    }
}
