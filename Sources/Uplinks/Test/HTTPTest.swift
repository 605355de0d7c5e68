internal import HTTPClient
internal import Model
internal import Posix

extension UplinkTest {
    /// Tries a backend's address, its connection and TLS, and compares the clocks, as the uplink's requests would see
    /// them. Sends one `GET /health`, of which any answer will do.
    ///
    /// - Parameter limit: how far the clocks may be apart, in milliseconds.
    mutating func reach(
        _ target: Target, _ policy: HTTPPolicy, client: HTTPClient, time: TimeSource, limit: Int64 = 300_000
    ) async {
        await resolve(target.host)
        guard !hasFailed else {
            skip("connection", "no address")
            return skip("clock", "no connection")
        }
        var policy = policy
        policy.timeout = min(policy.timeout, .seconds(10))
        // A fresh connection, whatever others of this process have open.
        policy.maxConnectionAge = .zero
        let before = time.now()
        do throws(HTTPClientError) {
            let response = try await client.send(
                HTTPRequest(.get, target.base + "/health", policy: policy, mayRepeat: true))
            let took = (time.now().uptimeNs - before.uptimeNs) / 1_000_000
            passed(
                "connection",
                "\(target.isSecure ? "TLS to " : "plain http to ")\(target.authority), answered \(response.status) after "
                    + "\(took) ms")
            compareClocks(response.headers["Date"], time.now(), limit)
        } catch {
            failed("connection", error.description)
            skip("clock", "no connection")
        }
    }

    /// Asks the resolver for a host's addresses.
    mutating func resolve(_ host: String) async {
        do {
            let addresses = try await Resolver.addresses(of: host)
            passed("address", "\(host) is \(addresses.joined(separator: ", "))")
        } catch { failed("address", "\(error)") }
    }

    private mutating func compareClocks(_ date: String?, _ now: Moment, _ limit: Int64) {
        guard let backendMs = date.flatMap(HTTPDate.parse) else {
            return skip("clock", "the answer has no Date")
        }
        // The header's seconds are whole ones.
        let ahead = now.wallMs - backendMs - 500
        let text = "this clock is \(abs(ahead / 1000)) s \(ahead < 0 ? "behind" : "ahead of") the backend's"
        if abs(ahead) > limit {
            failed("clock", "\(text); see: timedatectl")
        } else {
            passed("clock", now.synced ? text : "\(text), and nobody has set it; see: timedatectl")
        }
    }
}
