internal import Glibc
internal import HTTPClient

/// A session of tracetrack-web that logs in and posts child after child, and does nothing else: no spool, no order, no
/// look at the answers.
struct BareWebSession: Sendable {
    private let client: HTTPClient
    private let url: String
    private let jar: CookieJar
    private let token: String
    private let number: Int

    init(_ client: HTTPClient, _ url: String, account: String, number: Int) async throws {
        (self.client, self.url, self.number) = (client, url, number)
        jar = client.makeCookieJar()
        let page = try await Self.send(client, jar, .get, url + "/login")
        let form = Self.value(after: "name=\"csrf_token\"", in: page)
        _ = try await Self.send(
            client, jar, .post, url + "/login", "username=\(account)&password=bench-password&csrf_token=\(form)", form)
        token = Self.value(after: "csrf-token", in: try await Self.send(client, jar, .get, url + "/scan/parent"))
    }

    /// Posts until a time; how many.
    func post(untilMs: Double, from first: Int) async throws -> Int {
        var done = 0
        while nowMs() < untilMs {
            let n = first + done
            // Thirty children a bag.
            let isParent = n % 31 == 0
            let label = isParent ? "SB\(90_000 + n / 31 * 8 % 10_000 + number)" : "9\(number)\(100_000 + n)"
            _ = try await Self.send(
                client, jar, .post, url + (isParent ? "/api/fast_parent_scan" : "/process_child_scan_fast"),
                "qr_code=\(label)", token)
            done += 1
        }
        return done
    }

    private static func send(
        _ client: HTTPClient, _ jar: CookieJar, _ method: HTTPRequest.Method, _ url: String, _ form: String = "",
        _ token: String = ""
    ) async throws -> String {
        var policy = HTTPPolicy()
        policy.insecureCookies = true
        let response = try await client.send(
            HTTPRequest(
                method, url,
                headers: [("Content-Type", "application/x-www-form-urlencoded"), ("X-CSRFToken", token)],
                body: Array(form.utf8), policy: policy, jar: jar))
        guard response.status < 400 else { throw BenchError("\(url) answered \(response.status)") }
        return String(decoding: response.body, as: UTF8.self)
    }

    // The value or content attribute that follows a text.
    private static func value(after text: String, in page: String) -> String {
        let rest = page.split(separator: text, maxSplits: 1).last ?? ""
        let parts = rest.split(separator: "\"", maxSplits: 4, omittingEmptySubsequences: false)
        return parts.first { $0.count >= 16 }.map(String.init) ?? ""
    }
}
