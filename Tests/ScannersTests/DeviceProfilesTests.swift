import Model
import Testing

@testable import Scanners

private typealias Profile = DeviceProfile
private typealias Pattern = DeviceProfile.USBPattern

private func node(_ kind: NodeKind, _ id: String, driver: String = "") throws -> AttachedNode {
    let pattern = try #require(Pattern(id))
    let usb = AttachedNode.USB(vendor: pattern.vendor, product: pattern.product ?? 0)
    return AttachedNode(kind: kind, path: "/dev/x", usb: usb, driver: driver)
}

private func mode(_ name: String, _ kind: NodeKind, _ ids: String..., options: [String: String] = [:]) -> Profile.Mode {
    Profile.Mode(name: name, kind: kind, usb: ids.compactMap { Pattern($0) }, options: options)
}

@Suite struct DeviceProfilesTests {
    @Test(arguments: [
        ("05e0:1701", 0x05E0, 0x1701, 0xFFFF), ("1eab:??06", 0x1EAB, 0x06, 0xFF), ("0C2E:???a", 0x0C2E, 0xA, 0xF),
        ("ffff:?035", 0xFFFF, 0x35, 0xFFF),
    ])
    func `a pattern says which digits count`(text: String, vendor: UInt16, product: UInt16, mask: UInt16) {
        #expect(Pattern(text) == Pattern(vendor: vendor, product: product, mask: mask))
        #expect(Pattern(text)?.description == text.lowercased())
    }

    @Test func `a vendor's pattern has no product`() {
        #expect(Pattern("065a:*") == Pattern(vendor: 0x065A))
        #expect(Pattern("065a:*")?.description == "065a:*")
    }

    @Test(arguments: [
        "", "065a", "065a:", "065a:????", "065a:1?", "065a:001", "065a:00011", "065a:00?1", "65a:0001", "065g:0001",
        "*:0001", "065a:**", "065a 0001", "065a:000g",
    ])
    func `anything else is no pattern`(text: String) { #expect(Pattern(text) == nil) }

    private let profiles = DeviceProfiles(layers: [
        [
            Profile(
                name: "a", title: "A",
                modes: [
                    mode("any", .serial, "1eab:*"), mode("cdc", .serial, "1eab:??06"),
                    mode("one", .serial, "1eab:0106"),
                    mode("keys", .keyboard, "1eab:??03"),
                ], onlyScanners: [Pattern(vendor: 0x1EAB)]),
            Profile(
                name: "b", title: "B",
                modes: [
                    mode("keys", .keyboard, "046d:*", "0416:c141", "04b4:??61"), mode("line", .serial, "1a86:7523"),
                ]),
        ]
    ])

    @Test(arguments: [("1eab:0106", "a/one"), ("1eab:0206", "a/cdc"), ("1eab:0299", "a/any"), ("1a86:7523", "b/line")])
    func `the exact id goes before its last digits, and those before the vendor`(id: String, name: String) throws {
        #expect(profiles.best(for: try node(.serial, id)).name == name)
    }

    @Test func `a profile's id counts only for its kind of node`() throws {
        #expect(profiles.best(for: try node(.keyboard, "1eab:0106")).name == "generic/keyboard")
        #expect(profiles.best(for: try node(.hidpos, "1eab:0103")).name == "generic/hidpos")
    }

    @Test(arguments: [
        (NodeKind.serial, "cdc_acm", "generic/cdc"), (.serial, "ftdi_sio", "generic/rs232"),
        (.serial, "", "generic/rs232"), (.keyboard, "usbhid", "generic/keyboard"),
        (.hidpos, "usbhid", "generic/hidpos"),
    ])
    func `what nobody knows gets the generic mode of its kind`(kind: NodeKind, driver: String, name: String) throws {
        #expect(DeviceProfiles().best(for: try node(kind, "1234:5678", driver: driver)).name == name)
        #expect(DeviceProfiles().best(for: AttachedNode(kind: kind, path: "/dev/x", driver: driver)).name == name)
        // A generic profile of somebody's own may lack modes.
        let poor = DeviceProfiles(layers: [[Profile(name: "generic", title: "G", modes: [mode("x", .serial)])]])
        #expect(poor.best(for: try node(kind, "1234:5678")).mode.kind == kind)
    }

    @Test func `a later directory's profile replaces one of the same name, and goes first where ids are the same`()
        throws
    {
        let own = [
            Profile(name: "b", title: "B2", modes: [mode("other", .serial)]),
            Profile(name: "z", title: "Z", modes: [mode("mine", .serial, "1eab:0106")]),
        ]
        let layered = DeviceProfiles(layers: [profiles.all, own])
        #expect(layered.all.map(\.name) == ["a", "b", "generic", "z"])
        #expect(layered["b"]?.title == "B2")
        #expect(layered.best(for: try node(.serial, "1a86:7523")).profile.name == "generic")
        #expect(layered.best(for: try node(.serial, "1eab:0106")).name == "z/mine")
    }

    @Test func `a name is a profile's, with the mode or for a kind of node`() throws {
        #expect(try profiles.find("a").name == "a/any")
        #expect(try profiles.find("a", kind: .keyboard).name == "a/keys")
        #expect(try profiles.find("a/cdc", kind: .serial).name == "a/cdc")
        #expect(try profiles.find("a", for: try node(.serial, "1eab:0306")).name == "a/cdc")
        #expect(try profiles.find("a", for: try node(.serial, "1234:5678")).name == "a/any")
        #expect(try profiles.find("a/one", for: try node(.serial, "1eab:0306")).name == "a/one")
        #expect(
            try profiles.find("generic", for: try node(.serial, "1234:5678", driver: "ch341")).name == "generic/rs232")
    }

    @Test(arguments: [
        ("c", nil as NodeKind?, "there is no profile c; write one of a, b, generic"),
        ("a/x", nil, "a has no mode x; write a/any or a/cdc or a/one or a/keys"),
        ("a/keys", .serial, "a/keys is for keyboard scanners, and this one is serial; write a/any or a/cdc or a/one"),
        ("b", .hidpos, "b has no mode for hidpos scanners; it has keys (keyboard), line (serial)"),
        ("b/", nil, "b has no mode ; write b/keys or b/line"),
        ("", nil, "there is no profile ; write one of a, b, generic"),
    ])
    func `a wrong name is said, and what to write`(text: String, kind: NodeKind?, message: String) {
        let mistake = #expect(throws: DeviceProfiles.Mistake.self) { try profiles.find(text, kind: kind) }
        #expect(mistake?.description == message)
    }

    @Test(arguments: [
        // Named, or of a vendor of scanners alone.
        (NodeKind.keyboard, "0416:c141", true), (.keyboard, "1eab:0103", true), (.keyboard, "1eab:9999", true),
        (.hidpos, "1eab:0110", true),
        // A vendor's keyboards, a vendor's last digits, an adapter's chip, another kind: it may be somebody's own.
        (.keyboard, "046d:c31c", false), (.keyboard, "04b4:1161", false), (.keyboard, "1a86:7523", false),
        (.hidpos, "0416:c141", false), (.serial, "1eab:0106", false), (.keyboard, "1234:5678", false),
    ])
    func `only what is surely a scanner is taken for one`(kind: NodeKind, id: String, known: Bool) throws {
        #expect(profiles.isKnownScanner(try node(kind, id)) == known)
        #expect(!profiles.isKnownScanner(AttachedNode(kind: kind, path: "/dev/x", name: "Barcode Scanner")))
    }

    @Test func `signals are those of the language, the profile or the answer byte`() {
        #expect(mode("m", .serial, options: ["protocol": "ssi"]).signals.count == 5)
        #expect(
            mode("m", .serial, options: ["ack": "true"]).signals == [
                .stored, .storedOffline, .refused, .duplicate, .bagComplete,
            ])
        #expect(mode("m", .serial, options: ["signal_bag_complete": "B"]).signals == [.bagComplete])
        #expect(mode("m", .serial).signals.isEmpty)
        #expect(mode("m", .serial, options: ["protocol": "gm65"]).hasTrigger)
        #expect(!mode("m", .serial).hasTrigger)
    }
}
