internal import Gateway
internal import Glibc
internal import JSON
internal import Model

enum SignalCommands {
    static let all = [list, test]

    private static let list = Command(
        name: "signal list", usage: "[--json]", summary: "the gateway's sounds and lights, and how they do",
        details: "example: scangate signal list", options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("signal list") { result in
            Output.table(
                ["NAME", "KIND", "LANES", "DEVICE", "STATE", "GIVEN", "FAILED", "DROPPED", "FAULT"],
                result.list("signals").map { signal in
                    ["name", "kind", "lanes", "device", "state", "given", "failed", "dropped", "fault"].map {
                        $0 == "lanes" && signal.list($0).isEmpty ? "all" : signal.cell($0)
                    }
                })
        }
    }

    private static let test = Command(
        name: "signal test", usage: "[SIGNAL] [--lane NAME] [--device NAME] [--json]",
        summary: "give the signals an operator may get, without a scan",
        details: """
            SIGNAL is one of \(Signal.allCases.map(\.rawValue).joined(separator: ", ")); without it all five come, one
            after the other. By every scanner and every output of the gateway, of one lane, or by one scanner. Ends with 1
            where one of them failed.

            example: scangate signal test refused --lane table-1
            """,
        options: [.value("lane"), .value("device")]
    ) { arguments in
        guard arguments.operands.count < 2 else {
            throw CommandError("too many words: \(arguments.operands[1])", hint: "see --help", exit: .usage)
        }
        let signals = arguments.operands.first.map { [$0] } ?? Signal.allCases.map(\.rawValue)
        var isOK = true
        for (index, signal) in signals.enumerated() {
            // The longest of the shipped patterns is over by then.
            if index > 0 { usleep(1_500_000) }
            try await arguments.perform(
                "signal test", [("signal", .string(signal))] + arguments.passing("lane", "device"),
                seen: { isOK = isOK && $0["ok"]?.bool == true }, print: results)
        }
        if !isOK { throw CommandError("a signal could not be given", hint: "mend what failed; see docs/signals.md") }
    }

    private static func results(_ result: JSONValue) {
        Output.line(Safe.text(result.cell("signal")))
        let rows = result.list("results")
        guard !rows.isEmpty else {
            return Output.line("  nothing gives it: no scanner is enabled there, and there is no [[signal]]")
        }
        Output.table(
            ["", "BY", "NAME", "KIND", "OUTCOME", ""],
            rows.map { row in [""] + ["by", "name", "kind", "outcome", "text"].map(row.cell) })
    }
}
