internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix
internal import Synchronization

/// The reference backend as a process; its store is not synced, so that it does not compete for the disk.
final class Backend: Sendable {
    let url: String
    private let process: Child

    init(_ bench: Bench, _ site: Site, keys: String, accounts: Int = 1) throws {
        let file = site.directory + "/keys.jsonl"
        try Files.replace(file, with: Array(keys.utf8))
        process = try Child(
            [
                bench.program("tracetrack-sim"), "--listen", "127.0.0.1:0", "--db", site.directory + "/backend.db",
                "--keys", file, "--auth", "signature", "--gateway-key", "\(Site.gateway):\(Site.key)",
            ] + Site.users(accounts).flatMap { ["--account", "\($0):bench-password"] })
        let line = try process.firstLine()
        guard let url = line.split(separator: " ").last, url.hasPrefix("http") else {
            throw BenchError("tracetrack-sim does not start: \(line)")
        }
        self.url = String(url)
    }

    func end() { process.end() }
}

/// `scangate run` as a process.
final class DaemonProcess: Sendable {
    let process: Child
    /// From the start of the process to READY.
    let startMs: Double
    private let socket: String

    init(_ bench: Bench, _ site: Site) throws {
        let notify = try NotifySocket(bench.sockets + "/notify")
        let start = nowMs()
        process = try Child(
            [bench.program("scangate"), "run", "--config", site.file], environment: ["NOTIFY_SOCKET=\(notify.path)"],
            log: site.directory + "/log")
        try notify.waitUntilReady()
        startMs = nowMs() - start
        socket = site.socket
    }

    var id: pid_t { process.id }

    func end() { process.end() }

    /// Calls `event` for each live event, on a thread of its own, until the daemon ends.
    func watch(_ event: @escaping @Sendable (JSONValue) -> Void) {
        let client = ControlClient(path: socket)
        Threads.run(name: "watch") {
            _ = try? client.stream(ControlRequest("watch")) { value in
                event(value)
                return true
            }
        }
        // The daemon keeps labels for its watchers only: it has to know of this one before the first scan.
        pause(ms: 200)
    }
}

/// Where a daemon says READY=1 (sd_notify(3)).
struct NotifySocket: ~Copyable {
    let path: String
    private let socket: FileDescriptor

    init(_ path: String) throws {
        self.path = path
        unlink(path)
        socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket.raw, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard bound == 0 else { throw SystemError("listen on", path) }
    }

    deinit { unlink(path) }

    borrowing func waitUntilReady() throws {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            var ready = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 10_000) > 0 else { throw BenchError("scangate run was not ready within 10 s") }
            let count = try socket.read(into: &buffer, subject: path) ?? 0
            if String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").contains("READY=1") { return }
        }
    }
}

/// When labels were scanned, and how long their verdicts took.
final class Stopwatch: Sendable {
    private struct State {
        var scanned: [String: Double] = [:]
        var took: [Double] = []
        var others: [String: Int] = [:]

        mutating func ended(_ label: String, at now: Double) {
            guard let start = scanned.removeValue(forKey: label) else { return }
            took.append(now - start)
        }
    }

    private let state = Mutex(State())

    func scanned(_ label: String, at ms: Double) { state.withLock { $0.scanned[label] = ms } }

    /// The label has come where it goes.
    func arrived(_ label: String) {
        let now = nowMs()
        state.withLock { $0.ended(label, at: now) }
    }

    func event(_ value: JSONValue) {
        let now = nowMs()
        guard let kind = value["event"]?.string, let label = value["label"]?.string else { return }
        state.withLock { state in
            switch kind {
            case "accepted": state.ended(label, at: now)
            case "rejected", "held", "refused": state.others[kind, default: 0] += 1
            default: break
            }
        }
    }

    var open: Int { state.withLock { $0.scanned.count } }
    var took: [Double] { state.withLock { $0.took } }
    /// Verdicts that are none of acceptance.
    var others: [String: Int] { state.withLock { $0.others } }
}
