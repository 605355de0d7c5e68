import HTTPClient
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)))
struct ClientTests {
    @Test func `a post arrives as written, and the answer comes back whole`() async throws {
        let server = ScriptedServer { _ in
            .respond(
                207, headers: [("Date", "Sat, 21 Nov 2026 04:00:00 GMT"), ("X-a", "1"), ("x-A", "2")], body: [1, 2, 3])
        }
        defer { server.close() }
        try await withClient { client in
            let response = try await client.send(
                HTTPRequest(
                    .post, server.url + "/a?b=c",
                    headers: [("Content-Type", "application/x"), ("Idempotency-Key", "\"k\"")],
                    body: [UInt8](repeating: 7, count: 300_000)))
            #expect(response.status == 207)
            #expect(response.headers["date"] == "Sat, 21 Nov 2026 04:00:00 GMT")
            #expect(response.headers.all("X-A") == ["1", "2"])
            #expect(response.body == [1, 2, 3])
            #expect(response.bytesSent == 300_000 && response.total > .zero)
        }
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.path == "/a?b=c")
        #expect(request.body == [UInt8](repeating: 7, count: 300_000))
        #expect(request["content-type"] == "application/x" && request["idempotency-key"] == "\"k\"")
        #expect(request["expect"] == nil)
    }

    @Test func `requests share a kept connection`() async throws {
        let server = ScriptedServer { _ in .respond(200) }
        defer { server.close() }
        try await withClient { client in
            for _ in 0..<5 { _ = try await client.send(HTTPRequest(.get, server.url)) }
        }
        #expect(server.connections == 1)
    }

    @Test func `a redirect is an answer and is not followed`() async throws {
        let server = ScriptedServer { _ in .respond(302, headers: [("Location", "/login")]) }
        defer { server.close() }
        try await withClient { client in
            let response = try await client.send(HTTPRequest(.get, server.url))
            #expect(response.status == 302 && response.headers["Location"] == "/login")
        }
        #expect(server.requests.count == 1)
    }

    @Test func `many requests are under way at once`() async throws {
        let together = Gathering(of: 8)
        let server = ScriptedServer { _ in
            together.arriveAndWait()
            return .respond(200)
        }
        defer { server.close() }
        try await withClient { client in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await client.send(HTTPRequest(.get, server.url)).status }
                }
                for try await status in group { #expect(status == 200) }
            }
        }
    }

    @Test(arguments: [1 << 20, (1 << 20) + 1])
    func `a response over one mebibyte is an error`(size: Int) async throws {
        let server = ScriptedServer { _ in .respond(200, body: [UInt8](repeating: 65, count: size)) }
        defer { server.close() }
        try await withClient { client in
            let result = await client.result(HTTPRequest(.get, server.url))
            if size > 1 << 20 {
                #expect(result.failure?.code == .tooLarge)
            } else {
                #expect(result.success?.body.count == size)
            }
        }
    }

    @Test func `a header block without end is an error`() async throws {
        let server = ScriptedServer { _ in
            let line = "X-Filler: " + String(repeating: "a", count: 1000) + "\r\n"
            return .cut(Array(("HTTP/1.1 200 OK\r\n" + String(repeating: line, count: 90) + "\r\n").utf8))
        }
        defer { server.close() }
        try await withClient { client in
            #expect(await client.result(HTTPRequest(.get, server.url)).failure?.code == .tooLarge)
        }
    }

    @Test(arguments: ["a\r\nb", "a\nb", "a\0b"])
    func `a header that would forge another is refused before anything is sent`(value: String) async throws {
        let server = ScriptedServer { _ in .respond(200) }
        defer { server.close() }
        try await withClient { client in
            let error = await client.result(HTTPRequest(.get, server.url, headers: [("X-Request-ID", value)])).failure
            #expect(error?.code == .badRequest && error?.requestMayHaveBeenSent == false)
        }
        #expect(server.requests.isEmpty)
    }

    @Test func `cancelling the task ends the transfer and says that it may have arrived`() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer { _ in
            arrive.yield()
            return .hang
        }
        defer { server.close() }
        try await withClient { client in
            let task = Task { await client.result(HTTPRequest(.post, server.url, body: [1])) }
            for await _ in arrived { break }
            task.cancel()
            let error = await task.value.failure
            #expect(error?.code == .cancelled && error?.requestMayHaveBeenSent == true)
        }
    }

    @Test func `closing the client ends what is under way, and later requests fail at once`() async throws {
        let (arrived, arrive) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer { _ in
            arrive.yield()
            return .hang
        }
        defer { server.close() }
        let client = HTTPClient()
        let task = Task { await client.result(HTTPRequest(.get, server.url)) }
        for await _ in arrived { break }
        client.close()
        #expect(await task.value.failure?.code == .cancelled)
        #expect(await client.result(HTTPRequest(.get, server.url)).failure?.code == .closed)
    }
}
