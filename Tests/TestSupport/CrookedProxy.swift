internal import Glibc
internal import Posix
internal import Synchronization

/// A TCP proxy on a free port of 127.0.0.1 that does to connections what a test tells it, from one moment to the next.
///
/// A thread accepts, one thread a connection. Ends with `close`, or with its tests' process.
public final class CrookedProxy: Sendable {
    private struct State {
        var trouble = Trouble.none
        var random: SeededGenerator
        var closed = false
        var accepted = 0
        var pages = 0
        var passed = 0
    }

    /// Where it listens.
    public let port: Int
    private let target: Int
    private let listener: Int32
    private let state: Mutex<State>

    /// Listens, and connects to `target`, a port of 127.0.0.1, for each connection that it gets.
    ///
    /// - Parameter seed: of the bits that it turns.
    public init(to target: Int, seed: UInt64) throws {
        self.target = target
        state = Mutex(State(random: SeededGenerator(seed: seed)))
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        port = try bindToAnyPort(listener)
        guard listen(listener, 64) == 0 else { throw SetupError("listen: \(String(cString: strerror(errno)))") }
        Threads.run(name: "crooked-accept") { [self] in accept() }
    }

    /// What it does from now on, to the connections that stand too.
    public func behave(_ trouble: Trouble) { state.withLock { $0.trouble = trouble } }

    /// Connections that it was asked for.
    public var connections: Int { state.withLock { $0.accepted } }

    /// Pages of a portal that it answered.
    public var pages: Int { state.withLock { $0.pages } }

    /// Bytes of requests that went through.
    public var passed: Int { state.withLock { $0.passed } }

    /// Ends it and its connections.
    public func close() {
        state.withLock { $0.closed = true }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while case let client = Glibc.accept(listener, nil, nil), client >= 0 {
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            state.withLock { $0.accepted += 1 }
            Threads.run(name: "crooked-serve") { [self] in
                let server = connectToTarget()
                serve(client, server)
                Glibc.close(client)
                if server >= 0 { Glibc.close(server) }
            }
        }
        Glibc.close(listener)
    }

    // -1 where nobody listens there: a portal needs nobody.
    private func connectToTarget() -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        address.sin_port = in_port_t(UInt16(target).bigEndian)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status != 0 else { return descriptor }
        Glibc.close(descriptor)
        return -1
    }

    private enum Side {
        case client, server
    }

    // Whether each side may still send.
    private struct Open {
        var client = true
        var server = true
        /// The way back was closed on purpose: answers go nowhere.
        var isHalf = false
    }

    private func serve(_ client: Int32, _ server: Int32) {
        var open = Open()
        while open.client || open.server {
            let (trouble, closed) = state.withLock { ($0.trouble, $0.closed) }
            if closed || trouble == .reset || (server < 0 && !trouble.isPortal) { return reset(client, server) }
            // Not read while stalled: what the kernel's buffers do not hold stays with its sender.
            let wanted = trouble == .stall ? 0 : Int16(POLLIN)
            var ready = [
                pollfd(fd: client, events: open.client ? wanted : 0, revents: 0),
                pollfd(fd: server, events: open.server ? wanted : 0, revents: 0),
            ]
            let count = poll(&ready, 2, 10)
            // A side that is closed and not read reports POLLHUP at once, each time.
            if count > 0, !ready.contains(where: { $0.revents & Int16(POLLIN) != 0 }) {
                if trouble != .stall { return }
                pause(milliseconds: 10)
            }
            for (place, side) in [Side.client, .server].enumerated() where ready[place].revents & Int16(POLLIN) != 0 {
                let (from, to) = side == .client ? (client, server) : (server, client)
                guard pass(side, from, to, &open) else { return reset(client, server) }
            }
        }
    }

    /// Passes one piece on; false where both sides are to be reset.
    private func pass(_ side: Side, _ from: Int32, _ to: Int32, _ open: inout Open) -> Bool {
        var piece = [UInt8](repeating: 0, count: 16_384)
        let count = recv(from, &piece, piece.count, 0)
        guard count >= 0 else { return false }
        piece.removeLast(piece.count - count)
        // Asked anew: the piece may have been long in coming.
        let trouble = state.withLock { $0.trouble }
        guard count > 0 else {
            if side == .client { open.client = false } else { open.server = false }
            if !(open.isHalf && side == .server) { shutdown(to, Int32(SHUT_WR)) }
            return true
        }
        if let page = trouble.page {
            guard side == .client else { return true }
            state.withLock { $0.pages += 1 }
            _ = send(from, Array(page.utf8))
            linger(from)
            return false
        }
        if side == .client { state.withLock { $0.passed += count } }
        switch (trouble, side) {
        case (.cutRequest, .client), (.cutAnswer, .server):
            _ = send(to, Array(piece.prefix(count / 2)))
            return false
        case (.loseAnswer, .server): return false
        case (.stallAnswers, .server): return true
        case (.halfClose, .server):
            if !open.isHalf { shutdown(to, Int32(SHUT_WR)) }
            open.isHalf = true
            return true
        case (.corruptRequest, .client), (.corruptAnswer, .server):
            let (place, bit) = state.withLock {
                (Int.random(in: 0..<count, using: &$0.random), UInt8.random(in: 0..<8, using: &$0.random))
            }
            piece[place] ^= 1 << bit
        case (.delay, _): pause(milliseconds: 150)
        case (.trickle, _):
            for start in stride(from: 0, to: count, by: 16) {
                guard send(to, Array(piece[start..<min(start + 16, count)])) else { return false }
                pause(milliseconds: 1)
            }
            return true
        default: break
        }
        return open.isHalf && side == .server ? true : send(to, piece)
    }

    // Reads what still comes, for a quarter of a second: a reset would take the page away from who is to read it.
    private func linger(_ descriptor: Int32) {
        shutdown(descriptor, Int32(SHUT_WR))
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var rest = [UInt8](repeating: 0, count: 16_384)
        while poll(&ready, 1, 250) > 0, recv(descriptor, &rest, rest.count, 0) > 0 {}
    }

    private func reset(_ client: Int32, _ server: Int32) {
        for descriptor in [client, server] where descriptor >= 0 {
            var now = Glibc.linger(l_onoff: 1, l_linger: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<Glibc.linger>.size))
        }
    }

    private func send(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
