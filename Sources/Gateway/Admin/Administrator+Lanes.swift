internal import Gate
internal import Identity
internal import JSON
internal import Model
internal import Spool
internal import Uplinks

extension Administrator {
    func lanes(_ arguments: CommandArguments) async throws -> [UInt8] {
        let states = await intake.laneStates()
        let doubts = await intake.laneDoubts()
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
                    let bag = state.currentParent(at: now.uptimeNs, boot: clock.bootID, settings: settings)
                    // Without a bag there is nothing to doubt.
                    let doubt = bag == nil ? nil : doubts[name]
                    let parent = doubt == nil ? bag : nil
                    $0.object {
                        $0.member("name", name.text)
                        $0.member("parent", parent ?? "")
                        $0.member("children", parent == nil ? 0 : state.children)
                        $0.member("in_doubt", doubt != nil)
                        $0.key("doubt")
                        if let doubt, let bag {
                            $0.object {
                                // The bag that it had.
                                $0.member("parent", bag)
                                $0.member("children", state.children)
                                $0.member("reason", doubt.reason)
                                $0.member("since", Timestamp.text(doubt.since.wallMs))
                            }
                        } else {
                            $0.null()
                        }
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
        let changed: (old: LaneState, new: LaneState)?
        if command == "lane clear" {
            changed = try await intake.changeState(of: name) { $0.cleared() }
        } else {
            let parent = arguments["parent"] ?? ""
            var bag = ""
            if case .label(.parent, let data, _) = configuration.labels.classify(Array(parent.utf8)) {
                bag = String(decoding: data, as: UTF8.self)
            }
            changed = try await intake.changeState(of: name) { [bag, clock] old in
                old.settingParent(bag, at: clock.now().uptimeNs, boot: clock.bootID)
            }
            guard changed != nil else {
                throw CommandError(
                    "\"\(Safe.text(parent))\" is no bag label by the label rules",
                    hint: "see: scangate label test \(Safe.text(parent))", exit: .usage)
            }
        }
        try registry.note(
            command, subject: name.text, detail: "parent=\(changed?.new.parent ?? "") was=\(changed?.old.parent ?? "")",
            by: requester.text)
        return try await lanes(arguments)
    }
}
