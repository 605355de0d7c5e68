internal import Crypto
internal import Identity
internal import JSON
internal import Model
internal import Scanners

extension Administrator {
    func listDevices() async throws -> [UInt8] {
        let devices = try await devicesAsSeen()
        var json = JSONWriter()
        json.object {
            $0.key("devices")
            $0.array { for device in devices { write(device, to: &$0) } }
        }
        return json.bytes
    }

    func showDevice(_ arguments: CommandArguments) async throws -> [UInt8] {
        let device = try registry.device(try arguments.name(DeviceID.self, "name"))
        let keys = try registry.openKeys(of: device.name)
        let seen = SeenDevice(
            device: device, counts: events.devices[device.name], node: await scanners?.nodes()[device.name],
            camera: await scanners?.cameras()[device.name])
        var json = JSONWriter()
        json.object {
            $0.key("device")
            write(seen, to: &$0)
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

    func keyLine(_ device: Device, _ key: [UInt8]) -> [UInt8] {
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

    /// Every device with what is known of it now.
    func devicesAsSeen() async throws -> [SeenDevice] {
        let counts = events.devices
        let nodes = await scanners?.nodes() ?? [:]
        let cameras = await scanners?.cameras() ?? [:]
        return try registry.devices().map {
            SeenDevice(device: $0, counts: counts[$0.name], node: nodes[$0.name], camera: cameras[$0.name])
        }
    }

    /// One device as every list shows it. `state` is `disabled`, `reading`, or `waiting` for its port; `port` is the node
    /// that it has now, or the path that it was registered with.
    func write(_ seen: SeenDevice, to json: inout JSONWriter) {
        let (device, counts) = (seen.device, seen.counts)
        let connected = device.isEnabled && counts?.connected == true
        json.object {
            $0.member("name", device.name.text)
            $0.member("kind", device.kind.rawValue)
            $0.member("lane", device.lane.text)
            $0.member("roles", device.roles.map(\.rawValue).sorted().joined(separator: ","))
            $0.member("state", !device.isEnabled ? "disabled" : connected ? "reading" : "waiting")
            $0.member("connected", connected)
            $0.member("port", device.options["port"] ?? seen.node ?? "")
            $0.key("match")
            $0.array { for text in device.matches { $0.string(text) } }
            $0.member("profile", device.options["profile"] ?? "")
            $0.key("options")
            $0.object {
                for (option, text) in device.options.sorted(by: { $0.key < $1.key }) {
                    $0.key(option)
                    $0.string(text)
                }
            }
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
            guard let camera = seen.camera, device.kind == .camera else { return }
            $0.key("camera")
            write(camera, to: &$0)
        }
    }

    /// What its decoder does with a camera's frames; `recent` is of the last one to two minutes.
    private func write(_ camera: CameraWindow.Status, to json: inout JSONWriter) {
        func write(_ counts: CameraWindow.Counts, to json: inout JSONWriter) {
            json.member("frames", counts.frames)
            json.member("dropped", counts.dropped)
            json.member("decoded", counts.decoded)
            json.member("unreadable", counts.unreadable)
            json.member("poison", counts.poison)
            json.member("decoder_restarts", counts.decoderRestarts)
        }
        json.object {
            write(camera.counts, to: &$0)
            $0.key("frames_per_s")
            $0.value(.real((camera.rate * 10).rounded() / 10))
            $0.key("without")
            if let omission = camera.without { $0.string("\(omission)") } else { $0.null() }
            $0.key("recent")
            $0.object { write(camera.recent, to: &$0) }
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

/// A device, what it has done since the daemon's start, and where it is.
struct SeenDevice {
    let device: Device
    let counts: EventHub.DeviceCounts?
    /// Its node; nil where it is not attached, or no daemon looks.
    let node: String?
    /// What its frames do; nil for what is no camera, or was not read since the start.
    let camera: CameraWindow.Status?
}
