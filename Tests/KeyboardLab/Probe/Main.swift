internal import Glibc
internal import Model
internal import Posix
internal import Scanners

/// Reads one keyboard scanner as the daemon would, and prints what comes of it: for tests in machines of their own.
///
/// usage: keyboard-probe NODE|--discard NODE [KEY=VALUE]...    options as `device add` has them; Ctrl-C or SIGTERM ends it
@main
enum Main {
    private struct Printer: ReadingSink {
        func submit(_ reading: Reading, from device: DeviceID, reply: @escaping @Sendable (Acknowledgement) -> Void) {
            Log.notice("scan \(Safe.text(reading.bytes)) \(reading.aim)")
            reply(.stored)
        }

        func note(_ event: ScannerEvent, from device: DeviceID) { Log.notice("event \(event)") }
    }

    private actor Watcher {
        private let poll: PollThread
        nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

        init(poll: PollThread) { self.poll = poll }

        func watch(_ stop: @escaping @Sendable () -> Void) throws { try Signals.watch(on: poll) { _ in stop() } }
    }

    static func main() {
        // Not an async main: dispatch would unblock the signals of its thread.
        Signals.block()
        Task.detached {
            do { try await run() } catch { Log.error("\(error)") }
            exit(0)
        }
        while true { sleep(3600) }
    }

    private static func run() async throws {
        let store = DescriptorStore.inherited()
        Log.notice("inherited \(store.names.joined(separator: " "))")
        var arguments = Array(CommandLine.arguments.dropFirst())
        let discards = arguments.first == "--discard"
        if discards { arguments.removeFirst() }
        var options: [String: String] = [:]
        for argument in arguments.dropFirst() {
            let parts = argument.split(separator: "=", maxSplits: 1)
            options[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        guard let path = arguments.first, let device = DeviceID("probe") else {
            return Log.error("usage: keyboard-probe [--discard] NODE [KEY=VALUE]...")
        }
        options["port"] = path
        let settings = try KeyboardSettings(options: options)
        let count = KeyboardDriver.KeyCount()
        let keeper = KeptGrabs(store)
        let poll = try PollThread(name: "poll")
        let port = ScannerPort(
            route: ScannerRoute(device), path: path, poll: poll, sink: Printer(), clock: .system
        ) { KeyboardDriver(discards ? .discard(count) : .scan(settings), keeper: keeper) }
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        try await port.start()
        try await Watcher(poll: poll).watch { stop.yield() }
        ServiceManager.notify("READY=1")
        for await _ in stops { break }
        await port.stop()
        Log.notice("stopped, \(count.value) keys thrown away")
    }
}
