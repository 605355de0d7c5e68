/// A model family, as a file of `devices/` describes it: which ids it has, and per mode how it is set up and spoken to.
public struct DeviceProfile: Sendable, Equatable {
    /// USB ids: a vendor's, or one product's.
    public struct USBPattern: Sendable, Hashable {
        /// idVendor.
        public var vendor: UInt16
        /// idProduct; nil for every product of the vendor.
        public var product: UInt16?
        /// Low bits of the product that have to be as in `product`, where a vendor counts modes in its last digits;
        /// all of them by default.
        public var mask: UInt16

        /// A pattern.
        public init(vendor: UInt16, product: UInt16? = nil, mask: UInt16 = 0xFFFF) {
            (self.vendor, self.product, self.mask) = (vendor, product, mask)
        }
    }

    /// One way to talk to the family.
    public struct Mode: Sendable, Equatable {
        /// Unique in the profile: `keyboard`, `cdc`, `ssi`, `hidpos`, `rs232`.
        public var name: String
        /// What node the mode has.
        public var kind: NodeKind
        /// The ids of the family in this mode; none where they tell nothing.
        public var usb: [USBPattern]
        /// What the driver needs, in the words of `device add`'s options (`baud`, `terminator`, `protocol`, …); an option
        /// of the device itself goes before them.
        public var options: [String: String]
        /// How the scanner is put into the mode, a sentence or two for the admin.
        public var setup: String
        /// What it cannot do in this mode, for the admin; or empty.
        public var limits: String

        /// A mode.
        public init(
            name: String, kind: NodeKind, usb: [USBPattern] = [], options: [String: String] = [:], setup: String = "",
            limits: String = ""
        ) {
            (self.name, self.kind, self.usb, self.options) = (name, kind, usb, options)
            (self.setup, self.limits) = (setup, limits)
        }
    }

    /// The file's name without `.toml`: what `--profile` takes, alone or as NAME/MODE.
    public var name: String
    /// The family, for people: `Zebra DS2208, DS4308, DS9308`.
    public var title: String
    /// Its modes, the best first.
    public var modes: [Mode]
    /// A cordless base that may have several scanners, which then need a prefix each.
    public var isBase: Bool
    /// Ids under which there is nothing but scanners: a keyboard that has one is nobody's to type on.
    public var onlyScanners: [USBPattern]

    /// A profile.
    public init(
        name: String, title: String, modes: [Mode], isBase: Bool = false, onlyScanners: [USBPattern] = []
    ) {
        (self.name, self.title, self.modes, self.isBase) = (name, title, modes, isBase)
        self.onlyScanners = onlyScanners
    }
}
