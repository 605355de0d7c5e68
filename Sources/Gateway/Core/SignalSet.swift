internal import Model
internal import Posix
internal import Signals
internal import Synchronization

/// Gives operators their signals by the gateway's own outputs: knows which lane a device scans for. Any thread.
///
/// The scanners' own lights and beeps are their ports' business.
final class SignalSet: Sendable {
    let signaller: Signaller
    private let lanes = Mutex<[DeviceID: LaneID]>([:])

    init(clock: TimeSource) { signaller = Signaller(clock: clock) }

    /// The registered devices, and for which lanes they scan. A device that goes stays known, for signals that are on their way.
    func know(_ devices: [(DeviceID, LaneID)]) {
        lanes.withLock { lanes in for (device, lane) in devices { lanes[device] = lane } }
    }

    /// Gives a signal for what a device did; returns at once.
    func give(_ signal: Signal, from device: DeviceID) {
        guard !signaller.isSilent, let lane = lanes.withLock({ $0[device] }) else { return }
        signaller.give(signal, lane: lane)
    }

    /// The same for one commit's readings.
    func give(_ signals: some Sequence<(Signal, DeviceID)>) {
        guard !signaller.isSilent else { return }
        for (signal, device) in signals { give(signal, from: device) }
    }
}
