internal import CLinux
internal import Glibc

/// HID devices as reports (the kernel's Documentation/hid/hidraw.rst).
public enum HIDRaw {
    /// What a hidraw node says of its device.
    public struct Description: Sendable, Equatable {
        /// BUS_USB is 3, BUS_BLUETOOTH 5.
        public var bus: UInt32
        /// idVendor.
        public var vendor: UInt16
        /// idProduct.
        public var product: UInt16
        /// The report descriptor; at most 4096 bytes.
        public var reportDescriptor: [UInt8]
    }

    /// Opens a node, non-blocking, and locks it: hidraw knows no exclusive use, so this keeps out programs of good will
    /// only.
    public static func open(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = try FileDescriptor.open(path, O_RDWR | O_NONBLOCK)
        guard scangate_lock_file(file.raw) == 0 else { throw SystemError("lock", path, code: EBUSY) }
        // Reports that came while nobody was reading are not kept for a new reader: nothing to flush.
        return file
    }

    /// Asks an open node what it is.
    public static func describe(_ descriptor: Int32) throws(SystemError) -> Description {
        var bus: UInt32 = 0
        var vendor: UInt16 = 0
        var product: UInt16 = 0
        guard scangate_hidraw_info(descriptor, &bus, &vendor, &product) == 0 else {
            throw SystemError("ask for the ids of", "a hidraw node")
        }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = scangate_hidraw_descriptor(descriptor, &bytes, UInt32(bytes.count))
        guard count >= 0 else { throw SystemError("ask for the report descriptor of", "a hidraw node") }
        return Description(
            bus: bus, vendor: vendor, product: product, reportDescriptor: Array(bytes.prefix(Int(count))))
    }
}
