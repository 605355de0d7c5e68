internal import Crypto
internal import Identity
internal import Model
internal import Posix
internal import Scanners

extension Administrator {
    func addDevice(_ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8] {
        let name = try arguments.name(DeviceID.self, "name")
        // A device is its own lane unless it shares a table with others.
        let lane = arguments["lane"] == nil ? LaneID(name.text) : try arguments.name(LaneID.self, "lane")
        guard let lane else { throw CommandError("--lane is not valid", exit: .usage) }
        var options = arguments.table("options")
        let match: DeviceMatch
        do { match = try DeviceMatch(arguments.list("match")) } catch {
            throw CommandError(error.description, exit: .usage)
        }
        // Sorted, so that what means the same is the same.
        let texts = arguments.list("match").sorted()
        if !texts.isEmpty { options["match"] = texts.joined(separator: "\n") }
        try Self.checkPlace(options["port"], match)
        let kind = try kind(arguments["kind"], port: options["port"], match)
        try checkSettings(options, kind)
        try checkConflicts(name, kind, options)
        var added = try registry.add(
            name, kind: kind, lane: lane, roles: try roles(arguments["roles"]), options: options, by: requester.text)
        defer { SecretBytes.wipe(&added.key) }
        try await publishDevices()
        return keyLine(added.device, added.key)
    }

    private static func checkPlace(_ port: String?, _ match: DeviceMatch) throws(CommandError) {
        let hint = "see what is attached: scangate device discover"
        if let port {
            guard port.hasPrefix("/") else {
                throw CommandError(
                    "--port \(Safe.text(port)): write a path, such as /dev/ttyACM0", hint: hint, exit: .usage)
            }
            guard !match.namesNode, match.interface == nil else {
                throw CommandError(
                    "--port and --match both say which scanner: write one of them", hint: hint, exit: .usage)
            }
        } else if !match.namesNode {
            throw CommandError(
                match.prefix == nil
                    ? "which scanner? write --match KEY=VALUE, or --port PATH"
                    : "--match prefix= says which label of a base: say which base as well, with --match serial= or --port",
                hint: hint, exit: .usage)
        }
    }

    // As it is written, else as the node is that is meant.
    private func kind(_ text: String?, port: String?, _ match: DeviceMatch) throws(CommandError) -> Device.Kind {
        guard let text else {
            if let port {
                let node = Files.resolved(port) ?? port
                return node.hasPrefix("/dev/input/")
                    ? .keyboard
                    : node.hasPrefix("/dev/hidraw") ? .hidpos : node.hasPrefix("/dev/video") ? .camera : .serial
            }
            let kinds = Set(attachedNodes().filter(match.accepts).map(\.kind))
            let best = [NodeKind.serial, .hidpos, .keyboard, .camera].first(where: kinds.contains)
            guard let kind = best.flatMap({ Device.Kind(rawValue: $0.rawValue) }) else {
                throw CommandError(
                    "no such scanner is attached, so that its kind is not known",
                    hint: "plug it in, or write --kind serial, keyboard, hidpos or camera", exit: .usage)
            }
            return kind
        }
        guard let kind = Device.Kind(rawValue: text) else {
            let kinds = NodeKind.allCases.map(\.rawValue).joined(separator: ", ")
            throw CommandError("--kind \(Safe.text(text)): write one of \(kinds)", exit: .usage)
        }
        guard NodeKind(rawValue: text) != nil else {
            throw CommandError(
                "--kind \(text): this version reads serial, keyboard and hidpos scanners and cameras", exit: .usage)
        }
        return kind
    }

    // What the driver would refuse later is refused now.
    private func checkSettings(_ options: [String: String], _ kind: Device.Kind) throws(CommandError) {
        let kind = NodeKind(rawValue: kind.rawValue) ?? .serial
        let known = ScannerDrivers.options(of: kind).union(["port", "match", "profile"])
        if let other = options.keys.sorted().first(where: { !known.contains($0) }) {
            let name = String(other.map { $0 == "_" ? "-" : $0 })
            let kinds = NodeKind.allCases.filter { ScannerDrivers.options(of: $0).contains(other) }.map(\.rawValue)
            throw CommandError(
                "--\(Safe.text(name)): a \(kind.rawValue) scanner has no such option",
                hint: kinds.isEmpty
                    ? "see: scangate device add --help"
                    : "leave it out; it is for --kind \(kinds.joined(separator: " or "))",
                exit: .usage)
        }
        var all: [String: String] = [:]
        if let profile = options["profile"] {
            do { all = try configuration.scanners.profiles.find(profile, kind: kind).mode.options } catch {
                throw CommandError(
                    "--profile \(Safe.text(profile)): \(Safe.text(error.description, limit: 300))",
                    hint: "see: scangate device profiles", exit: .usage)
            }
        }
        all.merge(options) { $1 }
        do { _ = try ScannerDrivers.make(kind, all) } catch {
            throw CommandError(String(describing: error), exit: .usage)
        }
    }

    // Two devices at one node are told apart by prefixes, or not at all.
    private func checkConflicts(_ name: DeviceID, _ kind: Device.Kind, _ options: [String: String]) throws {
        func place(_ options: [String: String]) -> String {
            if let port = options["port"] { return "port " + (Files.resolved(port) ?? port) }
            let match = options["match"]?.split(separator: "\n") ?? []
            return match.filter { !$0.hasPrefix("prefix=") }.joined(separator: " ")
        }
        func prefix(_ options: [String: String]) -> [UInt8]? {
            let match = options["match"]?.split(separator: "\n").map(String.init) ?? []
            return (try? DeviceMatch(match))?.prefix
        }
        // "S0" and "S03" are no two prefixes: the label 3… of the first is the second's.
        func overlap(_ one: [UInt8]?, _ two: [UInt8]?) -> Bool {
            guard let one, let two else { return one == nil && two == nil }
            return one.starts(with: two) || two.starts(with: one)
        }
        let others = try registry.devices()
        guard
            let other = others.first(where: {
                // A keyboard and a serial line of one scanner may be two devices.
                ($0.kind == kind || options["port"] != nil) && place($0.options) == place(options)
                    && overlap(prefix($0.options), prefix(options))
            })
        else { return }
        let what = options["port"] ?? place(options)
        throw CommandError(
            "device \(other.name) reads \(Safe.text(what)) already",
            hint:
                "several scanners of one base: give each a prefix that begins no other, and --match prefix=; otherwise remove that one first: "
                + "scangate device remove \(other.name)")
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
}
