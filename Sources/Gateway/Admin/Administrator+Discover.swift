internal import Identity
internal import JSON
internal import Model
internal import Posix
internal import Scanners

extension Administrator {
    /// What is attached now, as sysfs has it.
    func attachedNodes() -> [AttachedNode] {
        do { return try NodeWatch().nodes } catch { return [] }
    }

    /// Lists what is attached, and for each scanner that is not registered the command that registers it.
    func discover() throws -> [UInt8] {
        let nodes = attachedNodes()
        let devices = try registry.devices()
        let profiles = configuration.scanners.profiles
        var json = JSONWriter()
        json.object {
            $0.key("attached")
            $0.array {
                for node in nodes {
                    Discovery(node, among: nodes, devices, profiles, counts: events.devices).write(to: &$0)
                }
            }
        }
        return json.bytes
    }

    /// Starts or ends a read without the scanner's button.
    func trigger(_ arguments: CommandArguments) async throws -> [UInt8] {
        let device = try registry.device(try arguments.name(DeviceID.self, "name"))
        let isOn = !arguments.flag("off")
        guard await scanners?.trigger(isOn, device.name) == true else {
            throw CommandError(
                "\(device.name) cannot be triggered: it is not attached, or its mode knows no such command",
                hint: "see: scangate device profiles; serial modes can, keyboards cannot")
        }
        var json = JSONWriter()
        json.object { $0.member("name", device.name.text) }
        return json.bytes
    }

    /// Disables a device that did what no scanner does; audited as the daemon's own doing.
    func quarantine(_ name: DeviceID, _ reason: String) async {
        do {
            guard try registry.device(name).isEnabled else { return }
            try registry.setEnabled(name, false, by: "scangate, because \(reason)")
            try await publishDevices()
        } catch {
            Log.error("scanner \(name): cannot be disabled: \(error); it is not read until the daemon starts again")
        }
    }
}

/// One attached node as `device discover` shows it.
struct Discovery {
    private let node: AttachedNode
    private let device: Device?
    private let isRead: Bool
    private let profile: DeviceProfiles.Match
    private let isScanner: Bool
    private let match: [String]

    init(
        _ node: AttachedNode, among nodes: [AttachedNode], _ devices: [Device], _ profiles: DeviceProfiles,
        counts: [DeviceID: EventHub.DeviceCounts]
    ) {
        self.node = node
        profile = profiles.best(for: node)
        device = devices.first { device in
            if let port = device.options["port"] { return (Files.resolved(port) ?? port) == node.path }
            guard let match = try? DeviceMatch(device.matches) else { return false }
            return match.accepts(node)
        }
        isRead = device.map { $0.isEnabled && counts[$0.name]?.connected == true } ?? false
        isScanner = node.kind == .hidpos || (node.kind == .serial && node.usb != nil) || profiles.isKnownScanner(node)
        match = Self.match(node, among: nodes)
    }

    /// What tells the scanner from all others that are attached: its number where it has one of its own, else its place.
    static func match(_ node: AttachedNode, among nodes: [AttachedNode]) -> [String] {
        guard let usb = node.usb else { return node.name.isEmpty ? [] : ["name=\(node.name)"] }
        let ids = "usb=\(hex(usb.vendor)):\(hex(usb.product))"
        let twins = nodes.filter { other in
            other.usb.map { $0.vendor == usb.vendor && $0.serial == usb.serial && $0.port != usb.port } ?? false
        }
        let place = usb.serial.isEmpty || !twins.isEmpty ? "path=\(usb.port)" : "serial=\(usb.serial)"
        let interfaces = nodes.filter { $0.kind == node.kind && $0.usb?.port == usb.port }
        return [ids, place] + (interfaces.count > 1 ? ["interface=\(usb.interface)"] : [])
    }

    private var command: String {
        var words = ["scangate device add NAME", "--kind \(node.kind.rawValue)"]
        if node.usb == nil && node.kind == .serial { words.append("--port \(node.path)") }
        words += node.usb == nil && node.kind == .serial ? [] : match.map { "--match \(Self.quoted($0))" }
        return words.joined(separator: " ")
    }

    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("kind", node.kind.rawValue)
            $0.member("path", node.path)
            $0.member("usb", node.usb.map { "\(Self.hex($0.vendor)):\(Self.hex($0.product))" } ?? "")
            $0.member("serial", node.usb?.serial ?? "")
            $0.member("port", node.usb?.port ?? "")
            $0.member("model", model)
            $0.member("profile", profile.name)
            $0.member("state", state)
            $0.member("device", device?.name.text ?? "")
            $0.member("add", device == nil ? command : "")
            $0.member("note", note)
        }
    }

    private var model: String {
        guard let usb = node.usb else { return node.name }
        let text = [usb.manufacturer, usb.model].filter { !$0.isEmpty }.joined(separator: " ")
        return text.isEmpty ? node.name : text
    }

    private var state: String {
        guard let device else { return isScanner ? "new" : "unknown" }
        return !device.isEnabled ? "disabled" : isRead ? "reading" : "waiting"
    }

    private var note: String {
        if profile.profile.isBase {
            return
                "a cordless base: with several scanners, have each send a prefix of its own and add each of them with "
                + "--match prefix=TEXT as well"
        }
        guard device == nil, !isScanner else { return "" }
        return switch node.kind {
        case .keyboard:
            "a keyboard, or a scanner that passes for one: add it only if it is a scanner, since its keys then go nowhere else"
        case .camera: "a camera: add it if it is to read labels"
        case .serial, .hidpos: "a serial line: a scanner may be behind it"
        }
    }

    private static func hex(_ id: UInt16) -> String {
        let digits = String(id, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// For a shell: what a device calls itself may hold anything.
    private static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy {
            ($0 >= 0x30 && $0 <= 0x3A) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x61 && $0 <= 0x7A)
                || [0x2D, 0x2E, 0x3D, 0x5F].contains($0)
        }
        return plain
            ? text : "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
