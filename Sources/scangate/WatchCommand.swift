internal import Gateway
internal import JSON
internal import Model

enum WatchCommand {
    static let watch = Command(
        name: "watch", usage: "[--json]", summary: "each scan as it is stored and judged, live",
        details: """
            Prints a line an event until interrupted; --json prints an object a line.

            example: scangate watch
            04:00:00.123  stored    table-1  child   0016586  in SB00860
            04:00:00.131  accepted  table-1          0016586  SB00860 7/30
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        let asJSON = arguments.has("json")
        try arguments.session().watch { event in
            if asJSON { Output.json(event) } else { Output.line(line(event)) }
            return true
        }
    }

    private static func line(_ event: JSONValue) -> String {
        let time = event.cell("at").dropFirst(11).prefix(12)
        let place = event.cell("lane").isEmpty ? event.cell("device") : event.cell("lane")
        var parts = [pad(String(time), 12), pad(event.cell("event"), 12), pad(place, 10)]
        if !event.cell("role").isEmpty { parts.append(pad(event.cell("role"), 6)) }
        if !event.cell("label").isEmpty { parts.append(pad(event.cell("label"), 10)) }
        if !event.cell("parent").isEmpty { parts.append("in \(Safe.text(event.cell("parent")))") }
        if !event.cell("text").isEmpty { parts.append(Safe.text(event.cell("text"))) }
        return parts.joined(separator: "  ")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        let safe = Safe.text(text)
        return safe + String(repeating: " ", count: max(0, width - safe.count))
    }
}
