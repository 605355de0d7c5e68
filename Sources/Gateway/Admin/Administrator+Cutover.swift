internal import Identity
internal import JSON
internal import Model
internal import Posix
internal import Spool
internal import Uplinks

extension Administrator {
    /// Moves lanes from one primary to another, or back. Audited before and durable when it answers.
    func cutOver(_ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8] {
        let (old, new) = (try primary(arguments, "old"), try primary(arguments, "new"))
        guard old != new else {
            throw CommandError("\(old) and \(new) are one uplink", hint: "name two primaries", exit: .usage)
        }
        let lanes = try await lanesToMove(arguments)
        let isBack = arguments.flag("back")
        try registry.note(
            isBack ? "uplink cutover --back" : "uplink cutover", subject: lanes?.first?.text ?? "all lanes",
            detail: isBack ? "from=\(new) to=\(old)" : "from=\(old) to=\(new)", by: requester.text)
        if isBack {
            let before = await intake.assignments()
            let reply = try await cutBack(lanes, to: old, from: new)
            // Names the wrong way round, for instance.
            guard await intake.assignments() != before else {
                throw CommandError(
                    "\(lanes?.first.map { "lane \($0)" } ?? "no lane") did not go from \(old) to \(new): nothing is changed",
                    hint: "write the uplinks as in the cutover that is taken back, and see: scangate lane list")
            }
            return reply
        }
        let moved = try await intake.cutOver(lanes, from: old, to: new)
        if let only = lanes?.first, moved.isEmpty {
            let receiver = await intake.assignments().receiver(of: only)
            throw CommandError(
                "lane \(only) is not \(old)'s",
                hint: receiver.map { "it is \($0)'s already" } ?? "see: scangate lane list")
        }
        return reply(old, new, moved.mapValues { ($0 ? "moved" : "moves with its next bag", nil) })
    }

    /// Takes all lanes back because the new backend does badly (`rollback`). Where it has none, nothing happens.
    func rollBack(from new: GroupID, to old: GroupID, because reason: String) async {
        let assignments = await intake.assignments()
        let lanes = await intake.laneStates().keys.filter { assignments.part(of: old, in: $0, takenBy: new) != nil }
        guard !lanes.isEmpty else { return }
        Log.error(
            "cutover: \(new): \(reason): its lanes go back to \(old) (rollback); mend it, then: "
                + "scangate uplink cutover \(old) \(new)")
        events.uplink("\(new): \(reason): its lanes go back to \(old)")
        do {
            try registry.note(
                "uplink cutover --back", subject: "all lanes", detail: "from=\(new) to=\(old) automatic: \(reason)",
                by: "the daemon")
            _ = try await cutBack(nil, to: old, from: new)
        } catch {
            Log.error(
                "cutover: the lanes of \(new) cannot go back: \(error); try: scangate uplink cutover \(old) \(new) --back"
            )
        }
    }

    /// Takes lanes back to the primary they came from; what that has not seen it gets now.
    func cutBack(_ lanes: [LaneID]?, to old: GroupID, from new: GroupID) async throws -> [UInt8] {
        let back = try await intake.cutBack(lanes, to: old, from: new)
        for (lane, result) in back.sorted(by: { $0.key < $1.key }) where result.gone > 0 {
            Log.error(
                "cutover: lane \(lane): \(result.gone) scans since the cutover are kept no more ([spool] keep_accepted): "
                    + "\(old) does not get them, \(new) has them")
        }
        return reply(new, old, back.mapValues { ("taken back", ($0.replayed, $0.gone)) })
    }

    private func reply(
        _ from: GroupID, _ to: GroupID, _ lanes: [LaneID: (state: String, counts: (replayed: Int64, gone: Int64)?)]
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("from", from.text)
            $0.member("to", to.text)
            $0.key("lanes")
            $0.array {
                for (lane, result) in lanes.sorted(by: { $0.key < $1.key }) {
                    $0.object {
                        $0.member("name", lane.text)
                        $0.member("state", result.state)
                        if let counts = result.counts {
                            $0.member("replayed", counts.replayed)
                            $0.member("not_kept", counts.gone)
                        }
                    }
                }
            }
        }
        return json.bytes
    }

    private func primary(_ arguments: CommandArguments, _ which: String) throws(CommandError) -> GroupID {
        let primaries = configuration.spoolGroups.primaries
        let name = arguments[which] ?? ""
        guard let group = primaries.first(where: { $0.text == name }) else {
            let there = primaries.map(\.text).joined(separator: ", ")
            throw CommandError(
                "there is no primary \"\(Safe.text(name))\"",
                hint: primaries.count < 2
                    ? "write another [[uplink]] with use = \"primary\" and a backend of its own; there is: \(there)"
                    : "there is: \(there)", exit: .usage)
        }
        return group
    }

    // Nil means all of them.
    private func lanesToMove(_ arguments: CommandArguments) async throws -> [LaneID]? {
        guard arguments["lane"] != nil else { return nil }
        let lane = try arguments.name(LaneID.self, "lane")
        guard await intake.laneStates()[lane] != nil else {
            throw CommandError("lane \(lane) has not scanned yet", hint: "see: scangate lane list")
        }
        return [lane]
    }
}
