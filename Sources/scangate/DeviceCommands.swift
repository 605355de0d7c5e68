internal import Gateway
internal import JSON
internal import Model

enum DeviceCommands {
    static let all = [add, list, show] + changes + [rotateKey, export, DeviceProfileCommand.profiles]

    private static let add = Command(
        name: "device add", usage: "NAME --port PATH [OPTIONS]", summary: "register a scanner; shows its key, once",
        details: """
            --port PATH           the terminal: best one of /dev/serial/by-id, which stays the same after a re-plug
            --lane NAME           the table it scans for (default: the device's own name)
            --roles parent,child  what it may scan (default: both)
            --baud N              1200 to 921600 (default 9600; USB scanners ignore it)
            --terminator WORD     cr, lf, crlf, tab, idle, or any line end (default any)
            --idle-ms N           silence that ends a scan with --terminator idle (default 50)
            --prefix TEXT         bytes before every scan, \\xNN for those that cannot be typed; taken off
            --suffix TEXT         bytes behind every scan; taken off
            --ack                 answer each scan: 0x06 once it is stored, 0x15 when it is refused
            --kind KIND           serial (the only kind of this version)

            The scanner works from now on, also while the daemon runs. Give the key to the backend; it is not shown again.

            example: scangate device add scanner-1 --port /dev/ttyACM0 --lane table-1 --ack
            """,
        options: [
            .value("kind"), .value("port"), .value("profile"), .value("lane"), .value("roles"), .value("baud"),
            .value("terminator"), .value("idle-ms"), .value("prefix"), .value("suffix"), .flag("ack"),
        ]
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        var options: [(key: String, value: JSONValue)] = arguments.passing(
            "port", "baud", "terminator", "prefix", "suffix", "profile")
        if let idle = arguments["idle-ms"] { options.append(("idle_ms", .string(idle))) }
        if arguments.has("ack") { options.append(("ack", .string("true"))) }
        let request: [(key: String, value: JSONValue)] =
            [("name", .string(name)), ("options", .object(options))] + arguments.passing("kind", "lane", "roles")
        try await arguments.perform("device add", request, print: showKey)
    }

    private static let list = Command(
        name: "device list", usage: "[--json]", summary: "all scanners, and whether they are read",
        details: "example: scangate device list", options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("device list") { result in
            Output.table(
                ["NAME", "KIND", "LANE", "ROLES", "STATE", "SCANS", "REFUSED", "LAST SCAN", "PORT"],
                result.list("devices").map { device in
                    ["name", "kind", "lane", "roles", "state", "scans", "refused", "last_scan_at", "port"].map(
                        device.cell)
                })
        }
    }

    private static let show = Command(
        name: "device show", usage: "NAME [--json]", summary: "one scanner in full; not its key",
        details: "example: scangate device show scanner-1", options: []
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        try await arguments.perform("device show", [("name", .string(name))]) { result in
            for (key, value) in result["device"]?.object ?? [] where value.object == nil {
                Output.line("\(key): \(Safe.text(result["device"]?.cell(key) ?? ""))")
            }
            for key in result.list("keys") {
                Output.line("key: \(key.cell("kid")) \(key.cell("alg")) \(key.cell("state"))")
            }
        }
    }

    private static let changes = [
        ("enable", "take its scans again"), ("disable", "take no more of its scans; its port is not read"),
        ("remove", "forget it and its key; its scans stay"),
    ].map { word, summary in
        Command(
            name: "device \(word)", usage: "NAME", summary: summary,
            details:
                "Takes effect at once, also while the daemon runs, and is audited.\n\nexample: scangate device \(word) scanner-1",
            options: []
        ) { arguments in
            let name = try arguments.operands("NAME")[0]
            try await arguments.perform("device \(word)", [("name", .string(name))]) { _ in
                Output.line("device \(Safe.text(name)) \(word)d")
            }
        }
    }

    private static let rotateKey = Command(
        name: "device rotate-key", usage: "NAME [--json]", summary: "a new key for new scans; shows it, once",
        details: """
            Scans that wait keep the old key's signature: the backend needs both until they are accepted. The key before the
            old one is forgotten here.

            example: scangate device rotate-key scanner-1
            """,
        options: []
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        try await arguments.perform("device rotate-key", [("name", .string(name))], print: showKey)
    }

    private static let export = Command(
        name: "device export", usage: "--reveal [--json]",
        summary: "every scanner with its secret key, for the backend",
        details: """
            For root only, and audited. Prints an object a line, as `device add --json` does: for each scanner its key and
            the one before it. A key before that is kept no more, so rotate again only once no scan of the scanner waits
            (scangate scans waiting), or keep the older lines at the backend.

            example: sudo scangate device export --reveal > keys.jsonl
            """,
        options: [.flag("reveal")]
    ) { arguments in
        _ = try arguments.operands()
        let request: [(key: String, value: JSONValue)] = arguments.has("reveal") ? [("reveal", .bool(true))] : []
        let result = try await arguments.session().perform(ControlRequest("device export", request))
        for device in result.list("devices") { Output.json(device) }
    }

    private static func showKey(_ device: JSONValue) {
        Output.line("device \(device.cell("name")), lane \(device.cell("lane")), key id \(device.cell("kid"))")
        Output.line("key (shown once, give it to the backend): \(device.cell("key"))")
    }
}
