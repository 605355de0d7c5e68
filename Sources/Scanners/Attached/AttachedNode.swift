public import Posix

/// How a scanner is spoken to, which its node tells whatever it was registered as.
public enum NodeKind: String, Sendable, CaseIterable {
    /// A terminal: RS-232, a USB adapter, CDC-ACM.
    case serial
    /// A keyboard: an event node.
    case keyboard
    /// A HID point-of-sale scanner: a hidraw node with usage page 0x8C, or Honeywell's 0xFF8C.
    case hidpos
    /// A camera: a video node that gives pictures.
    case camera
}

/// One node under /dev that a scanner may be behind, as udev and sysfs describe it.
public struct AttachedNode: Sendable, Hashable {
    /// The USB device that a node belongs to.
    public struct USB: Sendable, Hashable {
        /// idVendor.
        public var vendor: UInt16
        /// idProduct.
        public var product: UInt16
        /// iSerialNumber, or empty.
        public var serial: String
        /// iManufacturer, or empty.
        public var manufacturer: String
        /// iProduct, or empty.
        public var model: String
        /// Where it is plugged in: the host controller and the ports down to it, such as `0000:00:14.0-2.3`. The same
        /// after a re-plug and after a reboot.
        public var port: String
        /// bInterfaceNumber of the node's interface.
        public var interface: UInt8

        /// A device; what is not known has its default.
        public init(
            vendor: UInt16, product: UInt16, serial: String = "", manufacturer: String = "", model: String = "",
            port: String = "", interface: UInt8 = 0
        ) {
            (self.vendor, self.product, self.serial) = (vendor, product, serial)
            (self.manufacturer, self.model, self.port, self.interface) = (manufacturer, model, port, interface)
        }
    }

    /// How it is spoken to.
    public var kind: NodeKind
    /// The node: `/dev/ttyACM0`, `/dev/input/event3`, `/dev/hidraw1`, `/dev/video0`.
    public var path: String
    /// Its place in sysfs: what names it while it is attached.
    public var sysPath: String
    /// What the kernel calls it: an input device's name, or empty.
    public var name: String
    /// The USB device; nil for RS-232 lines of the board, Bluetooth and virtual devices.
    public var usb: USB?
    /// The kernel driver of its interface: `cdc_acm`, `ftdi_sio`, `usbhid`, or empty.
    public var driver: String
    /// Which time of being plugged in it is: another scanner in the same place, or the same one again, has another
    /// number (the inode of its place in sysfs).
    public var attachment: UInt64 = 0

    /// A node.
    public init(
        kind: NodeKind, path: String, sysPath: String = "", name: String = "", usb: USB? = nil, driver: String = ""
    ) {
        (self.kind, self.path, self.sysPath, self.name) = (kind, path, sysPath, name)
        (self.usb, self.driver) = (usb, driver)
    }

    /// Where sysfs has it, this time.
    public var place: Sysfs.Place { Sysfs.Place(path: sysPath, inode: attachment) }
}
