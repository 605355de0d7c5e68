internal import CLinux
internal import Glibc

/// The signals that a daemon acts on, taken from a descriptor (signalfd(2)).
public enum Signals {
    /// What was sent.
    public enum Kind: Sendable {
        /// SIGTERM or SIGINT: stop.
        case stop
        /// SIGHUP: reload.
        case reload
    }

    private static var handled: [Int32] { [SIGTERM, SIGINT, SIGHUP] }

    /// Blocks the signals for this thread and those it starts, and ignores SIGPIPE. The first thing in `main`: a
    /// signal that arrives before is fatal, one that arrives after waits.
    public static func block() {
        signal(SIGPIPE, SIG_IGN)
        _ = scangate_block_signals(handled, Int32(handled.count))
    }

    /// A descriptor that is readable once a signal has come, which is taken by nobody: for a command that ends then, and has
    /// something to put right before. After `block`, for the life of the process.
    public static func arrival() throws(SystemError) -> Int32 {
        let descriptor = scangate_signalfd(handled, Int32(handled.count))
        guard descriptor >= 0 else { throw SystemError("watch", "signals") }
        return descriptor
    }

    /// Calls `handler` on the poll thread for each signal. On the poll thread; for the life of the process.
    public static func watch(on poll: PollThread, _ handler: @escaping @Sendable (Kind) -> Void) throws(SystemError) {
        let descriptor = scangate_signalfd(handled, Int32(handled.count))
        guard descriptor >= 0 else { throw SystemError("watch", "signals") }
        _ = try poll.watch(descriptor, for: .readable, named: "signals") { _ in
            while case let number = scangate_next_signal(descriptor), number != 0 {
                handler(number == SIGHUP ? .reload : .stop)
            }
        }
    }
}
