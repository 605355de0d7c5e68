internal import Gateway
internal import JSON

enum UplinkCommands {
    static let all = [list] + changes

    private static let list = Command(
        name: "uplink list", usage: "[--json]", summary: "the ways out, and how they do",
        details: "example: scangate uplink list", options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("uplink list", print: table)
    }

    private static let changes = [
        ("pause", "send nothing more; scans are kept"), ("resume", "send again, at once; thaws lanes that stand still"),
    ].map { word, summary in
        Command(
            name: "uplink \(word)", usage: "[NAME]", summary: summary,
            details: "Lasts until the daemon's next start. Audited.\n\nexample: scangate uplink \(word) tracetrack",
            options: []
        ) { arguments in
            let name = arguments.operands.first
            try await arguments.perform(
                "uplink \(word)", name.map { [("uplink", JSONValue.string($0))] } ?? [], print: table)
        }
    }

    private static func table(_ result: JSONValue) {
        let columns = [
            "name", "contract", "use", "state", "waiting", "in_flight", "accepted", "rejected", "last_error",
        ]
        Output.table(
            ["NAME", "CONTRACT", "USE", "STATE", "WAITING", "IN FLIGHT", "ACCEPTED", "REJECTED", "LAST ERROR"],
            result.list("uplinks").map { uplink in columns.map(uplink.cell) })
    }
}
