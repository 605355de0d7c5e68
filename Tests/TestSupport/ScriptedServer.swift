internal import Glibc
internal import Synchronization

/// A tiny HTTP/1.1 server on blocking sockets that answers what the test tells it to: one thread for accepting, one a
/// connection. It listens on a free port of 127.0.0.1.
public final class ScriptedServer: Sendable {
    /// One request as it arrived.
    public struct Request: Sendable {
        /// GET or POST.
        public let method: String
        /// The request target.
        public let path: String
        /// The header fields, names in lower case.
        public let headers: [(name: String, value: String)]
        /// The body.
        public let body: [UInt8]
        /// Which connection it came over, from 1.
        public let connection: Int

        /// The first field of that name (lower case), or nil.
        public subscript(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    }

    /// What to answer.
    public enum Reply: Sendable {
        /// A response with Content-Length.
        case respond(Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [])
        /// These bytes as they are, and the connection stays open.
        case raw([UInt8])
        /// These bytes as they are, then the connection is closed: an answer cut short, or none.
        case cut([UInt8])
        /// Nothing, until the client gives up.
        case hang

        /// A response with a JSON body.
        public static func json(_ status: Int, _ text: String, headers: [(name: String, value: String)] = []) -> Reply {
            .respond(status, headers: [("Content-Type", "application/json")] + headers, body: Array(text.utf8))
        }
    }

    /// The port.
    public let port: UInt16
    private let host: UInt32
    private let listener: Int32
    private let handler: @Sendable (Request) -> Reply
    private let state = Mutex(State())

    private struct State {
        var requests: [Request] = []
        var connections: Set<Int32> = []
        var accepted = 0
        var closed = false
    }

    /// Listens, and answers each request with what `handler` returns; that runs on the connection's thread and may
    /// block there.
    ///
    /// - Parameter host: the last number of the address, 127.0.0.1 unless a test needs another.
    public init(host: UInt32 = 1, _ handler: @escaping @Sendable (Request) -> Reply) {
        self.handler = handler
        self.host = host
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0000 + host).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let failed = withUnsafeMutablePointer(to: &address) { [listener] pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) != 0 || listen(listener, 64) != 0 || getsockname(listener, $0, &length) != 0
            }
        }
        guard !failed else { fatalError("no free port on 127.0.0.1") }
        port = UInt16(bigEndian: address.sin_port)
        start { [self] in accept() }
    }

    /// `http://127.0.0.1:PORT`, or with the host that was asked for.
    public var url: String { "http://127.0.0.\(host):\(port)" }

    /// Every request so far.
    public var requests: [Request] { state.withLock { $0.requests } }

    /// How many connections have been accepted.
    public var connections: Int { state.withLock { $0.accepted } }

    /// Ends every connection and the listener.
    public func close() {
        let open = state.withLock { state in
            state.closed = true
            return state.connections
        }
        for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) }
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func accept() {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            let number: Int? = state.withLock { state in
                guard !state.closed else { return nil }
                state.accepted += 1
                state.connections.insert(descriptor)
                return state.accepted
            }
            guard let number else {
                Glibc.close(descriptor)
                break
            }
            start { [self] in serve(descriptor, number) }
        }
        Glibc.close(listener)
    }

    private func serve(_ descriptor: Int32, _ number: Int) {
        var buffer: [UInt8] = []
        while let request = read(descriptor, number, &buffer) {
            state.withLock { $0.requests.append(request) }
            guard answer(handler(request), descriptor) else { break }
        }
        state.withLock { _ = $0.connections.remove(descriptor) }
        // A program that another test has just started may hold a copy: to close this one alone would end nothing.
        shutdown(descriptor, Int32(SHUT_RDWR))
        Glibc.close(descriptor)
    }

    private func answer(_ reply: Reply, _ descriptor: Int32) -> Bool {
        switch reply {
        case .respond(let status, let headers, let body):
            var head = "HTTP/1.1 \(status) Scripted\r\n"
            for header in headers { head += "\(header.name): \(header.value)\r\n" }
            return write(descriptor, Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body)
        case .raw(let bytes): return write(descriptor, bytes)
        case .cut(let bytes):
            _ = write(descriptor, bytes)
            return false
        case .hang:
            var byte: UInt8 = 0
            _ = recv(descriptor, &byte, 1, 0)
            return false
        }
    }

    private func read(_ descriptor: Int32, _ number: Int, _ buffer: inout [UInt8]) -> Request? {
        let blank: [UInt8] = [13, 10, 13, 10]
        var end = buffer.firstRange(of: blank)
        while end == nil {
            guard fill(descriptor, &buffer) else { return nil }
            end = buffer.firstRange(of: blank)
        }
        guard let end else { return nil }
        let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let first = lines.first?.split(separator: " ") ?? []
        guard first.count == 3 else { return nil }
        let headers: [(name: String, value: String)] = lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":") else { return nil }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            return (line[..<colon].lowercased(), String(value))
        }
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        buffer.removeSubrange(..<end.upperBound)
        while buffer.count < length { guard fill(descriptor, &buffer) else { return nil } }
        let body = Array(buffer.prefix(length))
        buffer.removeFirst(length)
        return Request(
            method: String(first[0]), path: String(first[1]), headers: headers, body: body, connection: number)
    }

    private func fill(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        guard count > 0 else { return false }
        buffer.append(contentsOf: chunk[..<count])
        return true
    }

    private func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private func start(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Body(body)).toOpaque()
        pthread_create(
            &thread, nil,
            { @Sendable context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, context)
        pthread_detach(thread)
    }
}
