internal import Gateway
internal import JSON
internal import Model

enum ScansCommands {
    static let all = lists + [find] + moves + [export]

    private static let paging: [Arguments.Option] = [.value("uplink"), .value("limit"), .value("after")]

    private static let lists = [
        ("waiting", "scans that are not judged yet"),
        ("rejected", "scans that the backend said no to, with its reason"),
        ("held", "scans that a person has to look at"),
    ].map { word, summary in
        Command(
            name: "scans \(word)", usage: "[--limit N] [--after NUMBER] [--uplink NAME] [--json]", summary: summary,
            details: "The oldest first, 100 at a time (--limit).\n\nexample: scangate scans \(word) --limit 20",
            options: paging
        ) { arguments in
            _ = try arguments.operands()
            try await arguments.perform("scans \(word)", try pagingArguments(arguments), print: table)
        }
    }

    private static let find = Command(
        name: "scans find", usage: "LABEL [--limit N] [--uplink NAME] [--json]",
        summary: "where is this bag? who scanned it, when, into which bag, and what became of it",
        details: """
            Finds a label as child, as bag, and as read; every scan that is still kept is looked at.

            example: scangate scans find SB00860
            """,
        options: paging
    ) { arguments in
        let label = try arguments.operands("LABEL")[0]
        try await arguments.perform(
            "scans find", try pagingArguments(arguments) + [("label", .string(label))], print: table)
    }

    private static let moves = [
        ("retry", "ask the backend again about rejected scans", "rejected"),
        ("release", "send held scans again", "held"),
        ("discard", "give up rejected or held scans, for good", "rejected"),
    ].map { word, summary, list in
        Command(
            name: "scans \(word)", usage: "NUMBER... | --all [--uplink NAME] [--json]", summary: summary,
            details: """
                The numbers are those of `scangate scans \(list)`. Audited.\(word == "discard" ? " --all needs --yes." : "")

                example: scangate scans \(word) 17 18
                """,
            options: [.value("uplink"), .flag("all"), .flag("yes")]
        ) { arguments in
            let request: [(key: String, value: JSONValue)] =
                [
                    ("scans", .array(arguments.operands.map { .string($0) })), ("all", .bool(arguments.has("all"))),
                    ("yes", .bool(arguments.has("yes"))),
                ] + arguments.passing("uplink")
            for word in arguments.operands where Int64(word) == nil {
                throw CommandError(
                    "\(Safe.text(word)) is no scan's number", hint: "see: scangate scans \(list)", exit: .usage)
            }
            try await arguments.perform("scans \(word)", request) { result in
                Output.line("\(result.list("scans").count) scans changed")
                let missed = result.list("not_changed").compactMap(\.integer)
                guard missed.isEmpty else {
                    throw CommandError(
                        "not \(list): \(missed.map(String.init).joined(separator: " "))",
                        hint: "see: scangate scans find LABEL")
                }
            }
        }
    }

    private static let export = Command(
        name: "scans export",
        usage: "[--state all|waiting|rejected|held] [--format jsonl|csv|cloudevents] [--uplink NAME]",
        summary: "all kept scans: an object a line, CSV or CloudEvents",
        details: """
            CSV fields are quoted, and none begins like a formula. A scan whose stored bytes are damaged has "scan": null
            and its bytes as "damaged_b64". CloudEvents 1.0 are in JSON, one a line.

            example: scangate scans export --format csv > scans.csv
            example: scangate scans export --format cloudevents --state rejected
            """,
        options: [.value("state"), .value("format"), .value("uplink")]
    ) { arguments in
        _ = try arguments.operands()
        let format = arguments["format"] ?? "jsonl"
        guard ["jsonl", "csv", "cloudevents"].contains(format) else {
            throw CommandError("--format \(Safe.text(format)): write jsonl, csv or cloudevents", exit: .usage)
        }
        let session = try arguments.session()
        if format == "csv" { Output.line(columns.joined(separator: ",")) }
        var after: Int64 = 0
        while true {
            let page = try await session.perform(
                ControlRequest(
                    "scans export",
                    [("limit", .integer(1000)), ("after", .integer(after))] + arguments.passing("state", "uplink")))
            for entry in page.list("scans") {
                switch format {
                case "csv": Output.line(row(entry).map(Safe.csv).joined(separator: ","))
                case "cloudevents":
                    Output.json(CloudEvent.encode(entry, gateway: page["gateway"]?.string ?? ""))
                default: Output.json(entry)
                }
            }
            guard let next = page["next"]?.integer else { return }
            after = next
        }
    }

    private static let columns = [
        "number", "state", "reason", "lane", "device", "captured_at", "role", "label", "parent", "id",
    ]

    private static func row(_ entry: JSONValue) -> [String] {
        let scan = entry["scan"] ?? .null
        let label = scan["data"] == nil ? "base64url:" + scan.cell("data_b64") : scan.cell("data")
        return [
            entry.cell("number"), entry.cell("state"), entry.cell("reason"), entry.cell("lane"), scan.cell("dev"),
            scan.cell("ts"), scan.cell("role"), label, scan.cell("parent"), scan.cell("id"),
        ]
    }

    private static func table(_ result: JSONValue) {
        Output.table(
            ["NUMBER", "STATE", "LANE", "DEVICE", "CAPTURED AT", "ROLE", "LABEL", "BAG", "REASON"],
            result.list("scans").map { entry in
                let cells = row(entry)
                return [cells[0], cells[1], cells[3], cells[4], cells[5], cells[6], cells[7], cells[8], cells[2]]
            })
        if let next = result["next"]?.integer { Output.line("more: add --after \(next)") }
    }

    private static func pagingArguments(_ arguments: Arguments) throws(CommandError) -> [(
        key: String, value: JSONValue
    )] {
        try arguments.passing("uplink") + arguments.passingNumber("limit") + arguments.passingNumber("after")
    }
}
