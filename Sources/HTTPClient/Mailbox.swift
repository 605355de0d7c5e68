internal import CCurl
internal import Synchronization

/// A libcurl multi handle.
struct MultiHandle: @unchecked Sendable {
    // @unchecked: used on the curl thread only, but for curl_multi_wakeup, which libcurl allows from any thread; the
    // mailbox calls that under its lock and never after the handle has gone.
    let pointer: UnsafeMutableRawPointer
}

/// Whether a request's task has been cancelled; asked before it starts, since cancellation may overtake it.
final class CancellationFlag: Sendable {
    private let flag = Atomic(false)
    var isSet: Bool { flag.load(ordering: .acquiring) }
    func set() { flag.store(true, ordering: .releasing) }
}

/// What callers ask of the curl thread.
enum Command: Sendable {
    case start(UInt64, HTTPRequest, CancellationFlag, CheckedContinuation<Result<HTTPResponse, HTTPClientError>, Never>)
    case cancel(UInt64)
    case exportCookies(CookieJar, CheckedContinuation<[String], Never>)
    case clearCookies(CookieJar)
    case discard(jarID: UInt64)
}

/// The way into the curl thread: commands are taken in order; each post wakes the thread. Any thread.
///
/// Its length is bounded by the callers: each has one request under way at most until it is answered.
final class Mailbox: Sendable {
    private struct State {
        var commands: [Command] = []
        var closing = false
        var multi: MultiHandle?
        var lastID: UInt64 = 0
    }

    private let state: Mutex<State>

    init(_ multi: MultiHandle) { state = Mutex(State(multi: multi)) }

    /// A number never given before.
    func nextID() -> UInt64 {
        state.withLock {
            $0.lastID += 1
            return $0.lastID
        }
    }

    /// False where the client is closed and nobody will look.
    @discardableResult
    func post(_ command: Command) -> Bool {
        state.withLock {
            guard !$0.closing, let multi = $0.multi else { return false }
            $0.commands.append(command)
            curl_multi_wakeup(multi.pointer)
            return true
        }
    }

    /// No command is taken any more, and the thread is told to end.
    func close() {
        state.withLock {
            $0.closing = true
            if let multi = $0.multi { curl_multi_wakeup(multi.pointer) }
        }
    }

    /// What was posted since the last call. Curl thread only.
    func take() -> (commands: [Command], closing: Bool) {
        state.withLock {
            let commands = $0.commands
            $0.commands.removeAll(keepingCapacity: true)
            return (commands, $0.closing)
        }
    }

    /// Before the handle is freed: nobody may wake it from now on.
    func forgetHandle() { state.withLock { $0.multi = nil } }
}
