internal import Gateway
internal import JSON
internal import Model

enum DeviceCommands {
    static let all =
        [add, discover, list, show] + changes + [rotateKey, trigger, export, DeviceProfileCommand.profiles]

    /// Options of `device add` that say how a scanner is spoken to, and take a value.
    private static let settings =
        [
            "port", "profile", "terminator", "idle-ms", "prefix", "suffix", "baud", "data-bits", "parity", "stop-bits",
            "flow", "protocol", "init", "trigger-on", "trigger-off", "layout", "controls", "trigger", "size", "rate",
            "format", "exposure", "gain", "focus", "symbologies", "charset", "agree", "again-after-ms",
            "direction",
        ] + Signal.allCases.map { "signal-\($0.rawValue)" }
    private static let switches = ["aim", "ack", "star", "caps-lock", "leds", "no-read", "keep-frames"]

    private static let add = Command(
        name: "device add", usage: "NAME (--match KEY=VALUE... | --port PATH) [OPTIONS]",
        summary: "register a scanner; shows its key, once",
        details: """
            Which scanner it is: `scangate device discover` prints the line for each that is attached.
            --match usb=05e0:1200       its USB ids; usb=05e0 for every product of the maker
            --match serial=TEXT         its serial number
            --match path=TEXT           the USB port that it is plugged into
            --match interface=N         one interface of a scanner with several
            --match name=TEXT           the kernel's name of a keyboard or camera that is not on USB
            --match prefix=TEXT         one of several scanners of a base: what it sends before each label; taken off
            --port PATH                 a terminal or video node, whatever is behind it: best one of /dev/serial/by-id
            --kind KIND                 serial, keyboard, hidpos or camera (default: as it is attached)
            --profile NAME[/MODE]       how it is spoken to (default: by its ids; with --port: plain lines)

            What it is for:
            --lane NAME                 the table it scans for (default: the device's own name)
            --roles parent,child        what it may scan (default: both)

            What its profile does not know, or knows otherwise; BYTES are typed, \\xNN for those that cannot be:
            --terminator WORD           cr, lf, crlf, tab, idle, or any line end; of a keyboard: enter, tab, idle, any
            --idle-ms N                 silence that ends a scan with --terminator idle (default 50; keyboard 100)
            --prefix BYTES              before every scan; taken off
            --suffix BYTES              behind every scan; taken off
            --aim                       every scan begins with an AIM identifier such as ]Q1; taken off and kept
            --signal-stored BYTES       serial, hidpos: what it is told of a scan; |100| in it is a pause of 100 ms. Also
                                        --signal-stored-offline, -duplicate, -bag-complete, -refused

            serial:
            --baud N                    1200 to 921600 (default 9600; USB scanners ignore it)
            --data-bits 7, --parity WORD, --stop-bits 2
                                        parity none, odd, even, space, mark (default 8 bits, none, 1)
            --flow WORD                 none, rtscts, xonxoff (default none)
            --protocol WORD             plain, ssi, honeywell, datalogic, gm65 (default plain)
            --star                      with --protocol datalogic: a cordless base
            --ack                       answer each scan, 0x06 once it is stored, 0x15 when it is refused
            --init BYTES                sent when the port is opened
            --trigger-on BYTES, --trigger-off BYTES
                                        what starts and ends a read without its button
            keyboard:
            --layout NAME               the layout that the scanner is set to: us, de, fr, … (default us)
            --caps-lock                 it types as for a host with Caps Lock on
            --controls BYTES            control characters that it types with Ctrl, besides the usual ones
            --leds                      its lamps tell the signals
            hidpos:
            --no-aim                    the AIM identifiers of its reports are wrong
            --trigger WORD              how a read is started: auto, syn (Honeywell), none (default auto)
            camera (docs/scanners.md, "Cameras"):
            --size WxH, --rate N        what is asked for; the nearest that it offers is taken (default 1280x720, 30)
            --format WORD               GREY, NV12, YUYV or MJPG (default: the first of these that it has at that rate)
            --exposure N, --gain N, --focus N
                                        fixed, in the camera's own units (exposure: 100 µs), or auto (default: as it is)
            --symbologies LIST          which codes are read: QR,DataMatrix,… (default QR)
            --charset WORD              of codes that do not say it: utf8, latin1, shift_jis, gb18030, big5, euc-kr,
                                        windows-1252; raw: no code's bytes are touched (default utf8)

            camera over a belt (docs/scanners.md, "A camera over a belt"):
            --again-after-ms N          how long a label is out of sight before it counts again (default 1500)
            --agree 2                   frames that must agree on a label (default 1)
            --direction WORD            only labels that travel so count: left-to-right, right-to-left, top-to-bottom,
                                        bottom-to-top (default any)
            --no-read                   what passes without a label is told, as a refusal
            --keep-frames               and its best picture is kept in state_dir/frames

            The scanner works from now on, also while the daemon runs. Give the key to the backend; it is not shown again.

            example: scangate device add scanner-1 --match serial=S22091523021234 --lane table-1
            example: scangate device add scanner-2 --port /dev/ttyS0 --baud 9600 --lane table-1 --ack
            """,
        options: ["kind", "match", "lane", "roles"].map { .value($0) } + settings.map { .value($0) }
            + (switches + ["no-aim"]).map { .flag($0) }
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        // The registry writes them with a line below.
        var options: [(key: String, value: JSONValue)] = (settings + switches).compactMap { option in
            arguments[option].map { (String(option.map { $0 == "-" ? "_" : $0 }), .string($0)) }
        }
        if arguments.has("no-aim") { options.append(("aim", .string("false"))) }
        let request: [(key: String, value: JSONValue)] =
            [
                ("name", .string(name)), ("options", .object(options)),
                ("match", .array(arguments.all("match").map { .string($0) })),
            ] + arguments.passing("kind", "lane", "roles")
        try await arguments.perform("device add", request, print: showKey)
    }

    private static let discover = Command(
        name: "device discover", usage: "[--json]", summary: "what is attached, and the line that registers it",
        details: """
            Scanners, and what may be one: serial lines and keyboards. With the daemon or without.

            example: scangate device discover
            """, options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("device discover") { result in
            let attached = result.list("attached")
            guard !attached.isEmpty else {
                return Output.line("nothing is attached that a scanner could be; see also: lsusb, dmesg")
            }
            Output.table(
                ["PATH", "KIND", "USB", "SERIAL", "MODEL", "PROFILE", "STATE", "DEVICE"],
                attached.map { node in
                    ["path", "kind", "usb", "serial", "model", "profile", "state", "device"].map(node.cell)
                })
            for node in attached {
                let (note, add) = (node.cell("note"), node.cell("add"))
                guard !note.isEmpty || !add.isEmpty else { continue }
                Output.line("")
                Output.line("\(Safe.text(node.cell("path"))): \(Safe.text(node.cell("model")))")
                if !note.isEmpty { Output.line("  \(note)") }
                if !add.isEmpty { Output.line("  \(Safe.text(add, limit: 1000))") }
            }
        }
    }

    private static let trigger = Command(
        name: "device trigger", usage: "NAME [--off]", summary: "have a scanner read without its button",
        details: """
            Where its mode knows such a command. --off ends the read.

            example: scangate device trigger scanner-1
            """, options: [.flag("off")]
    ) { arguments in
        let name = try arguments.operands("NAME")[0]
        let off: [(key: String, value: JSONValue)] = arguments.has("off") ? [("off", .bool(true))] : []
        try await arguments.perform("device trigger", [("name", .string(name))] + off) { _ in
            Output.line("device \(Safe.text(name)) \(arguments.has("off") ? "no longer reads" : "reads") by itself")
        }
    }

    private static let list = Command(
        name: "device list", usage: "[--json]", summary: "all scanners, and whether they are read",
        details: "example: scangate device list", options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("device list") { result in
            Output.table(
                ["NAME", "KIND", "LANE", "ROLES", "STATE", "SCANS", "REFUSED", "LAST SCAN", "SCANNER"],
                result.list("devices").map { device in
                    ["name", "kind", "lane", "roles", "state", "scans", "refused", "last_scan_at"].map(device.cell)
                        + [device.cell("port") + device.cell("match")]
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
