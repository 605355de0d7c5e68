internal import Model

extension DeviceProfile.USBPattern: CustomStringConvertible {
    /// How a pattern is written, for people.
    public static let rule =
        "VENDOR:PRODUCT in hexadecimal as lsusb shows them, such as \"05e0:1701\"; \"1eab:??06\" where only the last "
        + "digits count, \"065a:*\" for every product"

    /// Reads `05e0:1701`, `1eab:??06` or `065a:*`; nil for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count > 5, bytes[4] == UInt8(ascii: ":"), let vendor = Self.number(bytes[..<4]) else { return nil }
        let product = bytes[5...]
        if product.elementsEqual("*".utf8) {
            self.init(vendor: vendor)
            return
        }
        let digits = product.drop { $0 == UInt8(ascii: "?") }
        // Four `?` would be every product, which has a word of its own.
        guard product.count == 4, let number = Self.number(digits) else { return nil }
        self.init(vendor: vendor, product: number, mask: UInt16((1 << (4 * digits.count)) - 1))
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard !digits.isEmpty else { return nil }
        var number: UInt16 = 0
        for digit in digits {
            guard let value = Hex.value(digit) else { return nil }
            number = number << 4 | UInt16(value)
        }
        return number
    }

    /// As it is written in a profile.
    public var description: String {
        guard let product else { return "\(Self.text(vendor, 4)):*" }
        let digits = (16 - mask.leadingZeroBitCount + 3) / 4
        return "\(Self.text(vendor, 4)):\(String(repeating: "?", count: 4 - digits))\(Self.text(product, digits))"
    }

    private static func text(_ number: UInt16, _ digits: Int) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Whether it names one product alone.
    public var isExact: Bool { product != nil && mask == 0xFFFF }

    /// How much of an id the pattern says: more for more digits, 1 for the vendor alone; nil where it does not match.
    func weight(for usb: AttachedNode.USB) -> Int? {
        guard usb.vendor == vendor else { return nil }
        guard let product else { return 1 }
        return usb.product & mask == product & mask ? 1 + mask.nonzeroBitCount : nil
    }
}
