internal import Glibc
internal import HTTPServer
internal import Synchronization
internal import TestSupport
internal import Testing

@Suite(.timeLimit(.minutes(4)))
struct `A web server with TLS` {
    /// Runs `body` with a directory of `ca.pem`, and `server` and `client` certificates (`.pem`, `.key`) by it.
    private func withCertificates(_ body: (String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            try makeCertificates(directory)
            try body(directory)
        }
    }

    private func server(_ directory: String, clientAuthority: Bool) throws -> WebServer {
        let tls = WebServerSettings.TLS(
            certificateFile: directory + "/server.pem", keyFile: directory + "/server.key",
            clientAuthorityFile: clientAuthority ? directory + "/ca.pem" : nil)
        return try WebServer(WebServerSettings(tls: tls)) { request, responder in
            responder.respond(.text(200, "\(request.path) over \(request.isSecure ? "TLS" : "TCP")"))
        }
    }

    private func get(_ path: String, _ server: WebServer, _ directory: String, _ options: String = "") throws -> String
    {
        try shell(
            """
            printf 'GET \(path) HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet \
                -connect 127.0.0.1:\(server.port) -CAfile \(directory)/ca.pem \
                -verify_return_error \(options) 2>/dev/null
            """)
    }

    @Test
    func `answers over TLS with its own certificate`() throws {
        try withCertificates { directory in
            let server = try server(directory, clientAuthority: false)
            defer { server.stop() }
            #expect(server.url == "https://127.0.0.1:\(server.port)")
            #expect(try get("/a", server, directory).hasSuffix("\r\n\r\n/a over TLS"))
            #expect(throws: RawHTTP.Failure.self) { try RawHTTP(port: server.port).request("GET", "/plain") }
            #expect(try get("/b", server, directory).hasSuffix("\r\n\r\n/b over TLS"))
        }
    }

    @Test
    func `with a client authority answers only those who have its certificate`() throws {
        try withCertificates { directory in
            let server = try server(directory, clientAuthority: true)
            defer { server.stop() }
            #expect(try get("/a", server, directory) == "")
            let mine = "-cert \(directory)/client.pem -key \(directory)/client.key"
            #expect(try get("/b", server, directory, mine).hasSuffix("/b over TLS"))
            _ = try shell(
                """
                cd \(directory) && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                    -keyout other.key -out other.pem -subj /CN=other 2>&1
                """)
            let stranger = "-cert \(directory)/other.pem -key \(directory)/other.key"
            #expect(try get("/c", server, directory, stranger) == "")
        }
    }

    @Test
    func `checks a client's certificate while other servers of the process come and go`() async throws {
        try await withTemporaryDirectory { directory in
            try await offPool { try makeCertificates(directory) }
            let server = try server(directory, clientAuthority: true)
            defer { server.stop() }
            let isOver = Mutex(false)
            async let others: Void = offPool {
                while !isOver.withLock({ $0 }) { try self.server(directory, clientAuthority: false).stop() }
            }
            let mine = "-cert \(directory)/client.pem -key \(directory)/client.key"
            let answers = try await offPool {
                defer { isOver.withLock { $0 = true } }
                return try (0..<200).map { try self.get("/\($0)", server, directory, mine) }
            }
            try await others
            for (n, answer) in answers.enumerated() { #expect(answer.hasSuffix("/\(n) over TLS")) }
        }
    }

    @Test
    func `says so where a certificate cannot be read`() throws {
        try withTemporaryDirectory { directory in
            _ = #expect(throws: WebServerError.self) { try server(directory, clientAuthority: false) }
        }
    }
}
