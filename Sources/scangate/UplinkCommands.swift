internal import Gateway
internal import JSON

enum UplinkCommands {
    static let all = [list] + changes + [test, cutover]

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
            details: """
                NAME is an uplink, a fallback for instance; while one is paused its fallbacks carry its scans. Lasts until
                the daemon's next start. Audited.

                example: scangate uplink \(word) tracetrack
                """,
            options: []
        ) { arguments in
            let name = arguments.operands.first
            try await arguments.perform(
                "uplink \(word)", name.map { [("uplink", JSONValue.string($0))] } ?? [], print: table)
        }
    }

    private static let test = Command(
        name: "uplink test", usage: "[NAME] [--json]",
        summary: "try an uplink step by step, and say what to mend",
        details: """
            Name, connection, TLS, clock and credentials of each url, without a scan. By the daemon where it runs, with
            its rights and its credentials. tracetrack-web: it logs in once, which costs two of the hour's 20 login
            requests. Ends with 1 where a step failed.

            example: scangate uplink test tracetrack
            """,
        options: []
    ) { arguments in
        let name = arguments.operands.first
        var isOK = false
        try await arguments.perform(
            "uplink test", name.map { [("uplink", JSONValue.string($0))] } ?? [],
            seen: { isOK = $0["ok"]?.bool == true },
            print: steps)
        if !isOK { throw CommandError("the uplink cannot be used as it is", hint: "mend what failed first") }
    }

    private static func steps(_ result: JSONValue) {
        for url in result.list("urls") {
            Output.line(url.cell("url"))
            Output.table(
                ["", "STEP", "RESULT"],
                url.list("steps").map { step in ["outcome", "name", "text"].map(step.cell) })
        }
    }

    private static let cutover = Command(
        name: "uplink cutover", usage: "OLD NEW [--lane LANE] [--back] [--json]",
        summary: "move lanes to another backend, and back",
        details: """
            OLD and NEW are primaries with backends of their own. Each lane moves with its next bag, so that no bag is
            split; without --lane all lanes move, those to come included. OLD keeps what was scanned before.

            --back takes lanes back at once: OLD gets, in order, every scan since the move, whatever NEW made of it, as
            long as [spool] keep_accepted has kept it. NEW gets nothing more. Audited.

            example: scangate uplink cutover tracetrack aws --lane table-1
            example: scangate uplink cutover tracetrack aws --back
            """,
        options: [.value("lane"), .flag("back")]
    ) { arguments in
        let names = try arguments.operands("OLD", "NEW")
        try await arguments.perform(
            "uplink cutover",
            [
                ("old", .string(names[0])), ("new", .string(names[1])),
                ("back", .bool(arguments.has("back"))),
            ] + arguments.passing("lane"), print: moves)
    }

    private static func moves(_ result: JSONValue) {
        Output.table(
            ["LANE", "STATE", "REPLAYED", "NOT KEPT"],
            result.list("lanes").map { lane in ["name", "state", "replayed", "not_kept"].map(lane.cell) })
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
