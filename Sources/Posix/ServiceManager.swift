internal import CLinux
internal import Glibc

/// What the service manager is told (sd_notify(3)): a datagram to `$NOTIFY_SOCKET`, nothing where that is not set.
public enum ServiceManager {
    /// Sends one or more `KEY=VALUE` lines.
    public static func notify(_ lines: String...) { _ = send(lines, with: nil) }

    /// Sends lines, and with them a descriptor (sd_pid_notify_with_fds(3)); whether they were sent.
    static func send(_ lines: [String], with descriptor: Int32?) -> Bool {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), let first = name.first,
            first == "/" || first == "@", let address = try? UnixSocket.address(name)
        else { return false }
        let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        let text = Array(lines.joined(separator: "\n").utf8)
        let size = MemoryLayout<sa_family_t>.size + name.utf8.count
        return withUnsafeBytes(of: address) {
            scangate_send_descriptor(fd, $0.baseAddress, size, text, text.count, descriptor ?? -1) == 0
        }
    }

    /// How often the watchdog wants a sign of life: half of `$WATCHDOG_USEC`, or nil where there is none.
    public static var watchdogInterval: Duration? {
        guard let text = getenv("WATCHDOG_USEC"), let microseconds = Int64(String(cString: text)), microseconds > 0
        else { return nil }
        return .microseconds(microseconds / 2)
    }
}
