/// One request as the server read it: the whole body is there.
public struct ServerRequest: Sendable {
    /// The method in capitals: `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`.
    public let method: String
    /// The path, percent-decoded by the library, without the query.
    public let path: String
    /// The query without its question mark, as received; empty where there is none.
    public let query: String
    /// Names in lower case with their values, in no particular order; a repeated header is there as often as it came.
    public let headers: [(name: String, value: String)]
    /// The body's bytes as sent, not decompressed.
    public let body: [UInt8]
    /// The peer's numeric address, without its port.
    public let client: String
    /// Whether the request came over TLS.
    public let isSecure: Bool

    /// A request with these parts; names of headers are lower case.
    public init(
        method: String, path: String, query: String = "", headers: [(name: String, value: String)] = [],
        body: [UInt8] = [], client: String, isSecure: Bool = false
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.client = client
        self.isSecure = isSecure
    }

    /// The value of the header of that name (lower case), or nil. A repeated header's values are joined by commas
    /// (RFC 9110, section 5.3), cookies by semicolons.
    public func header(_ name: String) -> String? {
        let values = headers.lazy.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: name == "cookie" ? "; " : ", ")
    }
}

/// What a handler answers.
public struct ServerResponse: Sendable {
    /// What goes wrong with an answer on purpose.
    public enum Fault: Sendable, Equatable {
        /// The connection is closed without an answer.
        case close
        /// Half of the body is sent, then the connection is reset.
        case resetInMidAnswer
    }

    /// The status code, 200 to 599.
    public var status: Int
    /// Headers in the order they are sent; a name may come twice (`Set-Cookie`). `Content-Length` is added. A name
    /// or value with CR, LF or NUL is left out: it would forge a header.
    public var headers: [(name: String, value: String)]
    /// The body's bytes.
    public var body: [UInt8]
    /// How long the answer is held back; other connections go on meanwhile.
    public var delay: Duration
    /// What goes wrong on purpose, for a simulator.
    public var fault: Fault?

    /// An answer with these parts.
    public init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [], delay: Duration = .zero,
        fault: Fault? = nil
    ) {
        self.status = status
        self.headers = headers
        self.body = body
        self.delay = delay
        self.fault = fault
    }

    /// An answer with a text of this media type.
    public static func text(_ status: Int, _ text: String, type: String = "text/plain; charset=utf-8") -> Self {
        ServerResponse(status: status, headers: [("Content-Type", type)], body: Array(text.utf8))
    }

    /// An answer with JSON bytes.
    public static func json(_ status: Int, _ json: [UInt8]) -> Self {
        ServerResponse(status: status, headers: [("Content-Type", "application/json")], body: json)
    }
}

/// Takes the answer to one request: once, from any thread, at any time.
///
/// An answer to a connection that has gone in the meantime is dropped, as is a second answer. A request that is never
/// answered holds its connection open until the peer leaves or the server stops.
public struct Responder: Sendable {
    let exchange: UInt64
    let send: @Sendable (UInt64, ServerResponse) -> Void

    /// Hands over the answer and returns at once.
    public func respond(_ response: ServerResponse) { send(exchange, response) }
}

/// Why a server could not be started.
public struct WebServerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for people that names the address or file.
    public let description: String

    /// An error with this sentence.
    public init(_ description: String) { self.description = description }
}

/// Where and how a server listens.
public struct WebServerSettings: Sendable {
    /// A server's certificate, and what it asks of clients.
    public struct TLS: Sendable {
        /// PEM file: the certificate, then its chain.
        public var certificateFile: String
        /// PEM file: the certificate's private key.
        public var keyFile: String
        /// PEM file of the authorities whose client certificates are taken; nil asks for none.
        public var clientAuthorityFile: String?

        /// TLS with these files.
        public init(certificateFile: String, keyFile: String, clientAuthorityFile: String? = nil) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.clientAuthorityFile = clientAuthorityFile
        }
    }

    /// A numeric IPv4 address of this machine.
    public var host: String
    /// The port; 0 takes a free one.
    public var port: Int
    /// Plain HTTP where nil.
    public var tls: TLS?
    /// The longest request body in bytes; a longer one is answered 413 and the connection closed. Default 1 MiB.
    public var maxBodyBytes: Int
    /// How long an idle connection is kept, in seconds. Default 60.
    public var keepAliveSeconds: Int
    /// Request headers that the library does not know by itself and hands out only by name, in lower case. Default:
    /// those of the two TraceTrack contracts. A repeated one shows its first value only.
    public var extraHeaders: [String]

    /// Settings with the defaults above.
    public init(host: String = "127.0.0.1", port: Int = 0, tls: TLS? = nil) {
        self.host = host
        self.port = port
        self.tls = tls
        maxBodyBytes = 1 << 20
        keepAliveSeconds = 60
        extraHeaders = [
            "content-digest", "signature", "signature-input", "idempotency-key", "traceparent", "tracestate",
            "x-csrftoken", "x-csrf-token", "x-request-id", "x-requested-with", "x-api-key",
        ]
    }
}
