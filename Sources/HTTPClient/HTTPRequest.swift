/// One HTTP request. Values only: it may be sent again as it is.
public struct HTTPRequest: Sendable {
    /// The methods that the contracts use.
    public enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
    }

    /// GET or POST.
    public var method: Method
    /// `http://` or `https://`, host, optional port, path.
    public var url: String
    /// Sent in this order; a name or value with CR, LF or NUL is refused before anything is sent.
    public var headers: [(name: String, value: String)]
    /// The body of a POST, sent with Content-Length and without `Expect: 100-continue`.
    public var body: [UInt8]
    /// Timeouts, TLS and bounds.
    public var policy: HTTPPolicy
    /// Where cookies come from and go to; nil means none are sent or kept.
    public var jar: CookieJar?
    /// Whether a request may go out a second time by itself, when a kept connection turns out to be dead after the
    /// request was written to it. False for requests that are not idempotent: the caller learns of it instead.
    public var mayRepeat: Bool

    /// A request with everything named.
    public init(
        _ method: Method, _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
        policy: HTTPPolicy = HTTPPolicy(), jar: CookieJar? = nil, mayRepeat: Bool = false
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.policy = policy
        self.jar = jar
        self.mayRepeat = mayRepeat
    }
}

/// Timeouts, TLS and bounds of requests; connections are shared only between requests with the same TLS files.
public struct HTTPPolicy: Sendable, Equatable {
    /// Until the connection stands, TLS included.
    public var connectTimeout: Duration = .seconds(10)
    /// The whole of one request, from name look-up to the last byte.
    public var timeout: Duration = .seconds(15)
    /// A kept connection older than this is not used again, so that a DNS switch is followed.
    public var maxConnectionAge: Duration = .seconds(60)
    /// PEM file with the certificate authorities to trust; nil means the system's.
    public var caFile: String?
    /// PEM file with the client certificate; nil means none.
    public var certFile: String?
    /// PEM file with the client certificate's key.
    public var keyFile: String?
    /// The bound of a response body, as received and decompressed; a longer one is an error.
    public var maxResponseBytes = 1 << 20
    /// Keep and send cookies marked Secure over plain http too: only where an admin says so.
    public var insecureCookies = false

    /// The defaults.
    public init() {}
}
