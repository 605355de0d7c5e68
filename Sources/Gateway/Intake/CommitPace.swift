internal import Model

/// How long the intake lets readings gather before it commits them: not at all, but where many devices scan at once.
///
/// A commit writes a page of the index for each lane that it has scans of, and wakes other threads: with eighty scans it
/// costs little more than with ten. From 500 scans a second by four devices or more on, over the last 100 ms, a commit
/// waits until some eighty scans have come, 40 ms at the most: nobody hears that in a scanner's beep. Devices that are
/// few, or slow, never wait: whoever scans one label after the other waits for the signal.
struct CommitPace {
    // In microseconds.
    private static let longest: Int64 = 40_000
    private static let window: Int64 = 100_000
    private static let busyScans = 50
    private static let busyDevices = 4
    private static let wantedScans: Int64 = 80

    private var startUs: Int64 = 0
    private var scans = 0
    private var devices: Set<DeviceID> = []
    /// What the last full window came to.
    private var waitUs: Int64 = 0

    /// Notes a commit: its scans and whose they are. Times are CLOCK_MONOTONIC in microseconds.
    mutating func note(_ scans: Int, of devices: some Sequence<DeviceID>, at nowUs: Int64) {
        close(nowUs)
        self.scans += scans
        // More of them change nothing.
        if self.devices.count < Self.busyDevices { self.devices.formUnion(devices) }
    }

    /// How long to wait before the next commit.
    mutating func wait(at nowUs: Int64) -> Int64 {
        close(nowUs)
        return waitUs
    }

    private mutating func close(_ nowUs: Int64) {
        let elapsed = nowUs - startUs
        guard elapsed >= Self.window else { return }
        let isBusy =
            scans >= Self.busyScans && devices.count >= Self.busyDevices && elapsed < 2 * Self.window
        let wait = isBusy ? min(Self.wantedScans * elapsed / Int64(scans), Self.longest) : 0
        // So many come by themselves while a commit runs.
        waitUs = wait < 1000 ? 0 : wait
        (startUs, scans) = (nowUs, 0)
        devices.removeAll(keepingCapacity: true)
    }
}
