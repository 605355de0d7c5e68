internal import CLinux
internal import Glibc

/// One event of an input device (linux/input.h).
public struct InputEvent: Sendable, Equatable {
    /// When the kernel took it, in microseconds by the clock that was asked for.
    public var time: Int64
    /// `synchronization`, `key`, `light`, …
    public var type: UInt16
    /// Which key.
    public var code: UInt16
    /// 0 released, 1 pressed, 2 repeated.
    public var value: Int32

    /// An event.
    public init(time: Int64, type: UInt16, code: UInt16, value: Int32) {
        (self.time, self.type, self.code, self.value) = (time, type, code, value)
    }

    /// EV_SYN.
    public static let synchronization: UInt16 = 0
    /// EV_KEY.
    public static let key: UInt16 = 1
    /// EV_LED.
    public static let light: UInt16 = 0x11
    /// SYN_REPORT.
    public static let report: UInt16 = 0
    /// SYN_DROPPED.
    public static let dropped: UInt16 = 3

    private static let wordSize = MemoryLayout<Int>.size
    /// Bytes of one event: two words of time, and 8.
    public static let size = 2 * wordSize + 8

    /// The whole events in what `read` returned.
    public static func parse(_ bytes: ArraySlice<UInt8>) -> [InputEvent] {
        bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count - raw.count % size, by: size).map { at in
                let seconds = raw.loadUnaligned(fromByteOffset: at, as: Int.self)
                let microseconds = raw.loadUnaligned(fromByteOffset: at + wordSize, as: Int.self)
                return InputEvent(
                    // Whatever a file that is no input device holds must not trap.
                    time: Int64(seconds) &* 1_000_000 &+ Int64(microseconds),
                    type: raw.loadUnaligned(fromByteOffset: at + 2 * wordSize, as: UInt16.self),
                    code: raw.loadUnaligned(fromByteOffset: at + 2 * wordSize + 2, as: UInt16.self),
                    value: raw.loadUnaligned(fromByteOffset: at + 2 * wordSize + 4, as: Int32.self))
            }
        }
    }

    /// As `write` and `read` have it.
    public var bytes: [UInt8] {
        var out: [UInt8] = []
        withUnsafeBytes(of: Int(time / 1_000_000)) { out += $0 }
        withUnsafeBytes(of: Int(time % 1_000_000)) { out += $0 }
        withUnsafeBytes(of: type) { out += $0 }
        withUnsafeBytes(of: code) { out += $0 }
        withUnsafeBytes(of: value) { out += $0 }
        return out
    }
}

/// What can be asked of an event node (linux/input.h). Any thread.
public enum InputDevice {
    /// Bus, vendor and product of a device.
    public struct Identity: Sendable, Equatable {
        /// 3 is USB, 5 Bluetooth, 6 virtual.
        public let bus: UInt16
        /// idVendor.
        public let vendor: UInt16
        /// idProduct.
        public let product: UInt16
    }

    /// KEY_CNT.
    static let keyCount = 0x300

    /// Opens an event node, non-blocking; for lights too where the permissions allow it. Events are timed by
    /// CLOCK_BOOTTIME, and only keys are queued: the kernel's 64 places then hold half as much again.
    public static func open(_ path: String) throws(SystemError) -> FileDescriptor {
        let file = try openNode(path)
        guard scangate_input_version(file.raw) == 0 else {
            throw SystemError("use as an input device", "\(path) (it should be /dev/input/event…)", code: ENOTTY)
        }
        try prepare(file.raw, path)
        return file
    }

    private static func openNode(_ path: String) throws(SystemError) -> FileDescriptor {
        do { return try FileDescriptor.open(path, O_RDWR | O_NONBLOCK) } catch {
            guard error.code == EACCES || error.code == EPERM || error.code == EROFS else { throw error }
            return try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK)
        }
    }

    /// Sets the clock and what is queued; keeps what is queued already where both are as they were.
    public static func prepare(_ descriptor: Int32, _ path: String) throws(SystemError) {
        guard scangate_input_clock(descriptor, Int32(CLOCK_BOOTTIME)) == 0 else {
            throw SystemError("set the clock of", path)
        }
        // Scan codes, lights and repetition; an older kernel queues them, and they are passed over.
        for type in [4, 0x11, 0x14] as [UInt32] { _ = scangate_input_mute(descriptor, type) }
    }

    /// What the device is; ENODEV once it is gone.
    public static func identity(_ descriptor: Int32, _ path: String) throws(SystemError) -> Identity {
        var (bus, vendor, product) = (UInt16(0), UInt16(0), UInt16(0))
        guard scangate_input_identity(descriptor, &bus, &vendor, &product) == 0 else {
            throw SystemError("ask for the ids of", path)
        }
        return Identity(bus: bus, vendor: vendor, product: product)
    }

    /// What the kernel calls it; at most 255 bytes.
    public static func name(_ descriptor: Int32, _ path: String) throws(SystemError) -> String {
        var name = [CChar](repeating: 0, count: 256)
        guard scangate_input_name(descriptor, &name, name.count) >= 0 else {
            throw SystemError("ask for the name of", path)
        }
        return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The keys it has.
    public static func keys(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt16] {
        var bits = [UInt8](repeating: 0, count: keyCount / 8)
        guard scangate_input_key_bits(descriptor, &bits, bits.count) >= 0 else {
            throw SystemError("ask for the keys of", path)
        }
        return numbers(bits)
    }

    /// The keys that are down now. The kernel drops the key events that wait on this descriptor: they are older.
    public static func keysDown(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt16] {
        var bits = [UInt8](repeating: 0, count: keyCount / 8)
        guard scangate_input_keys_down(descriptor, &bits, bits.count) >= 0 else {
            throw SystemError("ask for the pressed keys of", path)
        }
        return numbers(bits)
    }

    /// The lights that are on: 0 NumLock, 1 CapsLock, 2 ScrollLock.
    public static func lights(_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt16] {
        var bits = [UInt8](repeating: 0, count: 2)
        guard scangate_input_leds(descriptor, &bits, bits.count) >= 0 else {
            throw SystemError("ask for the lights of", path)
        }
        return numbers(bits)
    }

    /// Takes a device for this descriptor alone, until it and its duplicates are closed.
    public static func grab(_ descriptor: Int32, _ path: String) throws(SystemError) {
        guard scangate_input_grab(descriptor, 1) == 0 else {
            throw SystemError("take for itself", hint(path, errno), code: errno)
        }
    }

    /// Gives it back to whoever else reads it.
    public static func release(_ descriptor: Int32, _ path: String) throws(SystemError) {
        guard scangate_input_grab(descriptor, 0) == 0 else { throw SystemError("give back", path) }
    }

    /// The device number of a node that is open, as `stat` has it in st_rdev; nil for anything else.
    public static func number(_ descriptor: Int32) -> UInt64? {
        var buffer = stat()
        guard fstat(descriptor, &buffer) == 0, buffer.st_mode & S_IFMT == S_IFCHR else { return nil }
        return UInt64(buffer.st_rdev)
    }

    /// The same of a path.
    public static func number(_ path: String) -> UInt64? {
        var buffer = stat()
        guard stat(path, &buffer) == 0, buffer.st_mode & S_IFMT == S_IFCHR else { return nil }
        return UInt64(buffer.st_rdev)
    }

    private static func hint(_ path: String, _ code: Int32) -> String {
        code == EBUSY ? "\(path), which another program has grabbed (see which: fuser -v \(path))" : path
    }

    private static func numbers(_ bits: [UInt8]) -> [UInt16] {
        (0..<UInt16(bits.count * 8)).filter { bits[Int($0) / 8] >> ($0 % 8) & 1 == 1 }
    }
}
