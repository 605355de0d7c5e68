internal import Gateway
internal import JSON
internal import Model

enum StatusCommand {
    static let status = Command(
        name: "status", usage: "[--json]", summary: "is everything well? the first line says it; exit 5 if not",
        details: """
            example: scangate status
            dock-7 OK  9/10 scanners  0 waiting  last accepted 4 s ago
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        let status = try await arguments.session().perform(ControlRequest("status"))
        if arguments.has("json") { Output.json(status) } else { show(status) }
        guard status["healthy"]?.bool == true else {
            throw CommandError(
                "unhealthy: \(status.list("faults").compactMap(\.string).joined(separator: "; "))",
                hint: "see: scangate doctor", exit: .unhealthy)
        }
    }

    private static func show(_ status: JSONValue) {
        Output.line(verdict(status))
        let devices = status.list("devices")
        if !devices.isEmpty {
            Output.line("")
            Output.table(
                ["DEVICE", "LANE", "STATE", "SCANS", "REFUSED", "DROPPED", "LAST SCAN", "PORT"],
                devices.map { device in
                    ["name", "lane", "state", "scans", "refused", "dropped", "last_scan_at", "port"].map(device.cell)
                })
        }
        let lanes = status.list("lanes")
        if !lanes.isEmpty {
            Output.line("")
            Output.table(
                ["LANE", "BAG", "CHILDREN"],
                lanes.map { lane in
                    let bag = lane["in_doubt"] == .bool(true) ? "in doubt: scan it" : lane.cell("parent")
                    return [lane.cell("name"), bag, lane.cell("children")]
                })
        }
        let uplinks = status.list("uplinks")
        if !uplinks.isEmpty {
            Output.line("")
            Output.table(
                ["UPLINK", "CONTRACT", "STATE", "WAITING", "ACCEPTED", "REJECTED", "HELD", "RETRIES", "LAST ERROR"],
                uplinks.map { uplink in
                    [
                        "name", "contract", "state", "waiting", "accepted", "rejected", "held", "retries", "last_error",
                    ].map(uplink.cell)
                })
        }
    }

    /// The first line: what somebody called at night reads.
    private static func verdict(_ status: JSONValue) -> String {
        let devices = status.list("devices").filter { $0.cell("state") != "disabled" }
        let reading = devices.count { $0["connected"]?.bool == true }
        let spool = status["spool"] ?? .null
        var parts = [
            "\(Safe.text(status.cell("gateway"))) \(status["healthy"]?.bool == true ? "OK" : "NOT OK")",
            "\(reading)/\(devices.count) scanners", "\(spool.cell("waiting")) waiting",
        ]
        for state in ["rejected", "held"] where (spool[state]?.integer ?? 0) > 0 {
            parts.append("\(spool.cell(state)) \(state)")
        }
        let ages = status.list("uplinks").compactMap { $0["last_accepted_s"]?.integer }
        parts.append(ages.min().map { "last accepted \($0) s ago" } ?? "nothing accepted yet")
        return parts.joined(separator: "  ")
    }
}
