internal import Crypto
internal import Identity
internal import JSON
internal import Model
internal import Scanners

extension Administrator {
    func addDevice(_ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8] {
        let name = try arguments.name(DeviceID.self, "name")
        let kindText = arguments["kind"] ?? "serial"
        guard let kind = Device.Kind(rawValue: kindText) else {
            let kinds = Device.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError("--kind \(Safe.text(kindText)): write one of \(kinds)", exit: .usage)
        }
        guard kind == .serial else {
            throw CommandError("--kind \(kind.rawValue): this version reads serial scanners only", exit: .usage)
        }
        // A device is its own lane unless it shares a table with others.
        let lane = arguments["lane"] == nil ? LaneID(name.text) : try arguments.name(LaneID.self, "lane")
        guard let lane else { throw CommandError("--lane is not valid", exit: .usage) }
        let options = arguments.table("options")
        // Kept and without effect it would be believed in.
        guard options["profile"] == nil else {
            throw CommandError(
                "--profile: profiles come in a later version",
                hint: "say what the scanner needs with --baud, --terminator, --prefix, --suffix", exit: .usage)
        }
        let settings: SerialSettings
        do { settings = try SerialSettings(options: options) } catch {
            throw CommandError(String(describing: error), exit: .usage)
        }
        if let other = try registry.devices().first(where: { $0.options["port"] == settings.port }) {
            throw CommandError(
                "device \(other.name) reads \(settings.port) already",
                hint: "remove that one first: scangate device remove \(other.name)")
        }
        var added = try registry.add(
            name, kind: kind, lane: lane, roles: try roles(arguments["roles"]), options: options, by: requester.text)
        defer { SecretBytes.wipe(&added.key) }
        try await publishDevices()
        return keyLine(added.device, added.key)
    }

    func listDevices() async throws -> [UInt8] {
        let counts = events.devices
        let devices = try registry.devices()
        var json = JSONWriter()
        json.object {
            $0.key("devices")
            $0.array { for device in devices { write(device, counts[device.name], to: &$0) } }
        }
        return json.bytes
    }

    func showDevice(_ arguments: CommandArguments) async throws -> [UInt8] {
        let device = try registry.device(try arguments.name(DeviceID.self, "name"))
        let keys = try registry.openKeys(of: device.name)
        let counts = events.devices[device.name]
        var json = JSONWriter()
        json.object {
            $0.key("device")
            write(device, counts, to: &$0)
            $0.key("keys")
            $0.array {
                for key in keys {
                    $0.object {
                        $0.member("kid", key.kid.text)
                        $0.member("alg", key.algorithm.rawValue)
                        $0.member("state", key.state.rawValue)
                    }
                }
            }
        }
        return json.bytes
    }

    func changeDevice(_ command: String, _ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8]
    {
        let name = try arguments.name(DeviceID.self, "name")
        switch command {
        case "device rotate-key":
            var rotated = try registry.rotateKey(name, by: requester.text)
            defer { SecretBytes.wipe(&rotated.key) }
            try await publishDevices()
            return keyLine(rotated.device, rotated.key)
        case "device remove": try registry.remove(name, by: requester.text)
        default: try registry.setEnabled(name, command == "device enable", by: requester.text)
        }
        try await publishDevices()
        var json = JSONWriter()
        json.object { $0.member("name", name.text) }
        return json.bytes
    }

    /// All devices with their keys, for the backend's registry: only with `--reveal`, only to root, and audited.
    func exportDevices(_ arguments: CommandArguments, _ requester: Requester) throws -> [UInt8] {
        guard arguments.flag("reveal") else {
            throw CommandError(
                "device export shows every device's secret key", hint: "run it as root with --reveal", exit: .usage)
        }
        guard requester.isRoot else { throw CommandError("device export --reveal is for root only", hint: "use sudo") }
        let devices = try registry.devices()
        try registry.note(
            "device export", subject: "\(devices.count) devices", detail: "--reveal", by: requester.text)
        var lines: [[UInt8]] = []
        for device in devices {
            for key in try registry.openKeys(of: device.name) {
                var one = device
                (one.kid, one.algorithm) = (key.kid, key.algorithm)
                lines.append(keyLine(one, key.key.bytes))
            }
        }
        var json = JSONWriter()
        json.object {
            $0.key("devices")
            $0.array { for line in lines { $0.raw(line) } }
        }
        return json.bytes
    }

    private func roles(_ text: String?) throws(CommandError) -> Set<ScanRole> {
        guard let text else { return [.parent, .child] }
        var roles: Set<ScanRole> = []
        for word in text.split(separator: ",") {
            guard let role = ScanRole(rawValue: String(word)), role != .other else {
                throw CommandError(
                    "--roles \(Safe.text(text)): write parent, child, or parent,child", exit: .usage)
            }
            roles.insert(role)
        }
        guard !roles.isEmpty else { throw CommandError("--roles: write parent, child, or parent,child", exit: .usage) }
        return roles
    }

    private func keyLine(_ device: Device, _ key: [UInt8]) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("gateway", gateway.text)
            $0.member("name", device.name.text)
            $0.member("kind", device.kind.rawValue)
            $0.member("lane", device.lane.text)
            $0.member("kid", device.kid.text)
            $0.member("alg", device.algorithm.rawValue)
            $0.member("key", Base64URL.encode(key))
        }
        return json.bytes
    }

    /// One device as every list shows it. `state` is `disabled`, `reading`, or `waiting` for its port.
    func write(_ device: Device, _ counts: EventHub.DeviceCounts?, to json: inout JSONWriter) {
        let connected = device.isEnabled && counts?.connected == true
        json.object {
            $0.member("name", device.name.text)
            $0.member("kind", device.kind.rawValue)
            $0.member("lane", device.lane.text)
            $0.member("roles", device.roles.map(\.rawValue).sorted().joined(separator: ","))
            $0.member("state", !device.isEnabled ? "disabled" : connected ? "reading" : "waiting")
            $0.member("connected", connected)
            $0.member("port", device.options["port"] ?? "")
            $0.member("kid", device.kid.text)
            $0.member("added_at", Timestamp.text(device.addedMs))
            $0.member("scans", counts?.scans ?? 0)
            $0.member("repeated", counts?.repeated ?? 0)
            $0.member("refused", counts?.refused.values.reduce(0, +) ?? 0)
            $0.member("dropped", counts?.dropped.values.reduce(0, +) ?? 0)
            $0.key("refused_by_reason")
            write(counts?.refused ?? [:], to: &$0)
            $0.key("dropped_by_reason")
            write(counts?.dropped ?? [:], to: &$0)
            $0.key("last_scan_at")
            if let at = counts?.lastScanMs { $0.string(Timestamp.text(at)) } else { $0.null() }
            $0.member("fault", device.isEnabled ? counts?.fault ?? "" : "")
        }
    }

    private func write(_ counts: [String: Int64], to json: inout JSONWriter) {
        json.object {
            for (reason, count) in counts.sorted(by: { $0.key < $1.key }) {
                $0.key(reason)
                $0.integer(count)
            }
        }
    }
}
