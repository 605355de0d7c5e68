internal import HTTPClient
internal import Model
internal import Wire

/// The answer table of tracetrack-devices over HTTPS, as pure functions.
enum DevicesAnswer {
    /// Reads a response to a batch.
    ///
    /// - Parameter backendMs: the backend's wall clock, for a Retry-After that is a date.
    static func classify(_ response: HTTPResponse, batchID: UUID, place: String, backendMs: Int64) -> BatchAnswer {
        let status = response.status
        func line(_ hint: String) -> String { "\(place) answered \(status)\(detail(response)); \(hint)" }
        let after = HTTPDate.retryAfter(response.headers["Retry-After"], nowMs: backendMs)
        switch status {
        case 202: return .later(after)
        case 200..<300: return results(response, batchID, place)
        case 401: return .unauthorized(line("check the uplink's auth, its key's registration and this clock"))
        case 403: return .forbidden(line("the backend does not let this gateway in: ask its admin"))
        case 413: return .tooLarge(line("lower batch.max_bytes, or raise the limit of the proxy in between"))
        case 415: return .compressionRefused(line("the backend or a proxy does not take this content type or gzip"))
        case 400, 422: return .refused(line("its log has the reason"))
        case 429: return .slowDown(line("the backend asks to slow down"), retryAfter: after)
        case 408, 409, 425: return .failure(line("tried again"), retryAfter: after)
        case 501, 300..<400: return .misconfigured(line("check the uplink's url; redirects are never followed"))
        case 500..<600: return .failure(line("the backend's log has the reason"), retryAfter: after)
        default: return .misconfigured(line("check the uplink's url and what stands between"))
        }
    }

    /// Reads a failure to get any response.
    static func classify(_ error: HTTPClientError) -> BatchAnswer {
        switch error.code {
        case .cancelled, .closed: .cancelled
        case .badRequest: .misconfigured(error.description)
        case .tooLarge: .unreadable(error.description)
        case .unknownHost, .cannotConnect, .tls: .unreachable(error.description)
        case .timeout, .broken:
            .failure(error.description, retryAfter: nil)
        }
    }

    private static func results(_ response: HTTPResponse, _ batchID: UUID, _ place: String) -> BatchAnswer {
        do {
            let reply = try BatchReply.parse(response.body)
            guard reply.batchID == batchID else {
                return .unreadable("\(place) answered \(response.status) for another batch, \(reply.batchID)")
            }
            return .results(reply)
        } catch {
            return .unreadable(
                "\(place) answered \(response.status) without readable results (\(error)); "
                    + "a proxy or a login page may answer in the backend's place")
        }
    }

    // The first words of a body, for people; never all of it.
    private static func detail(_ response: HTTPResponse) -> String {
        guard let location = response.headers["Location"], (300..<400).contains(response.status) else {
            return response.body.isEmpty ? "" : ": \(Safe.text(response.body, limit: 160))"
        }
        return " to \(Safe.text(location, limit: 160))"
    }
}

/// What one result says of its scan.
enum ResultVerdict: Equatable {
    /// Why a scan is to be asked about again.
    enum Postponed: Equatable {
        case unknownParent, deferred
    }

    case settle(Settlement, duplicate: Bool)
    /// Not judged: ask again, after this long where the backend says so.
    case again(Postponed, after: Duration?)
    /// The backend does not take this device's scans now.
    case identity(String)
    /// A word of a later version: counts as missing, five times at most.
    case unknown(String)

    init(_ result: BatchReply.Result) {
        let reason = [result.code, result.text].filter { !$0.isEmpty }.joined(separator: ": ")
        switch (result.status, result.code) {
        case ("accepted", _): self = .settle(.done, duplicate: false)
        case ("duplicate", _): self = .settle(.done, duplicate: true)
        case ("rejected", "seq_conflict"), ("rejected", "malformed"), ("rejected", "business_rule"):
            self = .settle(.rejected(reason: Safe.text(reason, limit: 500)), duplicate: false)
        case ("rejected", "revoked_key"):
            self = .settle(.held(reason: Safe.text(reason, limit: 500)), duplicate: false)
        // A relay's word for what tracetrack-web's answers leave open.
        case ("held", _): self = .settle(.held(reason: Safe.text(reason, limit: 500)), duplicate: false)
        case ("rejected", "bad_signature"), ("rejected", "unknown_device"), ("rejected", "not_permitted"):
            self = .identity(Safe.text(reason, limit: 200))
        case ("deferred", _), ("rejected", "unknown_parent"):
            self = .again(
                result.status == "deferred" ? .deferred : .unknownParent,
                after: result.retryAfterMs.map { .milliseconds(min($0, 3_600_000)) })
        case ("rejected", _): self = .unknown(Safe.text("rejected \(reason)", limit: 200))
        default: self = .unknown(Safe.text(result.status, limit: 200))
        }
    }
}
