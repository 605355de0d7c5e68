internal import Model
internal import Scanners

/// Hands on what scanners read, and has those disabled that do what no scanner does.
struct QuarantiningSink: ReadingSink {
    private let next: any ReadingSink
    private let quarantine: @Sendable (DeviceID, _ reason: String) async -> Void

    init(_ next: any ReadingSink, quarantine: @escaping @Sendable (DeviceID, _ reason: String) async -> Void) {
        self.next = next
        self.quarantine = quarantine
    }

    func submit(_ reading: Reading, from device: DeviceID, reply: @escaping @Sendable (Acknowledgement) -> Void) {
        next.submit(reading, from: device, reply: reply)
    }

    func note(_ event: ScannerEvent, from device: DeviceID) {
        next.note(event, from: device)
        guard case .hostile(let reason) = event else { return }
        // Unstructured: drivers wait for nobody. The port is closed already; what comes late is only the registry's row.
        Task { await quarantine(device, reason) }
    }
}
