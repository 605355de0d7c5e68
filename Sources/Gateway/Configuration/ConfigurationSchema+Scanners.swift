internal import Model
internal import Scanners

extension ConfigurationSchema {
    static let scanners = [
        Key(
            "unknown", .choice(ScannerSettings.Unknown.allCases.map(\.rawValue)), .value("\"grab\""),
            "Keyboards that are surely scanners, but registered as none, or disabled: take their keys and drop them, so "
                + "that a printed code never types on this machine's console; or leave them alone."),
        Key(
            "profiles", .list(.path(max: 1024), max: 16),
            .value("[\"/usr/share/scangate/devices\", \"/etc/scangate/devices\"]"),
            "Directories of profiles, `NAME.toml`; a later one's replaces an earlier one's of the same name. Those of the "
                + "default may be missing."),
    ]

    static let camera = [
        Key(
            "max_frames", .integer(0...100_000), .value("200"),
            "Pictures of objects that passed a camera without a label (its `--keep-frames`), in `frames` of state_dir; the "
                + "oldest go first. 0 keeps none."),
        Key(
            "max_frame_bytes", .size(1 << 20...1 << 40), .value("\"64 MiB\""),
            "What they may take together; the oldest go first. None is kept where less than the spool's min_free is free."
        ),
    ]

    /// A profile: `devices/NAME.toml`.
    static let profile = ConfigurationSchema(keys: [
        Key("title", .text(max: 120), .required, "The family, for people."),
        Key("base", .boolean, .value("false"), "A cordless base, which may have several scanners."),
        Key(
            "only_scanners", .list(.usb, max: 64), .none,
            "Ids under which there is nothing but scanners: a keyboard that has one is nobody's to type on."),
        Key("mode", .tables(mode), .required, "Ways to talk to it, the best first."),
    ])

    private static let mode = [
        Key("name", .name, .required, "Its name, unique in the profile."),
        Key("kind", .choice(NodeKind.allCases.map(\.rawValue)), .required, "What node it has."),
        Key("usb", .list(.usb, max: 64), .none, "The ids of the family in this mode."),
        Key("setup", .text(max: 2000), .required, "How the scanner is put into the mode."),
        Key("limits", .text(max: 2000), .none, "What it cannot do in this mode."),
        Key("init", bytes, .none, "What the scanner is told when it is opened."),
        Key("serial", .table(line), .none, "Of a mode of kind serial."),
        Key("keyboard", .table(keys), .none, "Of a mode of kind keyboard."),
        Key("hidpos", .table(reports), .none, "Of a mode of kind hidpos."),
        Key("camera", .table(pictures), .none, "Of a mode of kind camera."),
        Key("signals", .table(signals), .none, "What the scanner is told for each signal."),
        Key("trigger", .table(trigger), .none, "What starts and what ends a read without its button."),
    ]

    // Escaped bytes are the drivers' matter: `ProfileLoader.check`.
    private static let bytes = Kind.text(max: 1200)
    private static let protocols = ["plain", "ssi", "honeywell", "datalogic", "gm65"]

    private static func framing(_ terminators: [String]) -> [Key] {
        [
            Key("terminator", .choice(terminators), .none, "What ends a scan."),
            Key("idle_ms", .integer(5...5000), .none, "Milliseconds of silence that end a scan."),
            Key("prefix", .text(max: 128), .none, "What begins every scan and is no part of it."),
            Key("suffix", .text(max: 128), .none, "What ends every scan, before the terminator."),
            Key("aim", .boolean, .none, "Whether each scan begins with its AIM identifier."),
        ]
    }

    private static let line =
        [
            Key("baud", .integer(1200...921_600), .none, "Bits a second."),
            Key("data_bits", .integer(7...8), .none, "Bits of a character."),
            Key("parity", .choice(["none", "even", "odd", "space", "mark"]), .none, "The bit behind them."),
            Key("stop_bits", .integer(1...2), .none, "What ends a character."),
            Key("flow", .choice(["none", "rtscts", "xonxoff"]), .none, "Who may send when."),
            Key("protocol", .choice(protocols), .none, "The scanner's language."),
            Key("star", .boolean, .none, "Datalogic's cordless bases: told of signals in STAR's way."),
            Key("ack", .boolean, .none, "Whether each scan is answered with 0x06 or 0x15."),
        ] + framing(SerialSettings.Terminator.allCases.map(\.rawValue))

    private static let keys =
        [
            Key("layout", .text(max: 64), .none, "The keyboard layout that the scanner is set to, such as `us`."),
            Key("caps_lock", .boolean, .none, "Whether the scanner types as for a host with Caps Lock on."),
            Key("controls", bytes, .none, "Control characters that it may type with Control, besides the usual."),
            Key("leds", .boolean, .none, "Whether it is told of signals by Caps, Num and Scroll Lock."),
        ] + framing(["enter", "tab", "idle", "any"])

    private static let reports = [
        Key("aim", .boolean, .none, "Whether the AIM identifier of its reports is to be believed."),
        Key("prefix", .text(max: 128), .none, "What begins every scan and is no part of it."),
        Key("suffix", .text(max: 128), .none, "What ends every scan and is no part of it."),
        Key(
            "trigger", .choice(HIDPOSSettings.TriggerCommand.allCases.map(\.rawValue)), .none,
            "How a read is started without its button: as its descriptor says, by Honeywell's SYN T, not at all."),
    ]

    private static let pictures = [
        Key(
            "size", .text(max: 16), .none, "The size that is asked for, WIDTHxHEIGHT; the nearest offered one is taken."
        ),
        Key("rate", .integer(1...1000), .none, "Frames a second that are asked for."),
        Key("format", .choice(["GREY", "NV12", "YUYV", "MJPG", "JPEG"]), .none, "How pixels are written."),
        Key("exposure", .text(max: 16), .none, "How long a frame is exposed, in 100 µs, or `auto`."),
        Key("gain", .text(max: 16), .none, "The sensor's gain, or `auto`."),
        Key("focus", .text(max: 16), .none, "The lens, or `auto`."),
        Key("symbologies", .text(max: 200), .none, "Which kinds of code are read, such as `QR,DataMatrix`."),
        Key(
            "charset", .choice(Charset.allCases.map(\.rawValue)), .none,
            "In which character set codes are that do not say it and are not UTF-8; `raw` leaves the bytes of all as they are."
        ),
    ]

    private static let signals = [
        Key("stored", bytes, .none, "Stored, and an uplink works."),
        Key("stored_offline", bytes, .none, "Stored; no uplink works now."),
        Key("refused", bytes, .none, "Not taken."),
        Key("duplicate", bytes, .none, "Stored already."),
        Key("bag_complete", bytes, .none, "Stored, and the bag is full."),
    ]

    private static let trigger = [
        Key("on", bytes, .none, "Starts a read."),
        Key("off", bytes, .none, "Ends it."),
    ]
}
