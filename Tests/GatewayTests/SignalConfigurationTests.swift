import Model
import Signals
import TestSupport
import Testing

@testable import Gateway

@Suite struct SignalConfigurationTests {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    private let light = "kind = \"light\"\ndevice = \"/dev/x\"\n"

    @Test func `a signal of each kind, with its defaults`() throws {
        let configuration = try fixture.load(
            try fixture.uplink() + """

                [[signal]]
                kind = "sound"
                [[signal]]
                name = "tower"
                kind = "light"
                lane = ["table-1", "table-2"]
                device = "/dev/serial/by-id/tower"
                colours = [{ name = "green", on = '\\xA0\\x01\\x01\\xA2', off = 'a\\\\' }]
                pattern = { refused = "green:500", stored = "" }
                [[signal]]
                name = "lamp"
                kind = "gpio"
                lane = "table-1"
                chip = "gpiochip0"
                line = 17
                active_low = true
                """)
        let lanes = try ["table-1", "table-2"].map { try #require(LaneID($0)) }
        #expect(
            configuration.signals == [
                SignalSettings(name: "signal-1", kind: .sound(device: "default", volume: 80)),
                SignalSettings(
                    name: "tower", lanes: Set(lanes),
                    kind: .light(
                        path: "/dev/serial/by-id/tower", baud: 9600,
                        colours: [.init(name: "green", on: [0xA0, 1, 1, 0xA2], off: [0x61, 0x5C])]),
                    patterns: [.refused: try SignalPattern("green:500"), .stored: .silence]),
                SignalSettings(
                    name: "lamp", lanes: [lanes[0]],
                    kind: .gpio(chip: "gpiochip0", lines: [.init(colour: "on", offset: 17)], isActiveLow: true)),
            ])
        #expect(configuration.entries.contains { $0.key == "signal[2].lane" && $0.value.contains("table-2") })
    }

    @Test(arguments: [
        ("kind = \"horn\"", "2: signal[1].kind: \"horn\" is not known; write one of \"sound\", \"gpio\", \"light\""),
        ("kind = \"sound\"\nline = 3", "3: signal[1].line: a signal of kind sound has no line; remove it"),
        ("kind = \"sound\"\nlane = [\"a b\"]", "3: signal[1].lane: \"a b\" is not a name"),
        ("kind = \"sound\"\nlane = []", "3: signal[1].lane: an empty list; write a name in quotes, or a list of them"),
        ("kind = \"sound\"\nlane = [1]", "3: signal[1].lane: an integer in the list; write a name in quotes"),
        ("kind = \"sound\"\npattern = { stored = \"red:10\" }", "3: signal[1].pattern.stored: red is no tone"),
        ("kind = \"sound\"\npattern = { stored = \"880\" }", "3: signal[1].pattern.stored: 880 is no beat"),
        ("kind = \"sound\"\npattern = { store = \"\" }", "3: signal[1].pattern.store: unknown key; write stored"),
        ("kind = \"gpio\"\nline = 3", "1: signal[1].chip: missing; write chip = "),
        ("kind = \"gpio\"\nchip = \"gpiochip0\"", "1: signal[1].line: a GPIO signal has line or colours; write line"),
        ("kind = \"light\"\ndevice = \"ttyUSB0\"", "1: signal[1].device: missing; write the path of its terminal"),
        ("kind = \"light\"\ndevice = \"/dev/x\"", "1: signal[1].colours: missing; write colours = "),
        (
            "kind = \"light\"\ndevice = \"/dev/x\"\ncolours = [{ name = \"green\", on = '\\xA', off = '-' }]",
            "4: signal[1].colours[1].on: not bytes that a light takes; write 1 to 64 bytes"
        ),
        (
            "kind = \"light\"\ndevice = \"/dev/x\"\nbaud = 9601\ncolours = [{ name = \"green\", on = '+', off = '-' }]",
            "4: signal[1].baud: not a speed of serial lines; write one of 1200"
        ),
        (
            "kind = \"light\"\ndevice = \"/dev/x\"\ncolours = [{ name = \"green\", on = '+', off = '-' }]\n"
                + "pattern = { refused = \"red:500\" }",
            "5: signal[1].pattern.refused: red is no colour of this output: it has green"
        ),
        (
            "kind = \"gpio\"\nchip = \"x\"\ncolours = [{ name = \"a\", line = 1 }, { name = \"a\", line = 2 }]",
            "4: signal[1].colours: two colours have the same name; rename one"
        ),
        (
            "name = \"a\"\nkind = \"sound\"\n[[signal]]\nname = \"a\"\nkind = \"sound\"",
            "5: signal[2].name: there are two"
        ),
    ])
    func `a mistake says where, what and what to write`(text: String, message: String) throws {
        let mistakes = try fixture.mistakes("[[signal]]\n" + text)
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix(message), "\(mistakes)")
    }
}
