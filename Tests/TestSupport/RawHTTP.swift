internal import Glibc

/// A blocking HTTP/1.1 client on a plain socket, which shows what is on the wire: nothing is followed, decoded or
/// retried. One connection, kept between requests.
public final class RawHTTP {
    /// Why no answer was read.
    public enum Failure: Error, Sendable, Equatable {
        /// No connection was made.
        case refused
        /// The server closed before the end of an answer; with what had come by then.
        case closed(after: Int)
        /// The server reset the connection; with what had come by then.
        case reset(after: Int)
        /// Nothing came for ten seconds.
        case timeout
        /// What came is no HTTP.
        case malformed
    }

    /// One answer.
    public struct Answer: Sendable {
        /// The status code.
        public let status: Int
        /// Names in lower case, in the order received.
        public let headers: [(name: String, value: String)]
        /// The body's bytes.
        public let body: [UInt8]
        /// The body as text.
        public var text: String { String(decoding: body, as: UTF8.self) }
        /// The first value of a header.
        public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
        /// All values of a header.
        public func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
    }

    private let descriptor: Int32
    private var received: [UInt8] = []

    /// Connects to a port of 127.0.0.1.
    public init(port: Int) throws {
        signal(SIGPIPE, SIG_IGN)
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
        let status = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        // Thrown by a whole object: its deinit closes the socket. Closed here too, another test's file would go.
        guard status == 0 else { throw Failure.refused }
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(descriptor) }

    /// Sends bytes as they are.
    public func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, 0)
            }
            guard count > 0 else { throw Failure.reset(after: 0) }
            sent += count
        }
    }

    /// Sends a request; `Host` and, where there is a body, `Content-Length` are added.
    public func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) throws -> Answer {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if !body.isEmpty || method == "POST" { head += "Content-Length: \(body.count)\r\n" }
        try send(Array((head + "\r\n").utf8) + body)
        return try answer()
    }

    /// Reads one answer.
    public func answer() throws -> Answer {
        var end = headEnd()
        while end == nil {
            try receive()
            end = headEnd()
        }
        guard let end else { throw Failure.malformed }
        let lines = String(decoding: received[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ", maxSplits: 2) ?? []
        guard words.count >= 2, let status = Int(words[1]) else { throw Failure.malformed }
        let headers = lines.dropFirst().compactMap { line -> (name: String, value: String)? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { return nil }
            return (parts[0].lowercased(), String(parts[1].drop { $0 == " " }))
        }
        received.removeFirst(end + 4)
        let length = headers.first { $0.name == "content-length" }.flatMap { Int($0.value) } ?? 0
        while status >= 200, received.count < length { try receive() }
        let body = Array(received.prefix(status >= 200 ? length : 0))
        received.removeFirst(body.count)
        return Answer(status: status, headers: headers, body: body)
    }

    private func headEnd() -> Int? {
        guard received.count >= 4 else { return nil }
        return (0...(received.count - 4)).first { received[$0...].starts(with: [13, 10, 13, 10]) }
    }

    private func receive() throws {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count == 0 { throw Failure.closed(after: received.count) }
        if count < 0 {
            throw errno == EAGAIN ? Failure.timeout : Failure.reset(after: received.count)
        }
        received += chunk[..<count]
    }
}
