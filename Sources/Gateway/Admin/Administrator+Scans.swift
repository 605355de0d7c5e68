internal import Identity
internal import JSON
internal import Model
internal import Spool
internal import Uplinks
internal import Wire

extension Administrator {
    /// Lists scans by state, or those that hold a label. Read with a connection of its own: a search reads every scan,
    /// and must not keep the uplinks waiting.
    func listScans(_ command: String, _ arguments: CommandArguments) async throws -> [UInt8] {
        let shown = try listGroups(arguments, command)
        let limit = Int(min(max(arguments.number("limit") ?? 100, 1), 10_000))
        let after = arguments.number("after") ?? 0
        let label = arguments["label"]
        let state = command == "scans export" ? arguments["state"] ?? "all" : String(command.dropFirst("scans ".count))
        let (directory, groups) = (directory, configuration.spoolGroups)
        // Off this actor's thread: other commands go on during a long search.
        let entries = try await Task.detached { () throws -> [SpoolReader.Entry] in
            let reader = try SpoolReader(directory: directory, groups: groups)
            defer { reader.close() }
            func list(_ group: GroupID) throws -> [SpoolReader.Entry] {
                switch state {
                case "waiting": return try reader.waiting(for: group, after: after, limit: limit)
                case "rejected": return try reader.exceptions(.rejected, of: group, after: after, limit: limit)
                case "held": return try reader.exceptions(.held, of: group, after: after, limit: limit)
                case "find":
                    guard let label else { throw CommandError("label is missing", exit: .usage) }
                    return try Self.find(label, reader, group, after: after, limit: limit)
                case "all": return try reader.all(group: group, after: after, limit: limit)
                default: throw CommandError("--state: write all, waiting, rejected or held", exit: .usage)
                }
            }
            // A scan is one primary's, and what that one says of it counts.
            let entries = try shown.flatMap { group in
                try list(group).filter { $0.isIts || $0.exception != nil || shown.count == 1 }
            }
            return Array(entries.sorted { $0.scan.n < $1.scan.n }.prefix(limit))
        }.value
        var json = JSONWriter(reserving: 256 * entries.count + 64)
        json.object {
            $0.member("gateway", gateway.text)
            $0.member("uplink", shown.map(\.text).joined(separator: ", "))
            $0.key("scans")
            $0.array { for entry in entries { Self.write(entry, to: &$0) } }
            // Where the next page begins; null on the last one.
            $0.key("next")
            if entries.count == limit, let last = entries.last { $0.integer(last.scan.n) } else { $0.null() }
        }
        return json.bytes
    }

    /// Sends scans back to the backend, or gives them up. Durable and audited when it answers.
    func moveScans(_ command: String, _ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8] {
        let group = try group(arguments)
        let (from, to): (Set<ExceptionState>, ExceptionState) =
            switch command {
            case "scans retry": ([.rejected], .requeued)
            case "scans release": ([.held], .requeued)
            default: ([.rejected, .held], .discarded)
            }
        // Each once: a scan named twice would be sent twice.
        var numbers = Set(arguments.list("scans").compactMap(Int64.init)).sorted()
        if arguments.flag("all") {
            guard to != .discarded || arguments.flag("yes") else {
                throw CommandError(
                    "scans discard --all gives up every rejected and held scan, for good", hint: "add --yes",
                    exit: .usage)
            }
            let states = from
            let all = try await log.read { reader in
                try states.flatMap { try reader.exceptions($0, of: group, after: 0, limit: 100_000) }.map(\.scan.n)
            }
            numbers = Set(all).sorted()
        }
        guard !numbers.isEmpty || arguments.flag("all") else {
            throw CommandError(
                "say which scans", hint: "their numbers as `scangate scans rejected` shows them, or --all", exit: .usage
            )
        }
        // Before the move: a scan given up must be in the audit log whatever happens in between, so the row says what
        // was asked for; what was changed is in the reply and in each scan's reason.
        try registry.note(
            command, subject: numbers.map(String.init).joined(separator: " "), detail: "asked uplink=\(group)",
            by: requester.text)
        let moved = try await log.move(
            numbers, from: from, to: to, group: group,
            reason: to == .discarded ? "discarded by \(requester.text)" : "")
        let lanes = Set(moved.compactMap { LaneID($0.lane) })
        for delivery in deliveries where delivery.group == group { delivery.scansArrived(in: Array(lanes)) }
        let missed = Set(numbers).subtracting(moved.map(\.scan.n)).sorted()
        var json = JSONWriter()
        json.object {
            $0.key("scans")
            $0.array { for entry in moved { $0.integer(entry.scan.n) } }
            $0.key("not_changed")
            $0.array { for n in missed { $0.integer(n) } }
        }
        return json.bytes
    }

    /// For reading any group will do, so that a spool without uplinks can be looked at too; without a name all
    /// primaries, each with the scans that are its own.
    private func listGroups(_ arguments: CommandArguments, _ command: String) throws(CommandError) -> [GroupID] {
        if arguments["uplink"] == nil {
            let groups = configuration.spoolGroups
            if !groups.primaries.isEmpty { return groups.primaries }
            if groups.all.isEmpty, let none = GroupID("none") { return [none] }
        }
        return [try group(arguments)]
    }

    /// Scans whose label, bag or bytes as read are the text, in any case: what a person has in hand.
    private static func find(_ label: String, _ reader: SpoolReader, _ group: GroupID, after: Int64, limit: Int)
        throws -> [SpoolReader.Entry]
    {
        let wanted = label.uppercased()
        var found: [SpoolReader.Entry] = []
        var place = after
        while found.count < limit {
            let page = try reader.all(group: group, after: place, limit: 1000)
            for entry in page where found.count < limit {
                guard let scan = try? WireScan.decode(entry.scan.wire) else { continue }
                let texts = [scan.data, scan.raw ?? [], Array(scan.fields.parent.utf8)]
                if texts.contains(where: { String(decoding: $0, as: UTF8.self).uppercased() == wanted }) {
                    found.append(entry)
                }
            }
            guard let last = page.last, page.count == 1000 else { break }
            place = last.scan.n
        }
        return found
    }

    private static func write(_ entry: SpoolReader.Entry, to json: inout JSONWriter) {
        let state: String =
            switch entry.exception {
            case .requeued: "waiting"
            case let exception?: exception.rawValue
            case nil: !entry.isIts ? "another uplink's" : entry.isSettled ? "accepted" : "waiting"
            }
        json.object {
            $0.member("number", entry.scan.n)
            $0.member("uplink", entry.group.text)
            $0.member("lane", entry.lane)
            $0.member("state", state)
            $0.member("reason", entry.reason)
            $0.member("attempts", entry.attempts)
            $0.key("scan")
            let wire = entry.scan.wire
            // A file that was damaged, or mended by hand, must not make the whole list unreadable.
            if !wire.contains(where: { $0 < 32 || $0 == 127 }), (try? JSONValue.parse(wire))?.object != nil {
                $0.raw(wire)
            } else {
                $0.null()
                $0.member("damaged_b64", Base64URL.encode(wire))
            }
        }
    }
}
