import Glibc
import Posix
import Scanners
import Testing

@testable import Gateway

/// The repository, found from this file's own place.
private let repository = Files.parent(Files.parent(Files.parent(#filePath)))

/// The shipped profiles, as the configuration reads them.
func shippedProfiles(_ fixture: ConfigurationFixture) throws -> ScannerSettings {
    try fixture.load("[scanners]\nprofiles = [\"\(repository)/devices\"]\n").scanners
}

@Suite struct DeviceProfilesTests {
    let fixture: ConfigurationFixture
    init() throws { fixture = try ConfigurationFixture() }

    /// The mistakes of a profile `x.toml`, each as `LINE: key: …`.
    private func mistakes(_ text: String, name: String = "x.toml") throws -> [String] {
        let directory = fixture.directory + "/devices"
        try Files.makeDirectory(directory)
        try fixture.write("devices/" + name, text)
        return try fixture.mistakes("[scanners]\nprofiles = [\"\(directory)\"]\n").map { line in
            let file = "DIR/devices/\(name):"
            return line.hasPrefix(file) ? String(line.dropFirst(file.count)) : line
        }
    }

    private static let mode = "[[mode]]\nname = \"a\"\nkind = \"serial\"\nsetup = \"Plug it in.\"\n"

    @Test func `every shipped profile is faultless, and the generic one is the built-in`() throws {
        let settings = try shippedProfiles(fixture)
        let files = Files.names(in: repository + "/devices").filter { $0.hasSuffix(".toml") }
        let names = files.map { $0.dropLast(5) }
        #expect(settings.profiles.all.map { Substring($0.name) } == names.sorted())
        #expect(names.count >= 10)
        #expect(settings.profiles["generic"] == .generic)
        #expect(settings.files["zebra"] == repository + "/devices/zebra.toml")
    }

    @Test func `what a HID-POS mode says reaches its driver, and what its driver does not take is a mistake`() throws {
        let mode = Self.mode.replacing("serial", with: "hidpos")
        let profile = "title = \"x\"\n" + mode
        #expect(
            try mistakes(profile + "init = 'x'\n[mode.hidpos]\nprotocol = \"ssi\"\n").map { $0.prefix { $0 != " " } }
                == ["6:", "8:"])
        try Files.makeDirectory(fixture.directory + "/own")
        try fixture.write("own/x.toml", profile + "[mode.hidpos]\naim = false\ntrigger = \"syn\"\n")
        let settings = try fixture.load("[scanners]\nprofiles = [\"\(fixture.directory)/own\"]\n").scanners
        #expect(settings.profiles["x"]?.modes.first?.options == ["aim": "false", "trigger": "syn"])
    }

    @Test(arguments: [
        (NodeKind.serial, "05e0:1701", "zebra/cdc"), (.serial, "05e0:0600", "zebra/cdc"),
        (.keyboard, "05e0:1200", "zebra/keyboard"), (.hidpos, "05e0:1f01", "zebra/hidpos"),
        (.serial, "0c2e:0720", "honeywell/serial"), (.hidpos, "0c2e:1007", "honeywell/hidpos"),
        (.keyboard, "0c2e:0b81", "honeywell/keyboard"), (.serial, "05f9:4204", "datalogic/cdc"),
        (.serial, "1eab:1a06", "newland/cdc"), (.keyboard, "1eab:1a03", "newland/keyboard"),
        (.hidpos, "1eab:1a10", "newland/hidpos"), (.serial, "065a:0009", "opticon/serial"),
        (.serial, "0488:5788", "netum/cdc"), (.keyboard, "0581:0115", "tera/keyboard"),
        (.serial, "1a86:7523", "generic/rs232"), (.keyboard, "046d:c31c", "generic/keyboard"),
    ])
    func `a scanner finds its profile`(kind: NodeKind, id: String, name: String) throws {
        let profiles = try shippedProfiles(fixture).profiles
        #expect(profiles.best(for: try attached(kind, id)).name == name)
    }

    @Test(arguments: [
        // Logitech, Microsoft, Dell, Cherry, Lenovo; Holtek's, Winbond's, Cypress's and CH340's chips; a card reader.
        "046d:c31c", "045e:0750", "413c:2107", "046a:0023", "17ef:6099", "04d9:1603", "0416:0123", "04b4:0101",
        "1a86:e026",
        "1a86:7523", "ffff:0035", "24ae:0197", "0581:0001", "067e:0001", "0536:0001",
    ])
    func `an ordinary keyboard is not taken for a scanner`(id: String) throws {
        #expect(!(try shippedProfiles(fixture).profiles.isKnownScanner(try attached(.keyboard, id))))
    }

    @Test func `each mistake of a profile is named with its file and line`() throws {
        #expect(
            try mistakes(
                """
                titel = "X"
                base = "yes"
                only_scanners = ["05e0"]
                [[mode]]
                name = "a b"
                kind = "usb"
                usb = ["1eab:??06",
                  "1eab:??0x"]
                setup = "Plug it in."
                [mode.serial]
                baud = 12
                parity = "evn"
                [[mode]]
                name = "b"
                kind = "serial"
                """) == [
                    "1: titel: unknown key; write title",
                    "1: title: missing; write a text in quotes",
                    "2: base: a text, where true or false is wanted; write true or false",
                    "3: only_scanners[1]: \"05e0\" is no USB id; write \(DeviceProfile.USBPattern.rule)",
                    "5: mode[1].name: \"a b\" is not a name; write 1 to 63 of A-Z a-z 0-9 . _ -, the first a letter or digit",
                    "6: mode[1].kind: \"usb\" is not known; write one of \"serial\", \"keyboard\", \"hidpos\", \"camera\"",
                    "8: mode[1].usb[2]: \"1eab:??0x\" is no USB id; write \(DeviceProfile.USBPattern.rule)",
                    "11: mode[1].serial.baud: too small; write 1200 to 921600",
                    "12: mode[1].serial.parity: \"evn\" is not known; write \"even\"",
                    "13: mode[2].setup: missing; write a text in quotes",
                ])
    }

    @Test(arguments: [
        ("", "1: mode: missing; write [[mode]]"),
        (
            mode + "[mode.keyboard]\nlayout = \"us\"",
            "6: mode[1].keyboard: the mode is of kind serial; write [mode.serial], "
                + "or kind = \"keyboard\""
        ),
        (
            "[[mode]]\nname = \"a\"\nkind = \"camera\"\nsetup = \"x\"\n[mode.camera]\nsize = \"big\"",
            "7: mode[1].camera.size: --size big: write WIDTHxHEIGHT"
        ),
        (
            "[[mode]]\nname = \"a\"\nkind = \"camera\"\nsetup = \"x\"\ninit = \"x\"",
            "6: mode[1].init: a camera cannot be told anything; remove it"
        ),
        (mode + mode, "7: mode[2].name: \"a\" is the name of mode[1] (line 3) already; write another name"),
        (mode + "[mode.serial]\nbaud = 12345", "7: mode[1].serial.baud: --baud 12345: write one of "),
        (mode + "[mode.serial]\nprefix = '\\y'", "7: mode[1].serial.prefix: --prefix \\y: "),
        (mode + "[mode.trigger]\non = 'T'", "6: mode[1].trigger.off: missing; write both on and off; '' sends nothing"),
        (
            mode + "[mode.signals]\nstored = '\\x0'",
            "7: mode[1].signals.stored: --signal-stored \\x0: write BYTES or BYTES|MS|BYTES"
        ),
        (
            mode + "[mode.signals]\nbag_complete = 'a|x|b'",
            "7: mode[1].signals.bag_complete: --signal-bag-complete a|x|b: "
        ),
        (mode + "init = '\\q'", "6: mode[1].init: --init \\q: at most 256 bytes"),
        (
            "[[mode]]\nname = \"k\"\nkind = \"keyboard\"\nsetup = \"x\"\n[mode.signals]\nstored = 'x'",
            "6: mode[1].signals: a keyboard cannot be told anything but its LEDs; remove it"
        ),
        (
            mode + "usb = \"05e0:1701\"",
            "6: mode[1].usb: a text, where a list of USB ids is wanted; write a list in brackets"
        ),
        (mode + "usb = [5]", "6: mode[1].usb[1]: an integer, where a USB id is wanted; write VENDOR:PRODUCT"),
    ])
    func `and so is each of these`(text: String, start: String) throws {
        let found = try mistakes("title = \"X\"\n" + text)
        #expect(found.count == 1)
        #expect(found.first?.hasPrefix(start) == true, "\(found)")
    }

    @Test func `a file that is no TOML, or has no name for a profile, is said`() throws {
        let broken = try mistakes("title = \"X\"\nmode = [")
        #expect(broken.count == 1 && broken.first?.hasPrefix("2: not TOML, column ") == true)
        try fixture.write("devices/x.toml", "title = \"X\"\n" + Self.mode)
        #expect(
            try mistakes("title = \"X\"\n" + Self.mode, name: "a b.toml") == [
                " \"a b\" is no profile's name; call the file NAME.toml, NAME 1 to 63 of "
                    + "A-Z a-z 0-9 . _ -, the first a letter or digit"
            ])
    }

    @Test func `mistakes of several profiles come file by file`() throws {
        try Files.makeDirectory(fixture.directory + "/devices")
        try fixture.write("devices/a.toml", "x = 1\ny = 1\ntitle = \"A\"\n" + Self.mode)
        let found = try mistakes("x = 1\ny = 1\ntitle = \"A\"\n" + Self.mode, name: "b.toml")
        #expect(
            found.map { $0.prefix(25) } == [
                "DIR/devices/a.toml:1: x: ", "DIR/devices/a.toml:2: y: ", "1: x: unknown key; the ke",
                "2: y: unknown key; the ke",
            ])
    }

    @Test func `a directory that was written has to be there, one of the default need not`() throws {
        #expect(
            try fixture.mistakes("[scanners]\nunknown = \"grap\"\nprofiles = [\"\(fixture.directory)/none\"]\n") == [
                "2: scanners.unknown: \"grap\" is not known; write \"grab\"",
                "3: scanners.profiles: no such directory, or not to be reached: DIR/none; "
                    + "write the path of a directory of profiles, or run: mkdir DIR/none",
            ])
        let file = try fixture.write("file", "x")
        #expect(
            try fixture.mistakes("[scanners]\nprofiles = [\"\(file)\", \"devices\"]\n") == [
                "2: scanners.profiles[2]: \"devices\" is not an absolute path; write a path that begins with /"
            ])
        #expect(
            try fixture.mistakes("[scanners]\nprofiles = [\"\(file)\"]\n") == [
                "2: scanners.profiles: no directory: DIR/file; write the path of a directory of profiles"
            ])
        let configuration = try fixture.load("")
        #expect(configuration.scanners.unknown == .grab)
        #expect(configuration.scanners.profiles["generic"] != nil)
        #expect(try fixture.load("[scanners]\nunknown = \"ignore\"\n").scanners.unknown == .ignore)
    }

    @Test func `a profile of one's own replaces the shipped one of its name`() throws {
        try Files.makeDirectory(fixture.directory + "/devices")
        let path = try fixture.write("devices/zebra.toml", "title = \"Ours\"\n" + Self.mode)
        try fixture.write("devices/.hidden.toml", "nonsense")
        try fixture.write("devices/README", "nonsense")
        let both = "profiles = [\"\(repository)/devices\", \"\(fixture.directory)/devices\"]"
        let scanners = try fixture.load("[scanners]\n\(both)\n").scanners
        #expect(scanners.profiles["zebra"]?.title == "Ours")
        #expect(scanners.files["zebra"] == path)
        #expect(scanners.profiles["honeywell"] != nil)
    }

    @Test func `a mode has its options in the words of device add`() throws {
        try Files.makeDirectory(fixture.directory + "/devices")
        try fixture.write(
            "devices/x.toml",
            """
            title = "X"
            base = true
            [[mode]]
            name = "a"
            kind = "serial"
            usb = ["1eab:??06", "065a:*"]
            setup = "Plug it in."
            limits = "None."
            init = 'i'
            [mode.serial]
            baud = 19_200
            ack = true
            aim = false
            prefix = '\\x02'
            [mode.signals]
            stored_offline = 'a|100|b'
            [mode.trigger]
            on = 'T'
            off = ''
            """)
        let scanners = try fixture.load("[scanners]\nprofiles = [\"\(fixture.directory)/devices\"]\n").scanners
        let profile = try #require(scanners.profiles["x"])
        let options = [
            "init": "i", "baud": "19200", "ack": "true", "prefix": "\\x02", "signal_stored_offline": "a|100|b",
            "trigger_on": "T", "trigger_off": "",
        ]
        let usb = [DeviceProfile.USBPattern(vendor: 0x1EAB, product: 6, mask: 0xFF), .init(vendor: 0x065A)]
        let mode = DeviceProfile.Mode(
            name: "a", kind: .serial, usb: usb, options: options, setup: "Plug it in.", limits: "None.")
        #expect(profile == DeviceProfile(name: "x", title: "X", modes: [mode], isBase: true))

        #expect(
            fixture.short(String(decoding: scanners.profilesJSON([profile]), as: UTF8.self)) == """
                {"profiles":[{"name":"x","title":"X","base":true,"file":"DIR/devices/x.toml","modes":[{"name":"a",\
                "kind":"serial","usb":["1eab:??06","065a:*"],"options":{"ack":"true","baud":"19200","init":"i",\
                "prefix":"\\\\x02","signal_stored_offline":"a|100|b","trigger_off":"","trigger_on":"T"},\
                "signals":["stored","stored-offline","refused","duplicate","bag-complete"],"trigger":true,\
                "setup":"Plug it in.","limits":"None."}]}]}
                """)
        #expect(
            fixture.short(scanners.describe(profile, width: 60)) == """
                x: X
                file: DIR/devices/x.toml
                a cordless base: several scanners, each a device with a --match prefix= of its own

                x/a (serial)
                  usb: 1eab:??06 065a:*
                  options: ack=true baud=19200 init=i prefix=\\x02
                           signal_stored_offline=a|100|b trigger_off=
                           trigger_on=T
                  told: stored, stored-offline, refused, duplicate,
                        bag-complete; can be triggered
                  setup: Plug it in.
                  limits: None.

                """)
    }
}

func attached(_ kind: NodeKind, _ id: String) throws -> AttachedNode {
    let pattern = try #require(DeviceProfile.USBPattern(id))
    return AttachedNode(
        kind: kind, path: "/dev/x", usb: .init(vendor: pattern.vendor, product: try #require(pattern.product)))
}
