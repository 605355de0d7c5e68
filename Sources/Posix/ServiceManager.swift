internal import Glibc

/// What the service manager is told (sd_notify(3)): a datagram to `$NOTIFY_SOCKET`, nothing where that is not set.
public enum ServiceManager {
    /// Sends one or more `KEY=VALUE` lines.
    public static func notify(_ lines: String...) {
        guard let name = getenv("NOTIFY_SOCKET").map({ String(cString: $0) }), let first = name.first,
            first == "/" || first == "@", var address = try? UnixSocket.address(name)
        else { return }
        let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { return }
        defer { close(fd) }
        let text = Array(lines.joined(separator: "\n").utf8)
        let size = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, text, text.count, 0, $0, size) }
        }
    }

    /// How often the watchdog wants a sign of life: half of `$WATCHDOG_USEC`, or nil where there is none.
    public static var watchdogInterval: Duration? {
        guard let text = getenv("WATCHDOG_USEC"), let microseconds = Int64(String(cString: text)), microseconds > 0
        else { return nil }
        return .microseconds(microseconds / 2)
    }
}
