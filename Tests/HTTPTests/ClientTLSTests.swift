import HTTPClient
import HTTPServer
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)))
struct ClientTLSTests {
    private func server(_ directory: String, _ name: String, wantsClient: Bool = false) throws -> WebServer {
        let tls = WebServerSettings.TLS(
            certificateFile: "\(directory)/\(name).pem", keyFile: "\(directory)/\(name).key",
            clientAuthorityFile: wantsClient ? directory + "/ca.pem" : nil)
        return try WebServer(WebServerSettings(tls: tls)) { _, responder in responder.respond(.text(200, "ok")) }
    }

    private func policy(_ directory: String, authority: String = "ca", client: String? = nil) -> HTTPPolicy {
        var policy = HTTPPolicy()
        policy.caFile = "\(directory)/\(authority).pem"
        policy.certFile = client.map { "\(directory)/\($0).pem" }
        policy.keyFile = client.map { "\(directory)/\($0).key" }
        return policy
    }

    @Test func `an authority of one's own and a client certificate are taken`() async throws {
        try await withTemporaryDirectory { directory in
            try makeCertificates(directory)
            let server = try server(directory, "server", wantsClient: true)
            defer { server.stop() }
            try await withClient { client in
                let policy = policy(directory, client: "client")
                let response = try await client.send(HTTPRequest(.post, server.url, body: [1], policy: policy))
                #expect(response.status == 200)
            }
        }
    }

    @Test(
        arguments: [
            ("server", "stranger", "is not signed by"), ("expired", "ca", "not valid at this time"),
            ("elsewhere", "ca", "another host name"),
        ])
    func `a certificate that is wrong says how, and nothing is sent`(name: String, authority: String, hint: String)
        async throws
    {
        try await withTemporaryDirectory { directory in
            try makeCertificates(directory)
            let server = try server(directory, name)
            defer { server.stop() }
            try await withClient { client in
                let policy = policy(directory, authority: authority)
                let error = await client.result(HTTPRequest(.post, server.url, body: [1], policy: policy)).failure
                #expect(error?.code == .tls && error?.requestMayHaveBeenSent == false)
                #expect(error?.hint.contains(hint) == true, "\(String(describing: error))")
            }
        }
    }

    @Test func `the system's authorities do not vouch for one's own`() async throws {
        try await withTemporaryDirectory { directory in
            try makeCertificates(directory)
            let server = try server(directory, "server")
            defer { server.stop() }
            try await withClient { client in
                let error = await client.result(HTTPRequest(.get, server.url)).failure
                #expect(error?.code == .tls && error?.hint.contains("tls.ca_file") == true)
            }
        }
    }

    @Test func `without the client certificate that the backend wants there is no answer`() async throws {
        try await withTemporaryDirectory { directory in
            try makeCertificates(directory)
            let server = try server(directory, "server", wantsClient: true)
            defer { server.stop() }
            try await withClient { client in
                let error = await client.result(HTTPRequest(.get, server.url, policy: policy(directory))).failure
                #expect(error?.code == .tls || error?.code == .broken)
            }
        }
    }

    @Test func `a certificate without its key names the settings`() async throws {
        try await withTemporaryDirectory { directory in
            try makeCertificates(directory)
            let server = try server(directory, "server", wantsClient: true)
            defer { server.stop() }
            try await withClient { client in
                var policy = policy(directory, client: "client")
                policy.keyFile = directory + "/server.key"
                let error = await client.result(HTTPRequest(.get, server.url, policy: policy)).failure
                #expect(error?.code == .badRequest && error?.hint.contains("tls.key_file") == true)
            }
        }
    }
}
