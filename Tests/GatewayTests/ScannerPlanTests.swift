import Model
import Scanners
import TestSupport
import Testing

@testable import Gateway
@testable import Identity

@Suite struct ScannerPlanTests {
    private static func node(
        _ kind: NodeKind, _ number: Int, product: UInt16 = 0x1200, serial: String = "", port: String = "c-1",
        interface: UInt8 = 0
    ) -> AttachedNode {
        let path =
            switch kind {
            case .serial: "/dev/ttyACM\(number)"
            case .keyboard: "/dev/input/event\(number)"
            case .hidpos: "/dev/hidraw\(number)"
            case .camera: "/dev/video\(number)"
            }
        return AttachedNode(
            kind: kind, path: path, sysPath: "/sys\(path)",
            usb: .init(vendor: 0x05E0, product: product, serial: serial, port: port, interface: interface),
            driver: kind == .serial ? "cdc_acm" : "usbhid")
    }

    private static func device(
        _ name: String, _ kind: Device.Kind = .keyboard, _ options: [String: String], enabled: Bool = true
    ) throws -> Device {
        Device(
            name: try #require(DeviceID(name)), kind: kind, lane: try #require(LaneID(name)), roles: [.parent, .child],
            isEnabled: enabled, kid: try #require(KeyID("0123456789abcdef")), algorithm: .hs256, options: options,
            addedMs: 0)
    }

    private static func plan(
        _ devices: [Device], _ nodes: [AttachedNode], unknown: ScannerSettings.Unknown = .ignore,
        current: [DeviceID: String] = [:], links: [String: String] = [:], hostile: [ScannerPlan.Port] = []
    ) -> ScannerPlan {
        ScannerPlan(
            devices,
            .init(
                nodes: nodes, profiles: DeviceProfiles(), unknown: unknown, current: current,
                resolve: { links[$0] ?? $0 }, hostile: hostile))
    }

    /// Whose each path is: `/dev/ttyACM0: table-1`.
    private static func owners(_ plan: ScannerPlan) -> [String] {
        plan.ports.values.map { port in
            "\(port.path): \(port.route?.devices.map(\.text).sorted().joined(separator: "+") ?? "ignored")"
        }.sorted()
    }

    @Test func `two identical scanners without numbers stay apart by the port they are plugged into`() throws {
        let devices = [
            try Self.device("left", .keyboard, ["match": "path=c-1\nusb=05e0:1200"]),
            try Self.device("right", .keyboard, ["match": "path=c-2\nusb=05e0:1200"]),
        ]
        // Plugged in in another order, the numbers of the nodes are swapped.
        for (one, two) in [(3, 4), (4, 3)] {
            let plan = Self.plan(
                devices, [Self.node(.keyboard, one, port: "c-1"), Self.node(.keyboard, two, port: "c-2")])
            #expect(Self.owners(plan) == ["/dev/input/event\(one): left", "/dev/input/event\(two): right"].sorted())
            #expect(plan.faults.isEmpty)
        }
    }

    @Test func `where two attached scanners fit neither is guessed, and the admin reads what to write`() throws {
        let device = try Self.device("left", .keyboard, ["match": "usb=05e0:1200"])
        let plan = Self.plan(
            [device], [Self.node(.keyboard, 3, port: "c-1"), Self.node(.keyboard, 4, port: "c-2")])
        #expect(plan.ports.isEmpty)
        let fault = try #require(plan.faults[device.name])
        #expect(fault.contains("--match path=c-1 or path=c-2"))
    }

    @Test func `a scanner that is being read goes on when a second one of its kind is plugged in`() throws {
        let device = try Self.device("left", .keyboard, ["match": "usb=05e0:1200"])
        let plan = Self.plan(
            [device], [Self.node(.keyboard, 3, port: "c-1"), Self.node(.keyboard, 4, port: "c-2")],
            current: [device.name: "/sys/dev/input/event4"])
        #expect(Self.owners(plan) == ["/dev/input/event4: left"])
    }

    @Test func `a scanner that was switched to another mode is read in that mode, with that mode's settings`() throws {
        let device = try Self.device(
            "left", .keyboard, ["match": "serial=S1\nusb=05e0:1200", "layout": "de", "terminator": "enter"])
        let plan = Self.plan([device], [Self.node(.serial, 0, product: 0x1701, serial: "S1")])
        let port = try #require(plan.ports.values.first)
        #expect(port.kind == .serial && port.path == "/dev/ttyACM0")
        #expect(port.options["layout"] == nil && port.options["terminator"] != "enter")
    }

    @Test func `of a scanner with several interfaces the one is read as which it was registered`() throws {
        let nodes = [
            Self.node(.keyboard, 3, serial: "S1", interface: 0), Self.node(.serial, 0, serial: "S1", interface: 1),
        ]
        for (kind, path) in [(Device.Kind.keyboard, "/dev/input/event3"), (.serial, "/dev/ttyACM0")] {
            let plan = Self.plan([try Self.device("left", kind, ["match": "serial=S1"])], nodes)
            #expect(Self.owners(plan) == ["\(path): left"])
        }
    }

    @Test func `the keyboard of a scanner that is read through its serial port is kept from typing`() throws {
        let nodes = [
            Self.node(.keyboard, 3, serial: "S1", interface: 0), Self.node(.serial, 0, serial: "S1", interface: 1),
        ]
        let device = try Self.device("left", .serial, ["match": "serial=S1"])
        #expect(
            Self.owners(Self.plan([device], nodes, unknown: .grab)) == [
                "/dev/input/event3: ignored", "/dev/ttyACM0: left",
            ])
        #expect(Self.owners(Self.plan([device], nodes, unknown: .ignore)) == ["/dev/ttyACM0: left"])
    }

    @Test func `a disabled scanner is kept from typing, and an ordinary keyboard is left alone`() throws {
        let ordinary = AttachedNode(
            kind: .keyboard, path: "/dev/input/event9", sysPath: "/sys/k",
            usb: .init(vendor: 0x046D, product: 0xC31C, port: "c-9"))
        let device = try Self.device("left", .keyboard, ["match": "serial=S1"], enabled: false)
        let plan = Self.plan([device], [Self.node(.keyboard, 3, serial: "S1"), ordinary], unknown: .grab)
        #expect(Self.owners(plan) == ["/dev/input/event3: ignored"])
        #expect(plan.faults.isEmpty)
    }

    @Test func `scanners of one base share its node, and a disabled one's labels are no other's`() throws {
        let devices = [
            try Self.device("base", .serial, ["match": "serial=S1"]),
            try Self.device("s03", .serial, ["match": "prefix=S03\nserial=S1"]),
            try Self.device("s04", .serial, ["match": "prefix=S04\nserial=S1"], enabled: false),
        ]
        let plan = Self.plan(devices, [Self.node(.serial, 0, serial: "S1")])
        let route = try #require(plan.ports.values.first?.route)
        #expect(plan.ports.count == 1)
        for (label, owner) in [("S03SB1", "s03"), ("S04SB1", "s04"), ("SB1", "base")] {
            #expect(route.resolve(Array(label.utf8))?.device.text == owner)
        }
    }

    @Test func `scanners of one base at a path share it too`() throws {
        let devices = [
            try Self.device("s03", .serial, ["port": "/dev/ttyS0", "match": "prefix=S03"]),
            try Self.device("s04", .serial, ["port": "/dev/ttyS0", "match": "prefix=S04"]),
        ]
        let plan = Self.plan(devices, [])
        #expect(Self.owners(plan) == ["/dev/ttyS0: s03+s04"])
        #expect(plan.ports.values.first?.attached == nil)
    }

    @Test
    func `of two devices that mean the same scanner the more precise one gets it, and the other one's fault says so`()
        throws
    {
        let devices = [
            try Self.device("any", .keyboard, ["match": "usb=05e0:1200"]),
            try Self.device("exact", .keyboard, ["match": "serial=S1"]),
        ]
        let plan = Self.plan(devices, [Self.node(.keyboard, 3, serial: "S1")])
        #expect(Self.owners(plan) == ["/dev/input/event3: exact"])
        #expect(plan.faults.count == 1 && plan.faults[devices[0].name]?.contains("exact") == true)
    }

    @Test func `a node that one device names by its path and another by its number is opened once`() throws {
        let devices = [
            try Self.device("path", .keyboard, ["port": "/dev/input/by-id/one"]),
            try Self.device("link", .keyboard, ["port": "/dev/input/by-path/two"]),
            try Self.device("exact", .keyboard, ["match": "serial=S1"]),
        ]
        let links = ["/dev/input/by-id/one": "/dev/input/event3", "/dev/input/by-path/two": "/dev/input/event3"]
        let nodes = [Self.node(.keyboard, 3, serial: "S1")]
        let plan = Self.plan(devices, nodes, links: links)
        #expect(Self.owners(plan) == ["/dev/input/event3: exact"])
        #expect(Set(plan.faults.keys) == Set(devices.prefix(2).map(\.name)))
        // Two links alone, too; without udev nobody knows the node.
        for nodes in [nodes, []] {
            let plan = Self.plan(Array(devices.prefix(2)), nodes, links: links)
            #expect(plan.ports.count == 1 && plan.faults.count == 1)
        }
    }

    @Test func `what did what no scanner does is kept from typing though it is disabled`() throws {
        let node = AttachedNode(
            kind: .keyboard, path: "/dev/input/event9", sysPath: "/sys/k",
            usb: .init(vendor: 0x046D, product: 0xC31C, serial: "S1", port: "c-9"))
        let links = ["/dev/input/by-id/one": "/dev/input/event9"]
        for (option, unknown) in [
            (["port": "/dev/input/by-id/one"], ScannerSettings.Unknown.ignore), (["match": "serial=S1"], .ignore),
            (["port": "/dev/input/by-id/one"], .grab), (["match": "serial=S1"], .grab),
        ] {
            let enabled = Self.plan(
                [try Self.device("left", .keyboard, option)], [node], unknown: unknown, links: links)
            #expect(enabled.ports.count == 1)
            let disabled = Self.plan(
                [try Self.device("left", .keyboard, option, enabled: false)], [node], unknown: unknown, links: links,
                hostile: Array(enabled.ports.values))
            #expect(disabled.ports.values.map(\.isIgnored) == [true])
            // Enabled again, it is read again.
            let again = Self.plan(
                [try Self.device("left", .keyboard, option)], [node], unknown: unknown, links: links,
                hostile: Array(enabled.ports.values))
            #expect(again == enabled)
        }
    }

    @Test func `another scanner in the same place is another opening`() throws {
        let device = try Self.device("left", .keyboard, ["match": "path=c-1"])
        var second = Self.node(.keyboard, 3)
        second.attachment = 2
        #expect(Self.plan([device], [Self.node(.keyboard, 3)]) != Self.plan([device], [second]))
    }

    @Test func `a device that is not attached says what it looks for`() throws {
        let device = try Self.device("left", .keyboard, ["match": "serial=S1\nusb=05e0:1200"])
        #expect(Self.plan([device], []).faults[device.name]?.contains("serial=S1 usb=05e0:1200") == true)
    }
}
