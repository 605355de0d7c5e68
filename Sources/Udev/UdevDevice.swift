internal import CUdev

/// One device node as udev and sysfs describe it, copied out of the library.
public struct UdevDevice: Sendable, Equatable {
    /// The USB device above it.
    public struct USB: Sendable, Equatable {
        /// idVendor and idProduct.
        public let vendor, product: UInt16
        /// The device's strings; empty where it has none.
        public let serial, manufacturer, model: String
        /// The host controller and the ports down to the device: `0000:00:14.0-2.3`.
        public let port: String
        /// bInterfaceNumber of the interface that the node belongs to.
        public let interface: UInt8
    }

    /// Whether it is there now.
    public let isPresent: Bool
    /// `tty`, `input`, `hidraw`, `video4linux`.
    public let subsystem: String
    /// Its node under /dev.
    public let node: String
    /// Its place in sysfs.
    public let sysPath: String
    /// An input, HID or video device's name, or empty.
    public let name: String
    /// The kernel driver of its interface, or empty.
    public let driver: String
    /// The keys that an input device has: sysfs' `capabilities/key`, words of hexadecimal digits, the highest first.
    public let keys: String
    /// What a serial line of the board is (sysfs' `type`): 0 where there is no chip behind it; nil for others.
    public let portType: Int?
    /// Of a video node, whether it gives pictures: as udev has asked it, or where nobody has, whether it is the first of
    /// its camera's.
    public let givesPictures: Bool
    /// Its USB device; nil where it is on another bus.
    public let usb: USB?

    /// Nil for a device without a node.
    init?(_ device: OpaquePointer, isPresent: Bool) {
        guard let node = Self.text(udev_device_get_devnode(device)),
            let subsystem = Self.text(udev_device_get_subsystem(device)),
            let sysPath = Self.text(udev_device_get_syspath(device))
        else { return nil }
        self.isPresent = isPresent
        (self.node, self.subsystem, self.sysPath) = (node, subsystem, sysPath)
        // What is above a node that is gone may be gone as well; its place is all that is asked of it.
        guard isPresent else {
            (name, driver, keys, portType, givesPictures, usb) = ("", "", "", nil, false, nil)
            return
        }
        let parent = udev_device_get_parent(device)
        let own = subsystem == "video4linux" ? Self.attribute(device, "name") : nil
        name = own ?? Self.attribute(parent, "name") ?? Self.property(parent, "HID_NAME") ?? ""
        keys = subsystem == "input" ? Self.attribute(parent, "capabilities/key") ?? "" : ""
        portType = subsystem == "tty" ? Self.attribute(device, "type").flatMap { Int($0) } : nil
        let capabilities = Self.property(device, "ID_V4L_CAPABILITIES")
        givesPictures =
            subsystem == "video4linux"
            && (capabilities.map { $0.contains(":capture:") } ?? (Self.attribute(device, "index") == "0"))
        let interface = udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_interface")
        driver = Self.text(udev_device_get_driver(interface ?? parent)) ?? ""
        usb = Self.usb(of: device, interface)
    }

    private static func usb(of device: OpaquePointer, _ interface: OpaquePointer?) -> USB? {
        guard let usb = udev_device_get_parent_with_subsystem_devtype(device, "usb", "usb_device"),
            let vendor = attribute(usb, "idVendor").flatMap({ UInt16($0, radix: 16) }),
            let product = attribute(usb, "idProduct").flatMap({ UInt16($0, radix: 16) })
        else { return nil }
        var controller = udev_device_get_parent(usb)
        while let one = controller, text(udev_device_get_subsystem(one)) == "usb" {
            controller = udev_device_get_parent(one)
        }
        let ports = attribute(usb, "devpath") ?? ""
        return USB(
            vendor: vendor, product: product, serial: attribute(usb, "serial") ?? "",
            manufacturer: attribute(usb, "manufacturer") ?? "", model: attribute(usb, "product") ?? "",
            port: "\(controller.flatMap { text(udev_device_get_sysname($0)) } ?? "usb")-\(ports)",
            interface: interface.flatMap { attribute($0, "bInterfaceNumber") }.flatMap { UInt8($0, radix: 16) } ?? 0)
    }

    private static func text(_ pointer: UnsafePointer<CChar>?) -> String? { pointer.map { String(cString: $0) } }

    private static func attribute(_ device: OpaquePointer?, _ name: String) -> String? {
        guard let device, let value = text(udev_device_get_sysattr_value(device, name)) else { return nil }
        // The device's own strings may hold anything, line ends among them.
        return String(value.unicodeScalars.filter { $0.value >= 32 && $0.value != 127 }.map(Character.init))
    }

    private static func property(_ device: OpaquePointer?, _ name: String) -> String? {
        device.flatMap { text(udev_device_get_property_value($0, name)) }
    }
}
