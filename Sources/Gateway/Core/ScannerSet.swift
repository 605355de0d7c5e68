internal import Identity
internal import Model
internal import Posix
internal import Scanners

/// The scanners that are read: one driver for each enabled device of the registry, and none for any other.
actor ScannerSet {
    private let poll: PollThread
    private let sink: any ReadingSink
    private let clock: TimeSource
    private var ports: [DeviceID: (device: Device, port: SerialPort)] = [:]
    private var isStopped = false

    init(poll: PollThread, sink: any ReadingSink, clock: TimeSource) {
        self.poll = poll
        self.sink = sink
        self.clock = clock
    }

    /// Starts, stops and restarts drivers so that they match the registry. A device whose settings are as they were
    /// goes on undisturbed.
    func follow(_ devices: [Device]) async {
        guard !isStopped else { return }
        let wanted = devices.filter(\.isEnabled)
        for (name, running) in ports
        where !wanted.contains(where: { $0.name == name && $0.options == running.device.options }) {
            ports[name] = nil
            await running.port.stop()
            sink.note(.disconnected(reason: "no longer read"), from: name)
        }
        for device in wanted where ports[device.name] == nil && device.kind == .serial {
            do {
                let settings = try SerialSettings(options: device.options)
                let port = SerialPort(device: device.name, settings: settings, poll: poll, sink: sink, clock: clock)
                ports[device.name] = (device, port)
                try await port.start()
            } catch {
                sink.note(.disconnected(reason: String(describing: error)), from: device.name)
            }
        }
    }

    /// Stops all drivers; none is started again.
    func stop() async {
        isStopped = true
        for (_, running) in ports { await running.port.stop() }
        ports.removeAll()
    }
}
