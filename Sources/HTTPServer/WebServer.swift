internal import CWebSockets
internal import Glibc
internal import Posix
internal import Synchronization

/// An HTTP/1.1 server on a thread of its own (libwebsockets), plain or TLS.
///
/// Bounds: a body of `maxBodyBytes`, 16 KiB of request headers, as many connections as the process may have open
/// files. The handler is called on the server's thread and must not block: it hands the request to a thread of its
/// own where the answer takes time, and calls the `Responder` from there. Runs until `stop()`; a server that is not
/// stopped lives as long as the process.
public final class WebServer: Sendable {
    /// Called with each whole request, on the server's thread; must return at once.
    public typealias Handler = @Sendable (ServerRequest, Responder) -> Void

    /// The port listened on.
    public let port: Int
    /// `http://` or `https://`, host and port, without a slash at the end.
    public let url: String
    private let loop: EventLoop

    /// Listens and starts the thread. Returns once connections are taken.
    public init(_ settings: WebServerSettings, handler: @escaping Handler) throws(WebServerError) {
        loop = EventLoop(settings, handler: handler)
        port = try loop.start()
        url = "\(settings.tls == nil ? "http" : "https")://\(settings.host):\(port)"
    }

    /// Closes every connection, waits for the thread to end, and is done; a second call does nothing.
    ///
    /// Not from a handler: it would wait for itself.
    public func stop() { loop.stop() }
}

/// The library's context and the thread that serves it.
final class EventLoop: @unchecked Sendable {
    // @unchecked: `exchanges`, `waiting` and what they hold belong to the loop's thread (before it starts: to the one
    // that makes it); what other threads touch is in `shared`, behind its lock; the semaphores are the kernel's.
    struct Shared {
        // nonisolated(unsafe): a pointer that only lws_cancel_service uses off the thread, and only under the lock.
        nonisolated(unsafe) var context: OpaquePointer?
        var answers: [(exchange: UInt64, response: ServerResponse)] = []
        var isStopping = false
    }

    let settings: WebServerSettings
    let handler: WebServer.Handler
    /// The requests being served, by the library's connection.
    var exchanges: [OpaquePointer: Exchange] = [:]
    /// The connections that wait for their handler's answer.
    var waiting: [UInt64: OpaquePointer] = [:]
    var nextExchange: UInt64 = 0
    private let shared = Mutex(Shared())
    private let ended = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    private let protocols = UnsafeMutablePointer<lws_protocols>.allocate(capacity: 2)
    private let protocolName = strdup("http")

    // The library's tables for the whole process have no locks of their own.
    private static let creation = Mutex(())

    /// What the library sets up of OpenSSL for the whole process.
    ///
    /// Done once: a context that does it anew changes the number under which every server of the process finds its
    /// connection when a client's certificate is checked. A handshake under way would find none, and crash.
    private static let openSSL: Void = {
        var info = lws_context_creation_info()
        info.options = initialisesOpenSSL | hasNoServerYet
        info.gid = -1
        info.uid = -1
        if let limit = descriptorLimit { info.fd_limit_per_thread = limit }
        lws_context_destroy(lws_create_context(&info))
    }()

    init(_ settings: WebServerSettings, handler: @escaping WebServer.Handler) {
        self.settings = settings
        self.handler = handler
        sem_init(ended, 0, 0)
    }

    deinit {
        sem_destroy(ended)
        ended.deallocate()
        protocols.deallocate()
        free(protocolName)
    }

    func start() throws(WebServerError) -> Int {
        protocols.initialize(repeating: lws_protocols(), count: 2)
        protocols[0].name = UnsafePointer(protocolName)
        protocols[0].callback = { wsi, reason, _, input, length in
            EventLoop.deliver(wsi, reason, input, length)
        }
        // How much of a body the library reads, and of an answer it writes, at a time.
        protocols[0].rx_buffer_size = 65_536
        let place = "\(settings.host):\(settings.port)"
        guard let context = Self.creation.withLock({ _ in makeContext() }) else {
            throw WebServerError("cannot listen on \(place): the address is taken, or a certificate file is wrong")
        }
        guard let host = lws_get_vhost_by_name(context, "default"), case let port = lws_get_vhost_listen_port(host),
            port > 0
        else {
            Self.creation.withLock { _ in lws_context_destroy(context) }
            throw WebServerError("cannot listen on \(place): the address is taken or not this machine's")
        }
        shared.withLock { $0.context = context }
        // The thread keeps the loop alive, so that the pointer which the library holds stays good until it is gone.
        Threads.run(name: "http:\(port)") { [self] in serve() }
        return Int(port)
    }

    func stop() {
        let first = shared.withLock { shared in
            guard !shared.isStopping else { return false }
            shared.isStopping = true
            if let context = shared.context { lws_cancel_service(context) }
            return true
        }
        guard first else { return }
        while sem_wait(ended) != 0 {}
    }

    func answer(_ exchange: UInt64, _ response: ServerResponse) {
        shared.withLock { shared in
            guard let context = shared.context else { return }
            shared.answers.append((exchange, response))
            // One wake-up serves all the answers that are there when it comes.
            if shared.answers.count == 1 { lws_cancel_service(context) }
        }
    }

    /// Takes the answers that have come since the last call.
    func takeAnswers() -> [(exchange: UInt64, response: ServerResponse)] {
        shared.withLock { shared in
            defer { shared.answers.removeAll() }
            return shared.answers
        }
    }

    private func serve() {
        while let context = shared.withLock({ $0.isStopping ? nil : $0.context }) {
            if lws_service(context, 0) < 0 { break }
        }
        let context = shared.withLock { shared in
            defer { shared.context = nil }
            return shared.context
        }
        Self.creation.withLock { _ in lws_context_destroy(context) }
        exchanges.removeAll()
        sem_post(ended)
    }

    private func makeContext() -> OpaquePointer? {
        lws_set_log_level(LLL_ERR) { _, line in
            guard let line else { return }
            Log.warning("libwebsockets: " + String(cString: line).trimmingNewline)
        }
        var info = lws_context_creation_info()
        info.port = Int32(settings.port)
        info.protocols = UnsafePointer(protocols)
        info.user = Unmanaged.passUnretained(self).toOpaque()
        info.gid = -1
        info.uid = -1
        info.max_http_header_data2 = 16_384
        info.keepalive_timeout = Int32(settings.keepAliveSeconds)
        info.timeout_secs = 20
        info.options = UInt64(LWS_SERVER_OPTION_DISABLE_IPV6)
        info.pt_serv_buf_size = 65_536
        if let limit = Self.descriptorLimit { info.fd_limit_per_thread = limit }
        // Strings that the library reads during the call only.
        var strings: [UnsafeMutablePointer<CChar>?] = []
        defer { strings.forEach { free($0) } }
        func text(_ value: String) -> UnsafePointer<CChar>? {
            let copy = strdup(value)
            strings.append(copy)
            return UnsafePointer(copy)
        }
        info.iface = text(settings.host)
        info.alpn = text("http/1.1")
        info.options |= hasNoServerYet
        if settings.tls != nil { _ = Self.openSSL }
        guard let context = lws_create_context(&info) else { return nil }
        if let tls = settings.tls {
            info.options |= initialisesOpenSSL
            info.ssl_cert_filepath = text(tls.certificateFile)
            info.ssl_private_key_filepath = text(tls.keyFile)
            if let authority = tls.clientAuthorityFile {
                info.options |= requireClientCertificate
                info.ssl_ca_filepath = text(authority)
            }
        }
        guard lws_create_vhost(context, &info) != nil else {
            lws_context_destroy(context)
            return nil
        }
        return context
    }

    /// The library makes tables as large as the limit of open files, which a container may set to a thousand million.
    private static var descriptorLimit: UInt32? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur > 65_536 else {
            return nil
        }
        return 16_384
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}

// Macros that Swift cannot read: LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT, which is also what gives a server TLS,
// LWS_SERVER_OPTION_EXPLICIT_VHOSTS and LWS_SERVER_OPTION_REQUIRE_VALID_OPENSSL_CLIENT_CERT.
private let initialisesOpenSSL: UInt64 = 1 << 12
private let hasNoServerYet: UInt64 = 1 << 13
private let requireClientCertificate: UInt64 = 1 << 1 | 1 << 12
