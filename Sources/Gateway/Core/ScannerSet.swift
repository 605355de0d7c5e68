internal import Identity
internal import Model
internal import Posix
internal import Scanners

/// The scanners that are read: one driver for each enabled device of the registry, and none for any other.
actor ScannerSet {
    private let poll: PollThread
    private let sink: any ReadingSink
    private let clock: TimeSource
    private var ports: [DeviceID: (device: Device, port: ScannerPort)] = [:]
    private var isStopped = false
    private var next: [Device]?
    private var isFollowing = false
    private var followers: [CheckedContinuation<Void, Never>] = []

    init(poll: PollThread, sink: any ReadingSink, clock: TimeSource) {
        self.poll = poll
        self.sink = sink
        self.clock = clock
    }

    /// Starts, stops and restarts drivers so that they match the registry. A device whose settings are as they were
    /// goes on undisturbed. Returns when that is done, for these devices or newer ones.
    func follow(_ devices: [Device]) async {
        next = devices
        // One after the other: a list that waits for a port to close must not act after a newer one.
        guard !isFollowing else { return await withCheckedContinuation { followers.append($0) } }
        isFollowing = true
        while let devices = next {
            next = nil
            await apply(devices)
        }
        isFollowing = false
        for follower in followers { follower.resume() }
        followers = []
    }

    private func apply(_ devices: [Device]) async {
        let wanted = devices.filter(\.isEnabled)
        for (name, running) in ports
        where !wanted.contains(where: { $0.name == name && $0.options == running.device.options }) {
            ports[name] = nil
            await running.port.stop()
            sink.note(.disconnected(reason: "no longer read"), from: name)
        }
        for device in wanted where !isStopped && ports[device.name] == nil && device.kind == .serial {
            do {
                let settings = try SerialSettings(options: device.options)
                let port = ScannerPort(
                    route: ScannerRoute(device.name), path: settings.port, poll: poll, sink: sink, clock: clock
                ) { SerialDriver(settings) }
                ports[device.name] = (device, port)
                try await port.start()
            } catch {
                sink.note(.disconnected(reason: String(describing: error)), from: device.name)
            }
        }
    }

    /// Gives a signal through a device's own scanner; false where it is not there, or cannot be told. Nil where no port
    /// is read for it.
    func give(_ signal: Signal, to device: DeviceID) async -> Bool? { await ports[device]?.port.give(signal) }

    /// Stops all drivers; none is started again.
    func stop() async {
        isStopped = true
        for (_, running) in ports { await running.port.stop() }
        ports.removeAll()
    }
}
