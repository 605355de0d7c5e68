public import Posix
internal import Udev

/// The nodes that scanners may be behind, now and as they come and go.
///
/// Confined to its poll thread after `start`.
public final class NodeWatch {
    private static let filter: UdevMonitor.Filter = [
        ("tty", ["ttyACM*", "ttyUSB*", "ttyS*", "ttyAMA*"]), ("input", ["event*"]), ("hidraw", ["hidraw*"]),
        ("video4linux", ["video*"]),
    ]

    private let monitor: UdevMonitor
    private var attached: [String: AttachedNode] = [:]

    /// Looks at what is attached; nothing is watched yet.
    public init() throws(SystemError) {
        monitor = try UdevMonitor(Self.filter)
        rescan()
    }

    /// The nodes that are attached, by path.
    public var nodes: [AttachedNode] { attached.values.sorted { $0.path < $1.path } }

    /// Calls `changed` on the poll thread when something may have changed: `refresh` is to be asked. On that thread.
    public func start(on poll: PollThread, _ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        try monitor.watch(on: poll, changed)
        // What came before the watch.
        rescan()
    }

    /// Looks at everything again, should an event have been lost.
    public func rescan() {
        let devices = monitor.devices()
        let places = Set(devices.map(\.sysPath))
        for (place, _) in attached where !places.contains(place) { attached[place] = nil }
        for device in devices { take(device) }
    }

    /// Takes in what has happened; whether the nodes are others now.
    public func refresh() -> Bool {
        let before = attached
        for change in monitor.changes() {
            switch change {
            case .lost: rescan()
            case .device(let device): take(device)
            }
        }
        return attached != before
    }

    /// Ends the watch; on the poll thread.
    public func stop() { monitor.stop() }

    private func take(_ device: UdevDevice) {
        var node = AttachedNode(device)
        node?.attachment = Sysfs.place(at: device.sysPath)?.inode ?? 0
        attached[device.sysPath] = node
    }
}

extension AttachedNode {
    /// Nil for what no scanner can be behind: a mouse, a keypad, a line of the board without a chip, a camera's node for
    /// what is said about its pictures, what is gone.
    init?(_ device: UdevDevice) {
        guard device.isPresent else { return nil }
        let kind: NodeKind
        switch device.subsystem {
        case "tty" where device.portType != 0 || device.usb != nil: kind = .serial
        case "input" where Self.isKeyboard(device.keys): kind = .keyboard
        case "video4linux" where device.givesPictures: kind = .camera
        case "hidraw" where Self.isBarcodeScanner(device.sysPath): kind = .hidpos
        default: return nil
        }
        self.init(
            kind: kind, path: device.node, sysPath: device.sysPath, name: device.name,
            usb: device.usb.map {
                USB(
                    vendor: $0.vendor, product: $0.product, serial: $0.serial, manufacturer: $0.manufacturer,
                    model: $0.model, port: $0.port, interface: $0.interface)
            }, driver: device.driver)
    }

    /// Whether labels can be typed with these keys: the digits, the letters and Enter (input-event-codes.h). A scanner
    /// has all keys of a keyboard; a power button or a remote control has not.
    static func isKeyboard(_ keys: String) -> Bool {
        let words = keys.split(separator: " ").reversed().map { UInt64($0, radix: 16) ?? 0 }
        let needed = Array(2...11) + Array(16...25) + [28] + Array(30...38) + Array(44...50)
        return needed.allSatisfy { key in key / 64 < words.count && words[key / 64] >> (key % 64) & 1 == 1 }
    }

    private static func isBarcodeScanner(_ sysPath: String) -> Bool {
        guard let descriptor = try? Files.read(sysPath + "/device/report_descriptor", limit: 4096) else { return false }
        return HIDReportDescriptor.isBarcodeScanner(descriptor)
    }
}
