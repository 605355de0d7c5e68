internal import Model

extension ConfigurationSchema {
    static let signal = [
        Key("name", .name, .computed("signal-N, N its place"), "The output's name, unique."),
        Key(
            "kind", .choice(["sound", "gpio", "light"]), .required,
            "A sound card by ALSA; lines of a GPIO chip; a light that takes bytes (a serial line, or HID reports)."),
        Key("lane", .names, .computed("all lanes"), "The lanes whose signals it gives."),
        Key(
            "device", .text(max: 200), .computed("\"default\" for a sound"),
            "sound: ALSA's name, such as `plughw:1,0`. light: a terminal of /dev/serial/by-id, or /dev/hidrawN."),
        Key("volume", .integer(0...100), .value("80"), "sound: percent of full scale."),
        Key(
            "chip", .text(max: 200), .none, "gpio: the chip's path, name or label: `/dev/gpiochip0`, `pinctrl-bcm2711`."
        ),
        Key("line", .integer(0...1023), .none, "gpio: the one line, where there are no `colours`."),
        Key("active_low", .boolean, .value("false"), "gpio: a line is on when it is low."),
        Key("baud", .integer(1200...921_600), .value("9600"), "light: bits a second of a serial line."),
        Key("colours", .tables(colour), .none, "light, gpio: what can be switched, by the name that patterns use."),
        Key("pattern", .table(pattern), .none, "Patterns in place of the shipped ones."),
    ]

    private static let colour = [
        Key(
            "name", .name, .required, "The shipped patterns use `green`, `amber` and `red`; for one missing, the first."
        ),
        Key("line", .integer(0...1023), .none, "gpio: its line."),
        Key(
            "on", .text(max: 256), .none,
            "light: the bytes that switch it on, at most 64, in single quotes: `'\\xA0\\x01\\x01\\xA2'`."),
        Key("off", .text(max: 256), .none, "light: the bytes that switch it off."),
    ]

    private static let pattern = Signal.allCases.map { signal in
        Key(
            signal.rawValue, .text(max: 200), .computed("docs/signals.md"),
            "`HZ:MS -:MS …` for a sound, `COLOUR:MS -:MS …` for a light; empty: nothing.")
    }
}
