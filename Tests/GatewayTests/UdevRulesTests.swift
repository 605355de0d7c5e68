import Posix
import Scanners
import Testing

@testable import Gateway

private let repository = Files.parent(Files.parent(Files.parent(#filePath)))
private typealias Pattern = DeviceProfile.USBPattern

/// The ids of `devices/60-scangate.rules`, by the part of the file that they stand in.
private struct UdevRules {
    private(set) var parts: [String: [Pattern]] = [:]

    init(_ text: String) throws {
        var part = ""
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let terms = line.split(separator: ",").map { $0.drop { $0 == " " } }
            func values(_ key: String) -> [Substring] {
                let start = key + "==\""
                return terms.first { $0.hasPrefix(start) }?.dropFirst(start.count).dropLast().split(separator: "|")
                    ?? []
            }
            if line.hasPrefix("LABEL=\"") { part = String(line.dropFirst(7).dropLast()) }
            let products = values("ATTRS{idProduct}")
            for vendor in values("ATTRS{idVendor}") {
                // Whatever is not understood is no id that the tests could take for checked.
                let texts = products.isEmpty ? ["\(vendor):*"] : products.map { "\(vendor):\($0)" }
                parts[part, default: []] += try texts.map { try #require(Pattern($0), "\($0)") }
                #expect(terms.contains("ENV{SCANGATE_SCANNER}=\"1\""), "\(line)")
            }
        }
    }

    /// Surely scanners: keyboards, HID scanners, terminals and the device itself.
    var sure: [Pattern] { parts["scangate_sure"] ?? [] }
    /// Terminals and the device itself go through both parts.
    var serial: [Pattern] { (parts["scangate_serial"] ?? []) + sure }
}

@Suite struct UnitTests {
    @Test func `systemd keeps as many files as the daemon gives it`() throws {
        // A keyboard beyond what systemd takes would type into the console during a restart, and nobody is told.
        let unit = String(
            decoding: try Files.read(repository + "/systemd/scangate.service", limit: 65_536), as: UTF8.self)
        #expect(unit.split(separator: "\n").contains("FileDescriptorStoreMax=\(DescriptorStore.limit)"))
    }
}

extension [DeviceProfile.USBPattern] {
    /// Whether everything that the pattern matches is matched here too.
    fileprivate func cover(_ pattern: DeviceProfile.USBPattern) -> Bool {
        contains { $0.vendor == pattern.vendor && ($0.product == nil || $0 == pattern) }
    }
}

@Suite struct UdevRulesTests {
    private let rules: UdevRules
    private let profiles: DeviceProfiles

    init() throws {
        let text = try Files.read(repository + "/devices/60-scangate.rules")
        rules = try UdevRules(String(decoding: text, as: UTF8.self))
        profiles = try shippedProfiles(try ConfigurationFixture()).profiles
        #expect(rules.sure.count > 10 && rules.serial.count > rules.sure.count)
    }

    @Test func `udev knows each id of a profile`() {
        for profile in profiles.all {
            for pattern in profile.onlyScanners { #expect(rules.sure.cover(pattern), "\(profile.name) \(pattern)") }
            for mode in profile.modes {
                for pattern in mode.usb {
                    let name = "\(profile.name)/\(mode.name) \(pattern)"
                    if mode.kind == .serial {
                        #expect(rules.serial.cover(pattern), "\(name)")
                    } else if pattern.isExact {
                        #expect(rules.sure.cover(pattern), "\(name)")
                    }
                }
            }
        }
    }

    @Test func `udev takes a keyboard or a HID scanner for one only where the profiles are as sure`() throws {
        for pattern in rules.sure {
            let usb = AttachedNode.USB(vendor: pattern.vendor, product: pattern.product ?? 0x7777)
            let kinds: [NodeKind] = [.keyboard, .hidpos]
            let nodes = kinds.map { AttachedNode(kind: $0, path: "/dev/x", usb: usb) }
            #expect(nodes.contains { profiles.isKnownScanner($0) }, "\(pattern)")
        }
    }

    @Test func `bridges and makers of other things are no keyboards to udev`() throws {
        for id in ["1a86:7523", "10c4:ea60", "067b:2303", "0403:6001", "0483:5740", "067e:*", "0536:*", "ffff:0035"] {
            #expect(!rules.sure.cover(try #require(Pattern(id))), "\(id)")
        }
    }
}
