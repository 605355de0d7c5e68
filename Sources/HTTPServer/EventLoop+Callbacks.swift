internal import CWebSockets
internal import Glibc
internal import Posix

extension EventLoop {
    /// What the library calls for every event, on the loop's thread. Returning other than 0 closes the connection.
    static func deliver(
        _ wsi: OpaquePointer?, _ reason: lws_callback_reasons, _ input: UnsafeMutableRawPointer?, _ length: Int
    ) -> Int32 {
        if reason == LWS_CALLBACK_OPENSSL_PERFORM_CLIENT_CERT_VERIFICATION {
            // `length` is OpenSSL's own finding; returning 0 here would take any certificate, a stranger's too.
            return length == 1 ? 0 : 1
        }
        guard let wsi, let context = lws_get_context(wsi), let user = lws_context_user(context) else { return 0 }
        let loop = Unmanaged<EventLoop>.fromOpaque(user).takeUnretainedValue()
        switch reason {
        case LWS_CALLBACK_HTTP: return loop.begin(wsi, input, length)
        case LWS_CALLBACK_HTTP_BODY: return loop.takeBody(wsi, input, length)
        case LWS_CALLBACK_HTTP_BODY_COMPLETION: return loop.handOver(wsi)
        case LWS_CALLBACK_HTTP_WRITEABLE: return loop.write(wsi)
        case LWS_CALLBACK_TIMER:
            lws_callback_on_writable(wsi)
            return 0
        case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
            loop.distributeAnswers()
            return 0
        case LWS_CALLBACK_CLOSED_HTTP, LWS_CALLBACK_WSI_DESTROY:
            loop.forget(wsi)
            return 0
        // The library's own handling of the rest would serve files and answer 404.
        case LWS_CALLBACK_HTTP_FILE_COMPLETION, LWS_CALLBACK_HTTP_CONFIRM_UPGRADE: return -1
        default: return 0
        }
    }

    private func begin(_ wsi: OpaquePointer, _ input: UnsafeMutableRawPointer?, _ length: Int) -> Int32 {
        forget(wsi)
        guard let method = RequestHead.method(wsi) else { return -1 }
        let path = UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : length)
        let exchange = Exchange(
            id: nextExchange, method: method, path: String(decoding: path, as: UTF8.self),
            query: RequestHead.query(wsi), headers: RequestHead.headers(wsi, extra: settings.extraHeaders))
        nextExchange += 1
        exchanges[wsi] = exchange
        if exchange.header("transfer-encoding") != nil {
            // The library does not decode chunks; taking them for the body would be worse than refusing them.
            return refuse(wsi, exchange, 411, "Content-Length is required\n")
        }
        let lengths = exchange.headers.filter { $0.name == "content-length" }.map { Int($0.value) ?? -1 }
        let announced = lengths.first ?? 0
        if announced < 0 || lengths.count > 1 { return refuse(wsi, exchange, 400, "Content-Length is not a number\n") }
        if announced > settings.maxBodyBytes {
            return refuse(wsi, exchange, 413, "the body is larger than \(settings.maxBodyBytes) bytes\n")
        }
        guard announced > 0 else { return handOver(wsi) }
        exchange.body.reserveCapacity(announced)
        if exchange.header("expect")?.lowercased() == "100-continue" {
            return send(wsi, Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)) ? 0 : -1
        }
        return 0
    }

    private func takeBody(_ wsi: OpaquePointer, _ input: UnsafeMutableRawPointer?, _ length: Int) -> Int32 {
        guard let exchange = exchanges[wsi], let input else { return exchanges[wsi] == nil ? -1 : 0 }
        guard exchange.body.count + length <= settings.maxBodyBytes else { return -1 }
        exchange.body.append(contentsOf: UnsafeRawBufferPointer(start: input, count: length))
        return 0
    }

    private func handOver(_ wsi: OpaquePointer) -> Int32 {
        guard let exchange = exchanges[wsi] else { return -1 }
        // The handler may take as long as it wants: the limit of the library is for slow clients.
        lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0)
        waiting[exchange.id] = wsi
        var address = [CChar](repeating: 0, count: 64)
        let peer = lws_get_peer_simple(wsi, &address, address.count).map { String(cString: $0) } ?? ""
        let request = ServerRequest(
            method: exchange.method, path: exchange.path, query: exchange.query, headers: exchange.headers,
            body: exchange.body, client: peer, isSecure: settings.tls != nil)
        exchange.body = []
        handler(request, Responder(exchange: exchange.id) { [weak self] in self?.answer($0, $1) })
        return 0
    }

    private func distributeAnswers() {
        for (id, response) in takeAnswers() {
            guard let wsi = waiting.removeValue(forKey: id), let exchange = exchanges[wsi], exchange.id == id else {
                continue
            }
            exchange.response = response
            if response.delay > .zero {
                let (seconds, attoseconds) = response.delay.components
                lws_set_timer_usecs(wsi, seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
            } else {
                lws_callback_on_writable(wsi)
            }
        }
    }

    private func write(_ wsi: OpaquePointer) -> Int32 {
        guard let exchange = exchanges[wsi], let response = exchange.response else { return 0 }
        if response.fault == .close { return -1 }
        let isReset = response.fault == .resetInMidAnswer
        var bytes = head(response)
        if exchange.method != "HEAD" {
            bytes += isReset ? response.body.prefix(response.body.count / 2) : response.body[...]
        }
        guard send(wsi, bytes) else { return -1 }
        if isReset {
            reset(wsi)
            return -1
        }
        forget(wsi)
        return lws_http_transaction_completed(wsi) == 0 ? 0 : -1
    }

    /// Answers at once and closes: the body that is under way is not read.
    private func refuse(_ wsi: OpaquePointer, _ exchange: Exchange, _ status: Int, _ text: String) -> Int32 {
        var response = ServerResponse.text(status, text)
        response.headers.append(("Connection", "close"))
        _ = send(wsi, head(response) + response.body)
        return -1
    }

    private func head(_ response: ServerResponse) -> [UInt8] {
        var text = "HTTP/1.1 \(response.status) \(Self.reason(response.status))\r\n"
        for (name, value) in response.headers where !(name + value).utf8.contains(where: { [0, 10, 13].contains($0) }) {
            text += "\(name): \(value)\r\n"
        }
        text += "Content-Length: \(response.body.count)\r\n\r\n"
        return Array(text.utf8)
    }

    private func send(_ wsi: OpaquePointer, _ bytes: [UInt8]) -> Bool {
        // The library wants room of its own before the bytes.
        let room = Int(writePadding)
        var buffer = [UInt8](repeating: 0, count: room)
        buffer.reserveCapacity(room + bytes.count)
        buffer += bytes
        return buffer.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return false }
            return lws_write(wsi, start + room, bytes.count, LWS_WRITE_HTTP) >= 0
        }
    }

    /// Ends the TCP connection with a reset.
    ///
    /// On Linux a connect to no address aborts the connection at once (tcp(7), tcp_disconnect); SO_LINGER would only
    /// act on close, before which the library shuts the connection down in an orderly way.
    private func reset(_ wsi: OpaquePointer) {
        var nowhere = sockaddr()
        nowhere.sa_family = sa_family_t(AF_UNSPEC)
        _ = connect(lws_get_socket_fd(wsi), &nowhere, socklen_t(MemoryLayout<sockaddr>.size))
    }

    private func forget(_ wsi: OpaquePointer) {
        guard let exchange = exchanges.removeValue(forKey: wsi) else { return }
        waiting.removeValue(forKey: exchange.id)
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 302: "Found"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 500: "Internal Server Error"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        default: "Status"
        }
    }
}

/// Room before the bytes that `lws_write` sends: at least the library's LWS_PRE, a macro that Swift cannot read.
private let writePadding = 32
