internal import Gate
internal import Identity
internal import JSON
internal import Model
internal import Spool
internal import Uplinks

extension Administrator {
    func lanes(_ arguments: CommandArguments) async throws -> [UInt8] {
        let states = await intake.laneStates()
        let now = clock.now()
        let devices = try registry.devices()
        var names = Set(states.keys).union(devices.map(\.lane))
        if arguments["name"] != nil {
            let name = try arguments.name(LaneID.self, "name")
            guard names.contains(name) else {
                throw CommandError("there is no lane \(name)", hint: "see: scangate lane list")
            }
            names = [name]
        }
        var waiting: [LaneID: Int] = [:]
        for group in configuration.groups {
            waiting.merge(try await log.lanesWaiting(for: group.id)) { max($0, $1) }
        }
        let assignments = await intake.assignments()
        var json = JSONWriter()
        json.object {
            $0.key("lanes")
            $0.array {
                for name in names.sorted() {
                    let state = states[name] ?? LaneState()
                    let settings = configuration.settings(for: name)
                    let parent = state.currentParent(at: now.uptimeNs, boot: clock.bootID, settings: settings)
                    $0.object {
                        $0.member("name", name.text)
                        $0.member("parent", parent ?? "")
                        $0.member("children", parent == nil ? 0 : state.children)
                        $0.member("waiting", waiting[name] ?? 0)
                        $0.member("uplink", assignments.receiver(of: name)?.text ?? "")
                        // Where it goes with its next bag, or empty.
                        $0.member("moves_to", assignments.cutovers[name]?.target.text ?? "")
                        $0.key("devices")
                        $0.array { for device in devices where device.lane == name { $0.string(device.name.text) } }
                    }
                }
            }
        }
        return json.bytes
    }

    func changeLane(_ command: String, _ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8] {
        let name = try arguments.name(LaneID.self, "name")
        let old = await intake.laneStates()[name] ?? LaneState()
        let next: LaneState
        if command == "lane clear" {
            next = old.cleared()
        } else {
            let parent = arguments["parent"] ?? ""
            let known = configuration.labels.classify(Array(parent.utf8), symbology: .unknown)
            guard case .label(.parent, let data, _) = known,
                let state = old.settingParent(
                    String(decoding: data, as: UTF8.self), at: clock.now().uptimeNs, boot: clock.bootID)
            else {
                throw CommandError(
                    "\"\(Safe.text(parent))\" is no bag label by the label rules",
                    hint: "see: scangate label test \(Safe.text(parent))", exit: .usage)
            }
            next = state
        }
        try await intake.setState(name, next)
        try registry.note(
            command, subject: name.text, detail: "parent=\(next.parent) was=\(old.parent)", by: requester.text)
        return try await lanes(arguments)
    }
}
