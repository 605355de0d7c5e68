internal import Gateway
internal import Model

enum LabelCommands {
    static let all = [test]

    private static let test = Command(
        name: "label test", usage: "TEXT [--lane NAME] [--symbology TYPE] [--json]",
        summary: "which rule knows a label, and what becomes of it",
        details: """
            example: scangate label test 'LABEL NO. 0016586 LOT NO. 77'
            child 0016586, rule 3, default
            """,
        options: [.value("lane"), .value("symbology")]
    ) { arguments in
        let text = try arguments.operands("TEXT")[0]
        let configuration = try arguments.session().configuration
        var symbology = Symbology.unknown
        if let word = arguments["symbology"] {
            guard let known = Symbology(rawValue: word) else {
                let all = Symbology.allCases.map(\.rawValue).joined(separator: ", ")
                throw CommandError("--symbology \(Safe.text(word)): write one of \(all)", exit: .usage)
            }
            symbology = known
        }
        var lane: LaneID?
        if let word = arguments["lane"] {
            lane = LaneID(word)
            guard lane != nil else {
                throw CommandError("--lane \(Safe.text(word)): write \(LaneID.rule)", exit: .usage)
            }
        }
        let bytes = Array(text.utf8)
        if arguments.has("json") {
            Output.line(
                String(
                    decoding: configuration.labelTestJSON(bytes, symbology: symbology, lane: lane), as: UTF8.self))
        } else {
            Output.line(configuration.labelTest(bytes, symbology: symbology, lane: lane))
        }
    }
}
