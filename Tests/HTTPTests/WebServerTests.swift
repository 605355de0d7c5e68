internal import HTTPServer
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite(.timeLimit(.minutes(4)))
struct `A web server` {
    private func echo(_ settings: WebServerSettings = WebServerSettings()) throws -> WebServer {
        try WebServer(settings) { request, responder in
            let headers = request.headers.map { "\($0.name)=\($0.value)" }.sorted().joined(separator: "\n")
            let head = "\(request.method) \(request.path) ?\(request.query) from \(request.client)\n\(headers)\n\n"
            responder.respond(ServerResponse(status: 200, body: Array(head.utf8) + request.body))
        }
    }

    @Test
    func `hands the handler method, path, query, headers, body and peer`() throws {
        let server = try echo()
        defer { server.stop() }
        let http = try RawHTTP(port: server.port)
        let answer = try http.request(
            "POST", "/a/b?x=1&y=two",
            headers: [
                ("Content-Type", "text/plain"), ("Cookie", "a=1; b=2"), ("Content-Encoding", "gzip"),
                ("Signature-Input", "sig1=(\"@method\")"), ("Content-Digest", "sha-256=:AA==:"),
                ("Idempotency-Key", "\"k\""), ("X-CSRFToken", "t"), ("Authorization", "Bearer q"),
            ], body: Array("hello".utf8))
        #expect(answer.status == 200)
        #expect(answer.text.hasPrefix("POST /a/b ?x=1&y=two from 127.0.0.1\n"))
        #expect(answer.text.hasSuffix("\n\nhello"))
        for wanted in [
            "content-type=text/plain", "cookie=a=1; b=2", "content-encoding=gzip", "host=127.0.0.1",
            "signature-input=sig1=(\"@method\")", "content-digest=sha-256=:AA==:", "idempotency-key=\"k\"",
            "x-csrftoken=t", "authorization=Bearer q",
        ] {
            #expect(answer.text.contains("\n\(wanted)\n"), "\(wanted) is missing in \(answer.text)")
        }
    }

    @Test
    func `hands over repeated headers one by one, and joined when asked by name`() throws {
        let server = try WebServer(WebServerSettings()) { request, responder in
            let all = request.headers.filter { $0.name == "accept" }.map(\.value)
            responder.respond(.text(200, "\(all) \(request.header("accept") ?? "") \(request.header("cookie") ?? "")"))
        }
        defer { server.stop() }
        let answer = try RawHTTP(port: server.port).request(
            "GET", "/", headers: [("Accept", "a"), ("Accept", "b"), ("Cookie", "a=1"), ("Cookie", "b=2")])
        #expect(answer.text == #"["a", "b"] a, b a=1; b=2"#)
    }

    @Test(arguments: ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
    func `takes the method`(_ method: String) throws {
        let server = try echo()
        defer { server.stop() }
        let answer = try RawHTTP(port: server.port).request(method, "/m", body: method == "GET" ? [] : [65])
        #expect(answer.text.hasPrefix("\(method) /m"))
        if method != "GET" { #expect(answer.body.last == 65) }
    }

    @Test
    func `keeps a connection for the next request, with bodies large and small`() throws {
        let server = try echo()
        defer { server.stop() }
        let http = try RawHTTP(port: server.port)
        for size in [0, 1, 70_000, 3, 1 << 20, 0] {
            let body = [UInt8](repeating: 66, count: size)
            let answer = try http.request("POST", "/", body: body)
            #expect(answer.status == 200)
            #expect(answer.body.count { $0 == 66 } >= size)
        }
    }

    @Test
    func `answers requests that were sent together in their order`() throws {
        let server = try echo()
        defer { server.stop() }
        let http = try RawHTTP(port: server.port)
        let requests = (0..<20).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
        try http.send(Array(requests.utf8))
        for index in 0..<20 { #expect(try http.answer().text.hasPrefix("GET /\(index) ")) }
    }

    @Test
    func `refuses a body over its bound with 413 and one of unknown length with 411`() throws {
        var settings = WebServerSettings()
        settings.maxBodyBytes = 100
        let server = try echo(settings)
        defer { server.stop() }
        let tooLong = try RawHTTP(port: server.port)
        try tooLong.send(Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n".utf8))
        #expect(try tooLong.answer().status == 413)
        let chunked = try RawHTTP(port: server.port)
        try chunked.send(Array("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8))
        #expect(try chunked.answer().status == 411)
        for lengths in ["5\r\nContent-Length: 7", "-1", "five"] {
            let unclear = try RawHTTP(port: server.port)
            try unclear.send(Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(lengths)\r\n\r\nabcde".utf8))
            #expect(try unclear.answer().status == 400)
        }
        #expect(
            try RawHTTP(port: server.port).request("POST", "/", body: [UInt8](repeating: 1, count: 100)).status == 200)
    }

    @Test
    func `tells a client that waits for it to go on`() throws {
        let server = try echo()
        defer { server.stop() }
        let http = try RawHTTP(port: server.port)
        try http.send(Array("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n".utf8))
        #expect(try http.answer().status == 100)
        try http.send([65, 66])
        #expect(try http.answer().text.hasSuffix("AB"))
    }

    @Test
    func `a delayed answer holds up no other connection`() throws {
        let server = try WebServer(WebServerSettings()) { request, responder in
            var response = ServerResponse.text(200, request.path)
            if request.path == "/slow" { response.delay = .milliseconds(50) }
            // An hour: whatever is answered on other connections is not held back by it.
            if request.path == "/never" { response.delay = .seconds(3600) }
            responder.respond(response)
        }
        defer { server.stop() }
        let never = try RawHTTP(port: server.port)
        try never.send(Array("GET /never HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        let other = try RawHTTP(port: server.port)
        for _ in 0..<10 { #expect(try other.request("GET", "/fast").text == "/fast") }
        let start = ContinuousClock.now
        #expect(try other.request("GET", "/slow").text == "/slow")
        #expect(ContinuousClock.now - start >= .milliseconds(50))
        #expect(try other.request("GET", "/again").text == "/again")
    }

    @Test
    func `the handler may answer later and from another thread`() throws {
        let kept = Mutex<Responder?>(nil)
        let server = try WebServer(WebServerSettings()) { request, responder in
            guard request.path == "/later" else {
                kept.withLock { $0 }?.respond(.text(200, "late"))
                return responder.respond(.text(200, "now"))
            }
            kept.withLock { $0 = responder }
        }
        defer { server.stop() }
        let later = try RawHTTP(port: server.port)
        try later.send(Array("GET /later HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        while kept.withLock({ $0 == nil }) { _ = try RawHTTP(port: server.port).request("GET", "/poll") }
        _ = try RawHTTP(port: server.port).request("GET", "/now")
        #expect(try later.answer().text == "late")
    }

    @Test
    func `closes without an answer, or resets in the middle of one, when told to`() throws {
        let server = try WebServer(WebServerSettings()) { request, responder in
            responder.respond(
                ServerResponse(
                    status: 200, body: [UInt8](repeating: 67, count: 1000),
                    fault: request.path == "/close" ? .close : .resetInMidAnswer))
        }
        defer { server.stop() }
        let closed = try RawHTTP(port: server.port)
        #expect(throws: RawHTTP.Failure.closed(after: 0)) { try closed.request("GET", "/close") }
        let reset = try RawHTTP(port: server.port)
        #expect(throws: RawHTTP.Failure.reset(after: 500)) { try reset.request("GET", "/reset") }
    }

    @Test
    func `sends a header as often as it is given and none that would forge another`() throws {
        let server = try WebServer(WebServerSettings()) { _, responder in
            responder.respond(
                ServerResponse(
                    status: 302,
                    headers: [
                        ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Location", "/x"), ("X-Bad", "1\r\nX-Forged: 1"),
                    ]))
        }
        defer { server.stop() }
        let answer = try RawHTTP(port: server.port).request("GET", "/")
        #expect(answer.status == 302)
        #expect(answer.all("set-cookie") == ["a=1", "b=2"])
        #expect(answer.header("location") == "/x")
        #expect(answer.header("x-forged") == nil)
    }

    @Test
    func `says so where it cannot listen`() throws {
        let server = try echo()
        defer { server.stop() }
        var taken = WebServerSettings(port: server.port)
        #expect(throws: WebServerError.self) { try echo(taken) }
        taken = WebServerSettings(host: "192.0.2.1")
        #expect(throws: WebServerError.self) { try echo(taken) }
    }

    @Test
    func `stops with connections open and frees its port`() throws {
        let server = try echo()
        let http = try RawHTTP(port: server.port)
        _ = try http.request("GET", "/")
        server.stop()
        server.stop()
        #expect(throws: RawHTTP.Failure.self) { try http.request("GET", "/") }
        let again = try echo(WebServerSettings(port: server.port))
        #expect(again.port == server.port)
        again.stop()
    }
}
