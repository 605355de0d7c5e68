internal import Posix

/// What a keyboard's driver asks of the kernel; tests answer in its place.
struct KeyboardKernel: Sendable {
    /// Opens an event node, and says which keys it has.
    var open: @Sendable (_ path: String) throws(SystemError) -> Opened
    /// Sets a descriptor up that another process opened; keeps what waits in it.
    var prepare: @Sendable (_ descriptor: Int32, _ path: String) throws(SystemError) -> Void
    /// The keys that are down; older key events that wait are thrown away.
    var keysDown: @Sendable (_ descriptor: Int32, _ path: String) throws(SystemError) -> [UInt16]
    /// Takes the device for this process alone.
    var grab: @Sendable (_ descriptor: Int32, _ path: String) throws(SystemError) -> Void
    /// Gives it back.
    var release: @Sendable (_ descriptor: Int32, _ path: String) throws(SystemError) -> Void
    /// Whether the device is still there.
    var isThere: @Sendable (_ descriptor: Int32) -> Bool
    /// The events' clock, in microseconds.
    var now: @Sendable () -> Int64

    struct Opened: ~Copyable {
        let file: FileDescriptor
        let keys: [UInt16]
    }

    static let linux = KeyboardKernel(
        open: { path throws(SystemError) in
            let file = try InputDevice.open(path)
            let keys = try InputDevice.keys(file.raw, path)
            return Opened(file: file, keys: keys)
        },
        prepare: { descriptor, path throws(SystemError) in try InputDevice.prepare(descriptor, path) },
        keysDown: { descriptor, path throws(SystemError) in try InputDevice.keysDown(descriptor, path) },
        grab: { descriptor, path throws(SystemError) in try InputDevice.grab(descriptor, path) },
        release: { descriptor, path throws(SystemError) in try InputDevice.release(descriptor, path) },
        isThere: { descriptor in (try? InputDevice.identity(descriptor, "")) != nil },
        now: { SystemClock.bootMicroseconds })
}
