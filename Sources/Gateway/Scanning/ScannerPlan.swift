internal import Identity
internal import Model
internal import Posix
internal import Scanners

/// Which nodes are read, how and for whom: a pure function of the registry and of what is attached, made anew whenever
/// either changes.
///
/// A scan under the wrong name is worse than none, so nothing is guessed: where two attached scanners fit a device,
/// neither is read until the admin says which, unless one of them is being read already.
struct ScannerPlan: Equatable {
    /// One node that is opened.
    struct Port: Equatable {
        /// What names it while it is attached: its place in sysfs, or the path of `--port`.
        let key: String
        /// What is opened.
        let path: String
        /// Its place in sysfs, and which time of being plugged in it is; nil for `--port`.
        let attached: Sysfs.Place?
        /// How it is spoken to.
        let kind: NodeKind
        /// What its driver needs, in the words of `device add`.
        let options: [String: String]
        /// Whose its scans are; empty where they are thrown away.
        let route: ScannerRoute?

        /// A scanner that nobody has registered: taken so that it types nowhere, and not listened to.
        var isIgnored: Bool { route == nil }
    }

    /// By key.
    private(set) var ports: [String: Port] = [:]
    /// Why an enabled device is not read.
    private(set) var faults: [DeviceID: String] = [:]

    /// What is attached, and how to find one's way in it.
    struct Surroundings {
        var nodes: [AttachedNode]
        var profiles: DeviceProfiles
        var unknown: ScannerSettings.Unknown
        /// The key of the node that each device has now.
        var current: [DeviceID: String] = [:]
        /// The node that a path leads to: links of /dev/serial/by-id.
        var resolve: (String) -> String = { $0 }
        /// What did what no scanner does, and is still there.
        var hostile: [Port] = []
    }

    /// Makes the plan.
    init(_ devices: [Device], _ around: Surroundings) {
        var claims: [String: (node: AttachedNode, claimants: [Claimant])] = [:]
        var lines: [String: [Claimant]] = [:]
        for device in devices {
            let claimant: Claimant
            do { claimant = try Claimant(device) } catch {
                if device.isEnabled { faults[device.name] = String(describing: error) }
                continue
            }
            if let port = device.options["port"] {
                lines[port, default: []].append(claimant)
                continue
            }
            switch Self.node(of: claimant, around) {
            case .success(let node): claims[node.sysPath, default: (node, [])].claimants.append(claimant)
            case .failure(let fault): if device.isEnabled { faults[device.name] = fault.text }
            }
        }
        // However it is named, a node has one port: two readers of a keyboard's kept grab would share its keys out
        // between them.
        var places: [String: (port: String, claimants: [Claimant])] = [:]
        for (port, claimants) in lines.sorted(by: { $0.key < $1.key }) {
            places[around.resolve(port), default: (port, [])].claimants += claimants
        }
        for (path, place) in places {
            let node = around.nodes.first { $0.path == path }
            if let key = node?.sysPath, place.claimants.contains(where: \.device.isEnabled),
                claims[key]?.claimants.contains(where: \.device.isEnabled) == true
            {
                claims[key]?.claimants += place.claimants
            } else {
                read(place.port, place.port, nil, node, place.claimants, around.profiles)
            }
        }
        for (key, claim) in claims {
            read(key, claim.node.path, claim.node.kind, claim.node, claim.claimants, around.profiles)
        }
        let ports = Set(places.filter { $0.value.claimants.contains(where: \.device.isEnabled) }.keys)
        // Given back, it would go on where others read: what it types is kept from them until it is unplugged.
        for port in around.hostile where port.kind == .keyboard && self.ports[port.key] == nil {
            guard !ports.contains(around.resolve(port.path)) else { continue }
            self.ports[port.key] = Port(
                key: port.key, path: port.path, attached: port.attached, kind: .keyboard, options: [:], route: nil)
        }
        guard around.unknown == .grab else { return }
        let hostile = Set(around.hostile.map { around.resolve($0.path) })
        let known = Set(claims.values.compactMap { $0.node.usb?.device })
        for node in around.nodes where node.kind == .keyboard && self.ports[node.sysPath] == nil {
            // The keyboard of a scanner that is read through another interface types as well.
            let isOfDevice = node.usb.map { known.contains($0.device) } ?? false
            guard !ports.contains(node.path), !hostile.contains(node.path),
                isOfDevice || around.profiles.isKnownScanner(node)
            else { continue }
            self.ports[node.sysPath] = Port(
                key: node.sysPath, path: node.path, attached: node.place, kind: .keyboard, options: [:], route: nil)
        }
    }

    private struct Claimant {
        let device: Device
        let match: DeviceMatch

        init(_ device: Device) throws(DeviceMatch.Mistake) {
            self.device = device
            match = try DeviceMatch(device.matches)
        }

        /// More of this and it knows better which scanner it means.
        var precision: Int {
            (match.serial == nil ? 0 : 4) + (match.port == nil ? 0 : 4) + (match.interface == nil ? 0 : 2)
                + (match.product == nil ? 0 : 1)
        }
    }

    private struct Fault: Error { let text: String }

    private static func node(of claimant: Claimant, _ around: Surroundings) -> Result<AttachedNode, Fault> {
        let fitting = around.nodes.filter(claimant.match.accepts)
        let wanted = claimant.device.matches.filter { !$0.hasPrefix("prefix=") }.joined(separator: " ")
        guard let first = fitting.first else {
            return .failure(
                Fault(text: "no scanner with \(Safe.text(wanted)) is attached; see: scangate device discover"))
        }
        // The interfaces of one device are one scanner.
        let scanners = Dictionary(grouping: fitting) { $0.usb.map { "usb \($0.port)" } ?? $0.sysPath }
        var mine = fitting
        if scanners.count > 1 {
            let current = around.current[claimant.device.name]
            guard let kept = scanners.values.first(where: { $0.contains { $0.sysPath == current } }) else {
                let places = scanners.values.compactMap { $0.first?.usb?.port }.sorted()
                return .failure(
                    Fault(
                        text: "\(scanners.count) attached scanners have \(Safe.text(wanted)), and none is guessed: "
                            + "say which, with --match path=\(places.joined(separator: " or path="))"))
            }
            mine = kept
        }
        let registered = NodeKind(rawValue: claimant.device.kind.rawValue)
        // As registered; after a change of mode what gives more: an answer, then whole labels.
        let order: [NodeKind] = [registered].compactMap { $0 } + [.serial, .hidpos, .keyboard, .camera]
        func rank(_ node: AttachedNode) -> (Int, UInt8, String) {
            (order.firstIndex(of: node.kind) ?? order.count, node.usb?.interface ?? 0, node.path)
        }
        return .success(mine.min { rank($0) < rank($1) } ?? first)
    }

    private mutating func read(
        _ key: String, _ path: String, _ kind: NodeKind?, _ node: AttachedNode?, _ claimants: [Claimant],
        _ profiles: DeviceProfiles
    ) {
        guard claimants.contains(where: \.device.isEnabled) else { return }
        let whole = claimants.filter { $0.match.prefix == nil && $0.device.isEnabled }
            .sorted { ($1.precision, $0.device.name.text) < ($0.precision, $1.device.name.text) }
        for loser in whole.dropFirst() {
            faults[loser.device.name] =
                "\(path) is read as \(whole[0].device.name): tell them apart with --match serial=, path= or prefix="
        }
        // A branch that is disabled stays: its labels are refused, and not taken for another scanner's.
        let branches = claimants.compactMap { claimant in
            claimant.match.prefix.map { ScannerRoute.Branch(prefix: $0, device: claimant.device.name) }
        }
        guard let speaker = whole.first?.device ?? claimants.first(where: \.device.isEnabled)?.device else { return }
        do {
            let options = try Self.options(of: speaker, kind, node, profiles)
            ports[key] = Port(
                key: key, path: path, attached: kind == nil ? nil : node?.place,
                kind: kind ?? NodeKind(rawValue: speaker.kind.rawValue) ?? .serial,
                options: options, route: ScannerRoute(branches: branches, other: whole.first?.device.name))
        } catch {
            for claimant in claimants where claimant.device.isEnabled {
                faults[claimant.device.name] = error.text
            }
        }
    }

    private static func options(
        of device: Device, _ kind: NodeKind?, _ node: AttachedNode?, _ profiles: DeviceProfiles
    ) throws(Fault) -> [String: String] {
        let registered = NodeKind(rawValue: device.kind.rawValue) ?? .serial
        var mode: DeviceProfile.Mode?
        if let name = device.options["profile"] {
            do throws(DeviceProfiles.Mistake) {
                if let node {
                    mode = try profiles.find(name, for: node).mode
                } else {
                    mode = try profiles.find(name, kind: kind ?? registered).mode
                }
            } catch { throw Fault(text: "\(Safe.text(error.description, limit: 300)); see: scangate device profiles") }
        } else if kind != nil, let node {
            mode = profiles.best(for: node).mode
        }
        var options = mode?.options ?? [:]
        // What was said of a keyboard means nothing to the serial port that it has become.
        if (kind ?? registered) == registered {
            for (key, value) in device.options where !["match", "profile", "port"].contains(key) {
                options[key] = value
            }
        }
        return options
    }
}

extension AttachedNode.USB {
    /// What several nodes of one scanner have in common.
    fileprivate var device: String { port }
}

extension Device {
    /// The `--match` texts.
    var matches: [String] { options["match"]?.split(separator: "\n").map(String.init) ?? [] }
}
