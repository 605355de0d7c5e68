internal import Crypto
internal import HTTPClient
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// tracetrack-devices over HTTPS to one url: one POST a batch, signed anew at each attempt, the body's bytes untouched.
final class DevicesUplink: Uplink {
    static let defaultPath = "/api/fast_parent_scan"

    private struct State {
        var credential: Credential
        var clock = BackendClock()
    }

    private let settings: UplinkSettings
    private let gateway: GatewayID
    private let client: HTTPClient
    private let time: TimeSource
    let policy: HTTPPolicy
    let target: Target
    private let state: Mutex<State>

    /// - Parameter url: one of the settings' urls.
    init(_ settings: UplinkSettings, url: String, gateway: GatewayID, client: HTTPClient, time: TimeSource)
        throws(UplinkError)
    {
        self.settings = settings
        self.gateway = gateway
        self.client = client
        self.time = time
        policy = settings.httpPolicy
        target = try Target(url, settings.name, defaultPath: Self.defaultPath)
        state = Mutex(State(credential: try Credential.load(settings)))
    }

    func reloadCredential() {
        do {
            let credential = try Credential.load(settings)
            state.withLock { $0.credential = credential }
        } catch { Log.error(error.description) }
    }

    @concurrent func deliver(_ batch: EncodedBatch) async -> BatchAnswer { await exchange(batch).answer }

    /// The same, with the response's body as it came; empty where no response came.
    @concurrent func exchange(_ batch: EncodedBatch) async -> (answer: BatchAnswer, body: [UInt8]) {
        do throws(HTTPClientError) {
            let response = try await client.send(request(batch))
            let now = time.now()
            let backendMs = state.withLock { state in
                state.clock.learn(response.headers["Date"], at: now)
                return state.clock.milliseconds(at: now)
            }
            let answer = withClockHint(
                DevicesAnswer.classify(
                    response, batchID: batch.id, place: "\(settings.name) (\(target.authority))", backendMs: backendMs),
                now)
            return (answer, response.body)
        } catch {
            return (DevicesAnswer.classify(error), [])
        }
    }

    // Any answer that does not blame the server: the path may well be unknown to it.
    @concurrent func probe() async -> Bool {
        var policy = policy
        policy.timeout = min(policy.timeout, .seconds(5))
        let request = HTTPRequest(.get, target.base + "/health", policy: policy, mayRepeat: true)
        guard let response = try? await client.send(request) else { return false }
        return response.status < 500
    }

    // A request signed with a wrong clock is refused with 401: worth saying, since nothing else shows it.
    private func withClockHint(_ answer: BatchAnswer, _ now: Moment) -> BatchAnswer {
        guard case .unauthorized(let text) = answer, let ahead = state.withLock({ $0.clock.ahead(at: now) }),
            abs(ahead) > 60_000
        else { return answer }
        return .unauthorized("\(text); this clock is \(ahead / 1000) s off the backend's")
    }

    private func request(_ batch: EncodedBatch) -> HTTPRequest {
        let digest = ContentDigest.header(batch.body)
        let key = "\"\(batch.id)\""
        var headers: [(name: String, value: String)] = [
            ("Content-Type", Batch.contentType), ("Idempotency-Key", key), ("traceparent", batch.traceparent),
            ("Content-Digest", digest),
        ]
        if batch.isCompressed { headers.append(("Content-Encoding", "gzip")) }
        let (credential, clock) = state.withLock { ($0.credential, $0.clock) }
        switch credential {
        case .mutualTLS: break
        case .bearer(let token): headers.append(("Authorization", "Bearer \(token)"))
        case .signature(let secret, let kid):
            var components: [(name: String, value: String)] = [
                ("@method", "POST"), ("@path", target.path), ("@authority", target.authority),
                ("content-digest", digest), ("content-type", Batch.contentType),
            ]
            if batch.isCompressed { components.append(("content-encoding", "gzip")) }
            components.append(("idempotency-key", key))
            let signature = RequestSignature(
                components: components, created: clock.milliseconds(at: time.now()) / 1000,
                keyID: "\(gateway.text):\(kid)"
            ).headers(key: secret)
            headers.append(("Signature-Input", signature.input))
            headers.append(("Signature", signature.signature))
        }
        // The batch id makes a repetition harmless.
        return HTTPRequest(.post, target.url, headers: headers, body: batch.body, policy: policy, mayRepeat: true)
    }
}

/// Where requests go: a url of the settings, taken apart.
struct Target: Equatable, Sendable {
    /// `http://` or `https://`, host and port, without a slash at the end.
    let base: String
    /// The path: the contract's own where the url has none.
    let path: String
    /// Host and port as `@authority` wants them: lower case, the scheme's own port left out (RFC 9421, 2.2.3).
    let authority: String
    /// The host alone, as the resolver wants it.
    var host: String {
        if authority.hasPrefix("[") { return String(authority.prefix { $0 != "]" }.dropFirst()) }
        return String(authority.prefix { $0 != ":" })
    }
    var url: String { base + path }
    var isSecure: Bool { base.hasPrefix("https://") }

    init(_ url: String, _ uplink: String, defaultPath: String) throws(UplinkError) {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        let scheme = parts.first.map { $0.lowercased() } ?? ""
        guard parts.count >= 3, scheme == "https:" || scheme == "http:", parts[1].isEmpty, !parts[2].isEmpty,
            !parts[2].contains("@"), !url.utf8.contains(where: { $0 <= 32 || $0 == 127 }),
            !url.contains("?"), !url.contains("#")
        else {
            throw UplinkError(
                "uplink \(uplink): url \(Safe.text(url)) cannot be used",
                hint: "write https://HOST or https://HOST:PORT/PATH, the credentials under auth")
        }
        let port = scheme == "https:" ? ":443" : ":80"
        let host = parts[2].lowercased()
        authority = host.hasSuffix(port) ? String(host.dropLast(port.count)) : host
        base = "\(scheme)//\(host)"
        path = parts.count > 3 && !parts[3].isEmpty ? "/\(parts[3])" : defaultPath
    }
}

extension UplinkSettings {
    /// Timeouts and TLS of the uplink's requests.
    var httpPolicy: HTTPPolicy {
        var policy = HTTPPolicy()
        policy.timeout = timeout
        policy.connectTimeout = min(timeout, .seconds(10))
        policy.maxConnectionAge = maxConnectionAge
        policy.caFile = tls.caFile
        policy.certFile = tls.certFile
        policy.keyFile = tls.keyFile
        policy.insecureCookies = insecureCookies
        return policy
    }
}
