internal import Model
internal import Posix
internal import Scanners
internal import Spool
internal import Synchronization

/// What happens, in one place: each event writes its log line, bumps its counter, and reaches whoever watches.
///
/// Any thread. Bounds: a watcher that does not keep up loses its oldest events (256 are kept), never the daemon's
/// memory; counters are one row a device.
final class EventHub: Sendable {
    /// One device's counters since the daemon's start.
    struct DeviceCounts: Sendable {
        var connected = false
        var fault = ""
        var scans: Int64 = 0
        var repeated: Int64 = 0
        var refused: [String: Int64] = [:]
        var dropped: [String: Int64] = [:]
        var lastScanMs: Int64?
    }

    private struct State {
        var devices: [DeviceID: DeviceCounts] = [:]
        var watchers: [Int: AsyncStream<LiveEvent>.Continuation] = [:]
        var lastWatcher = 0
        var spoolFault = ""
        var isAtBound = false
        var loggedFault: (kind: String, atNs: Int64) = ("", 0)
        /// Labels of scans that watchers saw being stored, by scan id; at most 4,096, then none is added.
        var labels: [String: String] = [:]
    }

    private let state = Mutex(State())
    private let clock: TimeSource

    init(clock: TimeSource) { self.clock = clock }

    /// Every device's counters.
    var devices: [DeviceID: DeviceCounts] { state.withLock { $0.devices } }

    /// What goes wrong with the spool now, or empty.
    var spoolFault: String { state.withLock { $0.spoolFault } }

    /// The events from now on; ends when the watcher stops iterating.
    func watch() -> AsyncStream<LiveEvent> {
        let (stream, continuation) = AsyncStream.makeStream(of: LiveEvent.self, bufferingPolicy: .bufferingNewest(256))
        let number = state.withLock { state in
            state.lastWatcher += 1
            state.watchers[state.lastWatcher] = continuation
            return state.lastWatcher
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { state in
                state.watchers[number] = nil
                if state.watchers.isEmpty { state.labels.removeAll() }
            }
        }
        return stream
    }

    /// Whether anybody watches, and an event has to be made at all.
    var isWatched: Bool { state.withLock { !$0.watchers.isEmpty } }

    /// Readings are on stable storage, those of one commit together: one lock, however many they are.
    func stored(_ items: [IntakeQueue.Item], _ accepted: [AcceptedReading]) {
        let watchers = state.withLock { state in
            for one in accepted {
                Self.count(
                    &state.devices[items[one.place].device, default: DeviceCounts()], isNew: one.isNew,
                    atMs: items[one.place].reading.capturedAt.wallMs)
                guard let event = one.event, !event.id.isEmpty, state.labels.count < 4096 else { continue }
                state.labels[event.id] = event.label
            }
            return state.watchers.isEmpty ? [] : Array(state.watchers.values)
        }
        guard !watchers.isEmpty else { return }
        let now = clock.now().wallMs
        for one in accepted {
            guard var event = one.event else { continue }
            event.atMs = now
            event.signal = one.signal.rawValue
            for watcher in watchers { watcher.yield(event) }
        }
    }

    private static func count(_ counts: inout DeviceCounts, isNew: Bool, atMs: Int64) {
        if isNew { counts.scans += 1 } else { counts.repeated += 1 }
        counts.lastScanMs = atMs
    }

    /// A reading was not taken.
    func refused(_ device: DeviceID, _ label: [UInt8], code: String, text: String) {
        count(device) {
            $0.refused[code, default: 0] += 1
        } event: { now in
            var event = LiveEvent(kind: .refused, atMs: now, device: device.text)
            event.label = String(decoding: label.prefix(200), as: UTF8.self)
            event.text = text
            event.signal = Signal.refused.rawValue
            return event
        }
    }

    /// Something happened to a scanner.
    func scanner(_ event: ScannerEvent, _ device: DeviceID) {
        switch event {
        case .connected(let port):
            Log.notice("scanner \(device): reading \(port)")
            count(device) {
                ($0.connected, $0.fault) = (true, "")
            } event: {
                LiveEvent(kind: .connected, atMs: $0, device: device.text, text: port)
            }
        case .disconnected(let reason):
            Log.warning("scanner \(device): \(reason); it is read again when it is back")
            count(device) {
                ($0.connected, $0.fault) = (false, reason)
            } event: {
                LiveEvent(kind: .disconnected, atMs: $0, device: device.text, text: reason)
            }
        case .hostile(let reason):
            Log.error(
                "scanner \(device): \(reason); it is disabled: look at it, then: scangate device enable \(device)")
            count(device) {
                ($0.connected, $0.fault) = (false, reason)
            } event: {
                LiveEvent(kind: .disconnected, atMs: $0, device: device.text, text: reason)
            }
        case .complaint(let text): Log.warning("scanner \(device): \(text)")
        // The lane's doubt is told, once.
        case .missed: break
        case .dropped(let reason):
            count(device) {
                $0.dropped[reason.rawValue, default: 0] += 1
            } event: {
                LiveEvent(
                    kind: .dropped, atMs: $0, device: device.text, text: reason.rawValue,
                    signal: Signal.refused.rawValue)
            }
        }
    }

    /// A verdict came. Watchers get it with the label, where they saw the scan being stored.
    func judged(_ id: UUID, _ event: (_ nowMs: Int64) -> LiveEvent) {
        let label = state.withLock { $0.labels.removeValue(forKey: id.description) }
        publish { now in
            var event = event(now)
            event.label = label ?? ""
            return event
        }
    }

    /// An uplink changed its state.
    func uplink(_ text: String) {
        publish { LiveEvent(kind: .uplink, atMs: $0, text: text) }
    }

    /// A commit failed, or the file could not be opened again. Said once a fault.
    func spoolFailed(_ error: SpoolError) {
        guard isNewFault(error, isAtBound: false) else { return }
        Log.error("spool: \(error.description); scans are refused until it is well again")
    }

    /// The spool is at a bound. Said once a bound, and each minute in which a scan is refused for it.
    func refusedBySpool(_ error: SpoolError, isScan: Bool = true) {
        guard isNewFault(error, isAtBound: error.code == .full, isScan: isScan) else { return }
        Log.error("spool: \(error.description); scans are refused")
    }

    /// A damaged file was set aside.
    func spoolSetAside(_ path: String, _ error: SpoolError) {
        Log.error(
            "spool: damaged (\(error.message)); set aside as \(path), scanning goes on in a new one; "
                + SpoolRecovery.advice(path))
    }

    /// The file is well; a bound that is reached is another matter.
    func spoolRecovered() { state.withLock { if !$0.isAtBound { $0.spoolFault = "" } } }

    /// No bound is reached now; a failure of the file is another matter.
    func spoolHasRoom() {
        state.withLock { state in
            if state.isAtBound { (state.spoolFault, state.isAtBound) = ("", false) }
        }
    }

    /// Notes a fault; whether to log it: once a fault, and again after a minute of the same where a scan met it.
    private func isNewFault(_ error: SpoolError, isAtBound: Bool, isScan: Bool = true) -> Bool {
        // Numbers in the message change with every scan; the kind of fault does not.
        let kind = "\(error.code) \(error.hint)"
        let now = clock.now().uptimeNs
        return state.withLock { state in
            (state.spoolFault, state.isAtBound) = (error.description, isAtBound)
            guard state.loggedFault.kind != kind || isScan && now - state.loggedFault.atNs > 60_000_000_000 else {
                return false
            }
            state.loggedFault = (kind, now)
            return true
        }
    }

    private func count(
        _ device: DeviceID, _ change: (inout DeviceCounts) -> Void, event: (_ nowMs: Int64) -> LiveEvent
    ) {
        let watchers = state.withLock { state in
            change(&state.devices[device, default: DeviceCounts()])
            return state.watchers.isEmpty ? [] : Array(state.watchers.values)
        }
        guard !watchers.isEmpty else { return }
        let event = event(clock.now().wallMs)
        for watcher in watchers { watcher.yield(event) }
    }

    private func publish(_ event: (_ nowMs: Int64) -> LiveEvent) {
        let watchers = state.withLock { $0.watchers.isEmpty ? [] : Array($0.watchers.values) }
        guard !watchers.isEmpty else { return }
        let event = event(clock.now().wallMs)
        for watcher in watchers { watcher.yield(event) }
    }
}
