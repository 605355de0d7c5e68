internal import Model

/// Which attached scanner is a device: the `--match KEY=VALUE` of `device add`, all of which have to hold.
public struct DeviceMatch: Sendable, Equatable {
    /// idVendor.
    public var vendor: UInt16?
    /// idProduct. Compared only where nothing better names the scanner: a scanner that is switched to another mode
    /// comes back with another one.
    public var product: UInt16?
    /// iSerialNumber.
    public var serial: String?
    /// Where it is plugged in, as `device discover` prints that: `0000:00:14.0-2.3`.
    public var port: String?
    /// bInterfaceNumber, of a device with several.
    public var interface: UInt8?
    /// The kernel's name of an input device, for those that are not on USB.
    public var name: String?
    /// What a scanner of a cordless base sends before each label; taken off.
    public var prefix: [UInt8]?

    /// What is wrong with a match, and what to write.
    public struct Mistake: Error, Sendable, CustomStringConvertible {
        /// A sentence for people.
        public let description: String
    }

    /// Reads `KEY=VALUE` texts: `usb=VVVV:PPPP` or `usb=VVVV`, `serial=`, `path=`, `interface=`, `name=`, `prefix=`.
    public init(_ texts: [String]) throws(Mistake) {
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[1].isEmpty else { throw Self.mistake(text, "write KEY=VALUE") }
            let value = parts[1]
            switch parts[0] {
            case "usb":
                let ids = value.split(separator: ":", omittingEmptySubsequences: false)
                vendor = try Self.id(ids[0], text)
                guard ids.count <= 2 else { throw Self.mistake(text, "write usb=05e0:1200, or usb=05e0") }
                product = ids.count == 2 ? try Self.id(ids[1], text) : nil
            case "serial": serial = value
            case "path": port = value
            case "interface":
                guard let number = UInt8(value) else { throw Self.mistake(text, "write a number from 0 to 255") }
                interface = number
            case "name": name = value
            case "prefix": prefix = try Self.prefix(value, text)
            default: throw Self.mistake(text, "the keys are usb, serial, path, interface, name, prefix")
            }
        }
    }

    /// Whether it says which node is meant, and not only which prefix.
    public var namesNode: Bool { vendor != nil || serial != nil || port != nil || name != nil }

    /// Whether a node may be the device's.
    public func accepts(_ node: AttachedNode) -> Bool {
        guard namesNode else { return false }
        if let name, name != node.name { return false }
        guard vendor != nil || serial != nil || port != nil || interface != nil else { return true }
        guard let usb = node.usb else { return false }
        // A mode change is followed: whoever is known by its number or its place may change its product id.
        let isKnown = serial != nil || port != nil
        return (vendor == nil || vendor == usb.vendor) && (isKnown || product == nil || product == usb.product)
            && (serial == nil || serial == usb.serial) && (port == nil || port == usb.port)
            && (interface == nil || interface == usb.interface)
    }

    private static func id(_ text: Substring, _ match: String) throws(Mistake) -> UInt16 {
        guard text.utf8.count == 4, let id = UInt16(text, radix: 16) else {
            throw mistake(match, "write ids as lsusb does: usb=05e0:1200, or usb=05e0")
        }
        return id
    }

    private static func prefix(_ text: String, _ match: String) throws(Mistake) -> [UInt8] {
        guard let bytes = EscapedBytes.parse(text, atMost: 32), !bytes.isEmpty else {
            throw mistake(match, "a prefix is 1 to 32 bytes; \(EscapedBytes.advice)")
        }
        return bytes
    }

    private static func mistake(_ text: String, _ remedy: String) -> Mistake {
        Mistake(description: "--match \(text): \(remedy)")
    }
}
