internal import Gate
internal import Identity
internal import JSON
internal import Model
internal import Posix
internal import Spool
internal import Uplinks
internal import Wire

extension Administrator {
    /// How the gateway does: the object that `status --json` prints.
    func status() async throws -> [UInt8] {
        let now = clock.now()
        let spool = try await spoolStatus(now)
        let devices = try await devicesAsSeen()
        let uplinks = await uplinkStatuses()
        let lanes = await intake.laneStates()
        let doubts = await intake.laneDoubts()
        let faults = faults(spool, uplinks.map(\.status))
        var json = JSONWriter(reserving: 4096)
        json.object {
            $0.member("gateway", gateway.text)
            $0.member("version", Version.text)
            $0.member("healthy", faults.isEmpty)
            $0.key("faults")
            $0.array { for fault in faults { $0.string(fault) } }
            $0.member("uptime_s", startedAt.map { (now.uptimeNs - $0.uptimeNs) / 1_000_000_000 } ?? 0)
            $0.key("spool")
            write(spool, to: &$0)
            $0.key("devices")
            $0.array { for device in devices { write(device, to: &$0) } }
            $0.key("lanes")
            $0.array {
                for name in lanes.keys.sorted() {
                    writeLane(name, lanes[name] ?? LaneState(), isInDoubt: doubts[name] != nil, now, to: &$0)
                }
            }
            $0.key("uplinks")
            $0.array { for uplink in uplinks { write(uplink.status, uplink.counts, now, to: &$0) } }
            $0.key("signals")
            writeSignals(to: &$0)
        }
        return json.bytes
    }

    func listUplinks() async throws -> [UInt8] {
        let statuses = await uplinkStatuses()
        let now = clock.now()
        var json = JSONWriter()
        json.object {
            $0.key("uplinks")
            $0.array {
                for (status, counts) in statuses { write(status, counts, now, to: &$0) }
                guard startedAt == nil else { return }
                // No daemon: what is configured, and what waits for it.
                for group in configuration.groups {
                    for (index, uplink) in group.uplinks.enumerated() {
                        var idle = UplinkStatus(name: uplink.name, contract: uplink.contract, use: uplink.use)
                        idle.lastError = "the daemon does not run"
                        write(idle, index == 0 ? log.counts(of: group.id) : SpoolCounts(), now, to: &$0)
                    }
                }
            }
        }
        return json.bytes
    }

    /// Every uplink that runs; what waits is the group's, and said of its first.
    private func uplinkStatuses() async -> [(status: UplinkStatus, counts: SpoolCounts)] {
        var out: [(status: UplinkStatus, counts: SpoolCounts)] = []
        for delivery in deliveries {
            for (index, status) in await delivery.statuses().enumerated() {
                out.append((status, index == 0 ? log.counts(of: delivery.group) : SpoolCounts()))
            }
        }
        return out
    }

    func changeUplink(_ command: String, _ arguments: CommandArguments, _ requester: Requester) async throws -> [UInt8]
    {
        guard startedAt != nil else {
            throw CommandError("the daemon does not run", hint: "systemctl start scangate", exit: .daemonNotRunning)
        }
        let (group, name) = try uplink(arguments)
        guard let delivery = deliveries.first(where: { $0.group == group.id }) else {
            throw CommandError("uplink \(group.id) does not run", hint: "see: journalctl -u scangate")
        }
        if command == "uplink pause" { await delivery.pause(name) } else { await delivery.resume(name) }
        try registry.note(command, subject: name, detail: "", by: requester.text)
        return try await listUplinks()
    }

    /// The uplink that a command names, a fallback for instance, with its group; or the only one.
    func uplink(_ arguments: CommandArguments) throws(CommandError) -> (group: UplinkGroup, name: String) {
        let all = configuration.groups.flatMap { group in group.uplinks.map { (group, $0.name) } }
        if let name = arguments["uplink"] {
            if let found = all.first(where: { $0.1 == name }) { return found }
            throw CommandError(
                "there is no uplink \(Safe.text(name))",
                hint: "there is: \(all.map(\.1).joined(separator: ", "))", exit: .usage)
        }
        guard let only = all.first else {
            throw CommandError("there is no uplink", hint: "write one: [[uplink]] url = …", exit: .configuration)
        }
        guard all.count == 1 else {
            throw CommandError(
                "there are several uplinks", hint: "say which: \(all.map(\.1).joined(separator: ", "))", exit: .usage)
        }
        return only
    }

    /// What the gateway tells of itself over MQTT; nil where that cannot be read now.
    func gatewayStatus() async -> GatewayStatus? {
        guard let spool = try? await spoolStatus(clock.now()), let devices = try? registry.devices() else { return nil }
        let counts = events.devices
        let missing = devices.filter { $0.isEnabled && counts[$0.name]?.connected != true }
        return GatewayStatus(
            version: Version.text, configuration: configuration.fingerprint, waiting: Int(spool.counts.waiting),
            oldestAgeSeconds: spool.oldestAgeSeconds, rejected: Int(spool.counts.rejected),
            held: Int(spool.counts.held),
            scannersMissing: missing.map(\.name.text).sorted())
    }

    private struct SpoolStatus {
        var counts = SpoolCounts()
        var bytes: Int64 = 0
        var oldestAgeSeconds: Int64?
    }

    private func spoolStatus(_ now: Moment) async throws -> SpoolStatus {
        var status = SpoolStatus()
        status.bytes = try await intake.spoolBytes()
        guard !configuration.groups.isEmpty else {
            status.counts.waiting = log.unjudged
            return status
        }
        // A scan is one primary's; what a mirror has not got yet is its own business.
        for group in configuration.groups where group.first.use != .mirror {
            let counts = log.counts(of: group.id)
            status.counts.waiting += counts.waiting
            status.counts.rejected += counts.rejected
            status.counts.held += counts.held
            guard counts.waiting > 0 else { continue }
            let oldest = try await log.read { try $0.oldestWaiting(for: group.id) }
            guard let oldest, let scan = try? WireScan.decode(oldest.wire) else { continue }
            let age = age(of: scan.fields, now)
            status.oldestAgeSeconds = max(status.oldestAgeSeconds ?? 0, age)
        }
        return status
    }

    /// By uptime within one boot; by the wall clock, and so only as well as that is set, from an earlier one.
    private func age(of scan: ScanFields, _ now: Moment) -> Int64 {
        if scan.boot == clock.bootID { return max(0, (now.uptimeMs - scan.monoMs) / 1000) }
        return max(0, (now.wallMs - (Timestamp.parse(scan.ts) ?? now.wallMs)) / 1000)
    }

    private func faults(_ spool: SpoolStatus, _ uplinks: [UplinkStatus]) -> [String] {
        var faults: [String] = []
        if !events.spoolFault.isEmpty { faults.append("the spool refuses scans: \(events.spoolFault)") }
        if configuration.groups.isEmpty { faults.append("no uplink is configured") }
        for uplink in uplinks where uplink.state != .ok {
            // A pause or two between attempts is the normal course of a network.
            if uplink.state == .backingOff && (spool.oldestAgeSeconds ?? 0) < 60 { continue }
            faults.append("uplink \(uplink.name) \(uplink.state.rawValue): \(uplink.lastError ?? "")")
        }
        for uplink in uplinks {
            for lane in uplink.frozenLanes { faults.append("lane \(lane.key) stands still: \(lane.value)") }
        }
        if let age = spool.oldestAgeSeconds, age > 300 { faults.append("the oldest scan has waited for \(age) s") }
        return faults
    }

    private func write(_ spool: SpoolStatus, to json: inout JSONWriter) {
        json.object {
            $0.member("waiting", spool.counts.waiting)
            $0.member("rejected", spool.counts.rejected)
            $0.member("held", spool.counts.held)
            $0.member("bytes", spool.bytes)
            $0.key("oldest_age_s")
            if let age = spool.oldestAgeSeconds { $0.integer(age) } else { $0.null() }
        }
    }

    private func writeLane(
        _ name: LaneID, _ state: LaneState, isInDoubt: Bool, _ now: Moment, to json: inout JSONWriter
    ) {
        let settings = configuration.settings(for: name)
        let bag = state.currentParent(at: now.uptimeNs, boot: clock.bootID, settings: settings)
        let parent = isInDoubt ? nil : bag
        json.object {
            $0.member("name", name.text)
            $0.member("in_doubt", isInDoubt && bag != nil)
            $0.member("parent", parent ?? "")
            $0.member("children", parent == nil ? 0 : state.children)
        }
    }

    private func write(_ status: UplinkStatus, _ counts: SpoolCounts, _ now: Moment, to json: inout JSONWriter) {
        json.object {
            $0.member("name", status.name)
            $0.member("contract", status.contract.rawValue)
            $0.member("use", status.use.rawValue)
            $0.member("state", status.state.rawValue)
            $0.member("waiting", counts.waiting)
            $0.member("in_flight", status.inFlight)
            $0.member("accepted", status.accepted)
            $0.member("duplicates", status.duplicates)
            $0.member("rejected", status.rejected)
            $0.member("held", status.held)
            $0.member("retries", status.retries)
            $0.member("ambiguous", status.ambiguous)
            $0.member("extra_parent_posts", status.extraParentPosts)
            $0.member("foreign", status.foreignResults)
            $0.member("skipped", status.skipped)
            $0.member("plain_bytes", status.plainBytes)
            $0.member("sent_bytes", status.sentBytes)
            $0.key("last_accepted_s")
            if let at = status.lastAcceptedAt {
                $0.integer((now.uptimeNs - at.uptimeNs) / 1_000_000_000)
            } else {
                $0.null()
            }
            $0.key("last_error")
            if let error = status.lastError { $0.string(error) } else { $0.null() }
        }
    }
}
