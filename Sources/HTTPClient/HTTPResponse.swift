/// Header fields in the order they came; names compare without regard to case.
public struct HTTPHeaders: Sendable {
    /// Every field, repeated ones (Set-Cookie) several times.
    public private(set) var list: [(name: String, value: String)] = []

    /// The fields of `list`.
    public init(_ list: [(name: String, value: String)] = []) { self.list = list }

    /// The first field of that name, or nil.
    public subscript(_ name: String) -> String? { list.first { Self.equal($0.name, name) }?.value }

    /// Every field of that name, in order.
    public func all(_ name: String) -> [String] { list.filter { Self.equal($0.name, name) }.map(\.value) }

    mutating func append(name: String, value: String) { list.append((name, value)) }

    private static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
    }

    private static func lower(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }
}

/// What came back. A redirect is a response like any other: none is ever followed.
public struct HTTPResponse: Sendable {
    /// 200 to 599; interim responses (1xx) are skipped.
    public var status: Int
    /// The final response's fields.
    public var headers: HTTPHeaders
    /// The body, decompressed; at most `HTTPPolicy.maxResponseBytes`.
    public var body: [UInt8]
    /// How long name look-up, connecting and TLS took; zero on a kept connection.
    public var connecting: Duration = .zero
    /// The whole request.
    public var total: Duration = .zero
    /// Bytes of the request's body as sent.
    public var bytesSent = 0
    /// Bytes of the response's body as received, before decompression.
    public var bytesReceived = 0

    /// A response with these parts.
    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
