import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)))
struct ClientFailureTests {
    @Test func `a port where nobody listens is named, and nothing was sent`() async throws {
        let server = ScriptedServer { _ in .hang }
        let url = server.url
        server.close()
        try await withClient { client in
            let error = await client.result(HTTPRequest(.post, url + "/secret?x", body: [1])).failure
            #expect(error?.code == .cannotConnect && error?.requestMayHaveBeenSent == false)
            #expect(error?.description.contains("127.0.0.1:\(server.port)") == true)
            #expect(error?.description.contains("secret") == false)
        }
    }

    @Test func `a host name without address is named`() async throws {
        try await withClient { client in
            let error = await client.result(HTTPRequest(.get, "http://nowhere.invalid/")).failure
            #expect(error?.code == .unknownHost && error?.requestMayHaveBeenSent == false)
            #expect(error?.hint.isEmpty == false)
        }
    }

    @Test func `no answer in time says that the request may have arrived`() async throws {
        let server = ScriptedServer { _ in .hang }
        defer { server.close() }
        try await withClient { client in
            var policy = HTTPPolicy()
            policy.timeout = .milliseconds(200)
            let error = await client.result(HTTPRequest(.post, server.url, body: [1], policy: policy)).failure
            #expect(error?.code == .timeout && error?.requestMayHaveBeenSent == true)
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "what is this\r\n\r\n"])
    func `an answer cut short or no HTTP at all is an error after the request was sent`(bytes: String) async throws {
        let server = ScriptedServer { _ in .cut(Array(bytes.utf8)) }
        defer { server.close() }
        try await withClient { client in
            let error = await client.result(HTTPRequest(.post, server.url, body: [1])).failure
            #expect(error?.code == .broken && error?.requestMayHaveBeenSent == true)
        }
    }

    @Test(arguments: [false, true])
    func `a kept connection that dies under a request repeats it only where that is allowed`(repeats: Bool) async throws
    {
        // The first request of each connection is answered, the second one meets a close.
        let server = ScriptedServer { request in
            request.path == "/die" && request.connection == 1 ? .cut([]) : .respond(200)
        }
        defer { server.close() }
        try await withClient { client in
            _ = try await client.send(HTTPRequest(.get, server.url + "/"))
            let result = await client.result(HTTPRequest(.post, server.url + "/die", body: [1], mayRepeat: repeats))
            if repeats {
                #expect(result.success?.status == 200)
            } else {
                #expect(result.failure?.code == .broken && result.failure?.requestMayHaveBeenSent == true)
            }
        }
        #expect(server.requests.filter { $0.path == "/die" }.count == (repeats ? 2 : 1))
    }

    @Test func `a certificate file that is missing names the setting`() async throws {
        try await withClient { client in
            var policy = HTTPPolicy()
            policy.caFile = "/nonexistent/ca.pem"
            let error = await client.result(HTTPRequest(.get, "https://127.0.0.1:1/", policy: policy)).failure
            // Nobody listens there, so that either fault may be found first; neither is a TLS fault of the peer.
            #expect(error?.code == .badRequest || error?.code == .cannotConnect)
        }
    }
}
