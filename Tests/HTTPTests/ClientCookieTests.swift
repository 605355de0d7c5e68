import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)))
struct ClientCookieTests {
    private func server(setting cookies: [String], host: UInt32 = 1) -> ScriptedServer {
        ScriptedServer(host: host) { request in
            request.path == "/set" ? .respond(200, headers: cookies.map { ("Set-Cookie", $0) }) : .respond(200)
        }
    }

    @Test func `cookies are sent back with their own jar only, and survive an export`() async throws {
        let server = server(setting: ["traitortrack_session=abc; HttpOnly; Path=/", "other=2; Path=/"])
        defer { server.close() }
        let saved = try await withClient { client in
            let jar = client.makeCookieJar()
            _ = try await client.send(HTTPRequest(.get, server.url + "/set", jar: jar))
            _ = try await client.send(HTTPRequest(.get, server.url + "/own", jar: jar))
            // On the same pooled handle, which must have let go of the jar.
            _ = try await client.send(HTTPRequest(.get, server.url + "/none"))
            _ = try await client.send(HTTPRequest(.get, server.url + "/foreign", jar: client.makeCookieJar()))
            return await jar.export()
        }
        try await withClient { client in
            let jar = client.makeCookieJar(saved)
            _ = try await client.send(HTTPRequest(.get, server.url + "/restored", jar: jar))
            jar.clear()
            _ = try await client.send(HTTPRequest(.get, server.url + "/cleared", jar: jar))
        }
        let sent = Dictionary(uniqueKeysWithValues: server.requests.map { ($0.path, $0["cookie"]) })
        #expect(saved.count == 2)
        for path in ["/own", "/restored"] {
            let pairs = sent[path]??.split(separator: "; ").map(String.init).sorted()
            #expect(pairs == ["other=2", "traitortrack_session=abc"])
        }
        for path in ["/set", "/foreign", "/none", "/cleared"] { #expect(sent[path] == .some(nil)) }
    }

    // libcurl takes 127.0.0.1 and localhost for secure; 127.0.0.2 is this machine as well, but plain.
    @Test(arguments: [false, true])
    func `a Secure cookie goes over plain http only where the admin says so`(insecure: Bool) async throws {
        let server = server(setting: ["s=1; Secure; HttpOnly; Path=/; Max-Age=3600"], host: 2)
        defer { server.close() }
        try await withClient { client in
            var policy = HTTPPolicy()
            policy.insecureCookies = insecure
            let jar = client.makeCookieJar()
            _ = try await client.send(HTTPRequest(.get, server.url + "/set", policy: policy, jar: jar))
            _ = try await client.send(HTTPRequest(.get, server.url + "/get", policy: policy, jar: jar))
        }
        #expect(server.requests.last?["cookie"] == (insecure ? "s=1" : nil))
    }
}
