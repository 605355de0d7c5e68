internal import Gateway
internal import JSON

enum LaneCommands {
    static let all = [list, show, clear, setParent]

    private static let list = Command(
        name: "lane list", usage: "[--json]", summary: "all lanes with their current bag",
        details: "example: scangate lane list", options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("lane list", print: table)
    }

    private static let show = Command(
        name: "lane show", usage: "NAME [--json]", summary: "one lane with its current bag",
        details: """
            Also whether the lane is in doubt about its bag, why and since when: a camera may have missed one.

            example: scangate lane show table-1
            """, options: []
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        try await arguments.perform("lane show", [("name", .string(name))], print: table)
    }

    private static let clear = Command(
        name: "lane clear", usage: "NAME", summary: "forget a lane's current bag: the next scan has to be a bag",
        details: "Audited.\n\nexample: scangate lane clear table-1", options: []
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        try await arguments.perform("lane clear", [("name", .string(name))], print: table)
    }

    private static let setParent = Command(
        name: "lane set-parent", usage: "NAME BAG", summary: "make a bag the current one, without a scan",
        details:
            "Children scanned from now on belong to it. Audited.\n\nexample: scangate lane set-parent table-1 SB00860",
        options: []
    ) { arguments in
        let words = try arguments.operands("NAME", "BAG")
        try await arguments.perform(
            "lane set-parent", [("name", .string(words[0])), ("parent", .string(words[1]))], print: table)
    }

    private static func table(_ result: JSONValue) {
        Output.table(
            ["LANE", "BAG", "CHILDREN", "WAITING", "UPLINK", "MOVES TO", "DEVICES"],
            result.list("lanes").map { lane in
                ["name", "parent", "children", "waiting", "uplink", "moves_to", "devices"].map(lane.cell)
            })
        for lane in result.list("lanes") {
            guard let doubt = lane["doubt"], doubt != .null else { continue }
            Output.line(
                "\nlane \(lane.cell("name")) is in doubt since \(doubt.cell("since")) whether its bag is still "
                    + "\(doubt.cell("parent")): \(doubt.cell("reason")). Children are refused until a bag is scanned, or "
                    + "named: scangate lane set-parent \(lane.cell("name")) BAG")
        }
    }
}
