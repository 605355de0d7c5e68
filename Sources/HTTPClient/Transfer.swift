internal import CCurl
internal import Posix

/// One request under way. Curl thread only: made, used and dropped there.
final class Transfer {
    // A header block above this is no answer of a backend of ours.
    private static let maxHeaderBytes = 65_536

    let request: HTTPRequest
    private(set) var easy: UnsafeMutableRawPointer?
    private var continuation: CheckedContinuation<Result<HTTPResponse, HTTPClientError>, Never>?
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private let errorText = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    private var body: UnsafeMutableBufferPointer<UInt8>?

    // Filled by libcurl's callbacks.
    private var headers = HTTPHeaders()
    private var headerBytes = 0
    private var received: [UInt8] = []
    private var overBound = false
    private var connections = 0

    static let cancelled = HTTPClientError(.cancelled, "the request was cancelled")

    init(
        _ request: HTTPRequest, _ continuation: CheckedContinuation<Result<HTTPResponse, HTTPClientError>, Never>
    ) {
        self.request = request
        self.continuation = continuation
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    }

    deinit {
        curl_slist_free_all(headerList)
        errorText.deallocate()
        body?.deallocate()
    }

    /// The number that `prepare` was given for this handle.
    static func id(of easy: UnsafeMutableRawPointer) -> UInt64 {
        var pointer: UnsafeMutableRawPointer?
        scangate_getinfo_pointer(easy, CURLINFO_PRIVATE, &pointer)
        return UInt64(UInt(bitPattern: pointer))
    }

    /// Sets every option of a fresh or reset handle.
    func prepare(_ easy: UnsafeMutableRawPointer, id: UInt64, share: UnsafeMutableRawPointer?) {
        self.easy = easy
        scangate_setopt_pointer(easy, CURLOPT_PRIVATE, UnsafeMutableRawPointer(bitPattern: UInt(id)))
        setTransport(easy)
        setTLS(easy)
        setCallbacks(easy)
        for header in request.headers { append("\(header.name): \(header.value)") }
        // Without this libcurl waits a second for "100 Continue" before a body of more than 1 MiB.
        append("Expect:")
        if request.method == .post {
            // libcurl does not copy it: it has to stay where it is until the handle is taken back.
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(request.body.count, 1))
            _ = copy.initialize(from: request.body)
            body = copy
            scangate_setopt_long(easy, CURLOPT_POST, 1)
            scangate_setopt_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
            scangate_setopt_pointer(easy, CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(copy.baseAddress))
            // A form's content type must be the caller's word, not libcurl's default.
            if !request.headers.contains(where: { $0.name.lowercased() == "content-type" }) { append("Content-Type:") }
        }
        scangate_setopt_list(easy, CURLOPT_HTTPHEADER, headerList)
        if let share {
            scangate_setopt_share(easy, share)
            scangate_setopt_text(easy, CURLOPT_COOKIEFILE, "")
        }
    }

    private func append(_ line: String) { headerList = curl_slist_append(headerList, line) }

    private func setTransport(_ easy: UnsafeMutableRawPointer) {
        let policy = request.policy
        scangate_setopt_text(easy, CURLOPT_URL, request.url)
        scangate_setopt_text(easy, CURLOPT_PROTOCOLS_STR, "http,https")
        scangate_setopt_long(easy, CURLOPT_FOLLOWLOCATION, 0)
        scangate_setopt_long(easy, CURLOPT_NOSIGNAL, 1)
        // Taking a handle back must not wait for the resolver's thread.
        scangate_setopt_long(easy, CURLOPT_QUICK_EXIT, 1)
        scangate_setopt_long(easy, CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_2TLS))
        scangate_setopt_long(easy, CURLOPT_TCP_KEEPALIVE, 1)
        scangate_setopt_long(easy, CURLOPT_CONNECTTIMEOUT_MS, policy.connectTimeout.wholeMs)
        scangate_setopt_long(easy, CURLOPT_TIMEOUT_MS, policy.timeout.wholeMs)
        let ageSeconds = max(1, Int(policy.maxConnectionAge.components.seconds))
        scangate_setopt_long(easy, CURLOPT_MAXLIFETIME_CONN, ageSeconds)
        scangate_setopt_long(easy, CURLOPT_DNS_CACHE_TIMEOUT, min(60, ageSeconds))
        scangate_setopt_text(easy, CURLOPT_ACCEPT_ENCODING, "gzip")
        scangate_setopt_offset(easy, CURLOPT_MAXFILESIZE_LARGE, curl_off_t(policy.maxResponseBytes))
        scangate_setopt_pointer(easy, CURLOPT_ERRORBUFFER, UnsafeMutableRawPointer(errorText))
        // A proxy of the environment is for the way out, never for a backend on this machine.
        if request.isLoopback { scangate_setopt_text(easy, CURLOPT_PROXY, "") }
    }

    private func setTLS(_ easy: UnsafeMutableRawPointer) {
        let policy = request.policy
        scangate_setopt_long(easy, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        // The parsed authorities are kept between connections; a replaced file is seen after this many seconds.
        scangate_setopt_long(easy, CURLOPT_CA_CACHE_TIMEOUT, 300)
        if let file = policy.caFile {
            scangate_setopt_text(easy, CURLOPT_CAINFO, file)
            // An authority of one's own means that one only.
            scangate_setopt_text(easy, CURLOPT_CAPATH, nil)
        }
        if let file = policy.certFile { scangate_setopt_text(easy, CURLOPT_SSLCERT, file) }
        if let file = policy.keyFile { scangate_setopt_text(easy, CURLOPT_SSLKEY, file) }
    }

    private func setCallbacks(_ easy: UnsafeMutableRawPointer) {
        // Unretained: the loop keeps the transfer until it has taken the handle back.
        let context = Unmanaged.passUnretained(self).toOpaque()
        scangate_setopt_pointer(easy, CURLOPT_WRITEDATA, context)
        scangate_setopt_pointer(easy, CURLOPT_HEADERDATA, context)
        scangate_setopt_pointer(easy, CURLOPT_PREREQDATA, context)
        scangate_setopt_callback(easy, CURLOPT_WRITEFUNCTION) { @Sendable bytes, size, count, context in
            Transfer.deliver(bytes, size * count, context) { $0.take(body: $1) }
        }
        scangate_setopt_callback(easy, CURLOPT_HEADERFUNCTION) { @Sendable bytes, size, count, context in
            Transfer.deliver(bytes, size * count, context) { $0.take(header: $1) }
        }
        scangate_setopt_before_request(easy) { @Sendable context, _, _, _, _ in
            guard let context else { return CURL_PREREQFUNC_ABORT }
            return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().connectionStands()
        }
    }

    private static func deliver(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ take: (Transfer, UnsafeRawBufferPointer) -> Bool
    ) -> Int {
        guard let context else { return 0 }
        let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
        return take(transfer, UnsafeRawBufferPointer(start: bytes, count: count)) ? count : 0
    }

    // libcurl repeats a request by itself where a kept connection turns out dead; for one that is not idempotent the
    // caller has to know, since the backend may have acted on the first.
    private func connectionStands() -> Int32 {
        connections += 1
        return connections > 1 && !request.mayRepeat ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK
    }

    private func take(body bytes: UnsafeRawBufferPointer) -> Bool {
        guard received.count + bytes.count <= request.policy.maxResponseBytes else {
            overBound = true
            return false
        }
        received.append(contentsOf: bytes)
        return true
    }

    private func take(header line: UnsafeRawBufferPointer) -> Bool {
        headerBytes += line.count
        guard headerBytes <= Self.maxHeaderBytes else {
            overBound = true
            return false
        }
        if line.starts(with: "HTTP/".utf8) {
            // A new status line: what came before was an interim response.
            headers = HTTPHeaders()
            return true
        }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return true }
        let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
        let end = value.lastIndex { $0 != 32 && $0 != 9 && $0 != 13 && $0 != 10 }
        headers.append(
            name: String(decoding: line[..<colon], as: UTF8.self),
            value: end.map { String(decoding: value[...$0], as: UTF8.self) } ?? "")
        return true
    }
}

extension Transfer {
    /// Stores cookies that libcurl refuses over plain http, where the admin wants them.
    func keepInsecureCookies() {
        guard request.policy.insecureCookies, request.jar != nil, request.url.hasPrefix("http://"), let easy else {
            return
        }
        for cookie in headers.all("Set-Cookie") {
            guard let line = CookieLines.withoutSecure(cookie, host: request.host) else { continue }
            scangate_setopt_text(easy, CURLOPT_COOKIELIST, line)
        }
    }

    /// Resumes the caller with what libcurl says.
    func finish(_ result: CURLcode) {
        guard let easy else { return }
        var status = 0
        scangate_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
        guard result == CURLE_OK, status >= 200 else { return fail(error(result, easy)) }
        var response = HTTPResponse(status: status, headers: headers, body: received)
        response.connecting = max(number(CURLINFO_CONNECT_TIME_T), number(CURLINFO_APPCONNECT_TIME_T)).microseconds
        response.total = number(CURLINFO_TOTAL_TIME_T).microseconds
        response.bytesSent = Int(number(CURLINFO_SIZE_UPLOAD_T))
        response.bytesReceived = Int(number(CURLINFO_SIZE_DOWNLOAD_T))
        resume(.success(response))
    }

    /// Resumes the caller with the news that the transfer was ended.
    func finishCancelled() {
        let sent = easy.map(maySent) ?? false
        fail(
            HTTPClientError(
                .cancelled, "\(request.place): the request was cancelled", requestMayHaveBeenSent: sent))
    }

    /// Resumes the caller with an error.
    func fail(_ error: HTTPClientError) { resume(.failure(error)) }

    /// The handle is taken back; what it pointed to may go.
    func forgetHandle() { easy = nil }

    private func resume(_ result: Result<HTTPResponse, HTTPClientError>) {
        continuation?.resume(returning: result)
        continuation = nil
    }

    // Bytes written to a connection; libcurl counts a repetition anew, so a second connection tells of the first.
    private func maySent(_ easy: UnsafeMutableRawPointer) -> Bool {
        var bytes = 0
        scangate_getinfo_long(easy, CURLINFO_REQUEST_SIZE, &bytes)
        return connections > 1 || (connections == 1 && bytes > 0)
    }

    private func error(_ result: CURLcode, _ easy: UnsafeMutableRawPointer) -> HTTPClientError {
        var verify = 0
        scangate_getinfo_long(easy, CURLINFO_SSL_VERIFYRESULT, &verify)
        let code = overBound ? CURLE_FILESIZE_EXCEEDED : result == CURLE_OK ? CURLE_WEIRD_SERVER_REPLY : result
        return CurlFailure.error(
            CurlFailure.Circumstances(
                result: code, detail: String(cString: errorText), place: request.place, verifyResult: verify,
                policy: request.policy, maySent: maySent(easy), connected: connections > 0))
    }

    private func number(_ info: CURLINFO) -> Int64 {
        var value: curl_off_t = 0
        if let easy { scangate_getinfo_offset(easy, info, &value) }
        return Int64(value)
    }
}

extension Int64 {
    fileprivate var microseconds: Duration { .microseconds(self) }
}

extension Duration {
    // libcurl takes zero for "no limit"; nobody here wants that.
    fileprivate var wholeMs: Int {
        max(1, Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000))
    }
}
