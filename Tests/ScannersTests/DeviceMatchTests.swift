import Testing

@testable import Scanners

@Suite struct DeviceMatchTests {
    private static let zebra = AttachedNode(
        kind: .keyboard, path: "/dev/input/event3", sysPath: "/sys/a",
        usb: .init(vendor: 0x05E0, product: 0x1200, serial: "SYM1", port: "0000:00:14.0-2.3", interface: 1))
    private static let twin = AttachedNode(
        kind: .keyboard, path: "/dev/input/event4", sysPath: "/sys/b",
        usb: .init(vendor: 0x05E0, product: 0x1200, serial: "SYM2", port: "0000:00:14.0-2.4"))
    private static let changed = AttachedNode(
        kind: .serial, path: "/dev/ttyACM0", sysPath: "/sys/c",
        usb: .init(vendor: 0x05E0, product: 0x1701, serial: "SYM1", port: "0000:00:14.0-2.3"))
    private static let wireless = AttachedNode(kind: .keyboard, path: "/dev/input/event9", name: "BSC01 Scanner")

    @Test(arguments: [
        (["usb=05e0:1200"], [zebra, twin]),
        (["usb=05E0"], [zebra, twin, changed]),
        (["serial=SYM1"], [zebra, changed]),
        (["path=0000:00:14.0-2.4"], [twin]),
        (["name=BSC01 Scanner"], [wireless]),
        (["usb=05e0:1200", "interface=1"], [zebra]),
        (["usb=05e0:9999"], []),
        (["usb=0c2e:1200", "serial=SYM1"], []),
        (["prefix=S03"], []),
    ]) func `a match takes the nodes of which all of it holds`(texts: [String], expected: [AttachedNode]) throws {
        let match = try DeviceMatch(texts)
        #expect([Self.zebra, Self.twin, Self.changed, Self.wireless].filter(match.accepts) == expected)
    }

    @Test(arguments: [["usb=05e0:1200", "serial=SYM1"], ["usb=05e0:1200", "path=0000:00:14.0-2.3"]])
    func `a scanner that is known by its number or its port is followed into another mode`(texts: [String]) throws {
        #expect(try DeviceMatch(texts).accepts(Self.changed))
    }

    @Test(arguments: [
        "usb", "usb=", "usb=5e0:1200", "usb=05e0:1200:1", "usb=05e0:", "serial=", "interface=x", "interface=256",
        "colour=red", "prefix=\\x0",
    ]) func `what is no match is refused with what to write`(text: String) throws {
        let mistake = #expect(throws: DeviceMatch.Mistake.self) { _ = try DeviceMatch([text]) }
        #expect(mistake?.description.hasPrefix("--match \(text): ") == true)
    }

    @Test func `a base's labels go to the scanner whose prefix is longest, and nobody's label to nobody`() throws {
        let (one, two) = (try device("one"), try device("two"))
        let route = ScannerRoute(branches: [
            .init(prefix: Array("S0".utf8), device: one), .init(prefix: Array("S03".utf8), device: two),
        ])
        func resolve(_ text: String) -> String? {
            route.resolve(Array(text.utf8)).map { "\($0.device) \(String(decoding: $0.bytes, as: UTF8.self))" }
        }
        #expect(resolve("S03SB10000") == "two SB10000")
        #expect(resolve("S01SB10000") == "one 1SB10000")
        #expect(resolve("SB10000") == nil)
        #expect(resolve("S03") == nil)
    }

    @Test func `what a keyboard is told from: digits, letters and Enter`() {
        // A scanner of the lab, a power button, a media remote.
        #expect(AttachedNode.isKeyboard("1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"))
        #expect(!AttachedNode.isKeyboard("10000000000000 0"))
        #expect(!AttachedNode.isKeyboard("c0000 0 0 0"))
        #expect(!AttachedNode.isKeyboard(""))
    }
}
