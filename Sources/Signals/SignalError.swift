internal import Glibc
public import Posix

/// Why an output does not work, and what to do about it.
public struct SignalError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong, with the device.
    public let message: String
    /// What to do, or empty.
    public let hint: String

    /// Both parts.
    public init(_ message: String, hint: String = "") {
        self.message = message
        self.hint = hint
    }

    /// What the kernel said.
    public init(_ error: SystemError) {
        let hint =
            switch error.code {
            case ENOENT, ENODEV, ENXIO, EIO:
                "is it plugged in? its name: ls -l /dev/serial/by-id /dev/hidraw* /dev/gpiochip*"
            case EACCES, EPERM: "the daemon may not use it: see docs/signals.md, \"Rights\""
            case EBUSY: "another program or another [[signal]] uses it"
            case ENOTTY: "a light's device is a serial terminal or /dev/hidrawN"
            default: ""
            }
        self.init(error.description, hint: hint)
    }

    /// A sentence, and what to do.
    public var description: String { hint.isEmpty ? message : "\(message); \(hint)" }
}
