internal import Database
internal import HTTPServer
internal import JSON
internal import Model

/// What the simulated backend does with a request: one at a time, in one transaction. No sockets, no threads.
final class Backend {
    var settings: SimulatorSettings
    let store: Store
    let bags: Bags
    var faults = FaultPlan()
    var limiter = RateLimiter()
    /// The last accepted `lane_seq` by gateway, lane and log; loaded when first wanted.
    var laneOrder: [String: (log: String, laneSeq: Int64)] = [:]
    /// Keys of devices by their id, as far as they were wanted; emptied where the registry changes.
    var registry: [String: RegisteredKey] = [:]

    init(_ settings: SimulatorSettings, database: String) throws {
        self.settings = settings
        store = try Store(path: database, isDurable: settings.isDurable)
        bags = Bags(connection: store.connection)
        for (username, password) in settings.accounts { try addAccount(username, password: password) }
    }

    /// The answer to a request of either contract. After it returns what was done is committed.
    func answer(_ request: ServerRequest) -> ServerResponse {
        let contract: SimulatorSettings.Contract = speaksDevices(request) ? .devices : .web
        let (latencyMs, fault) = faults.hit(path: request.path, contract: contract)
        var response: ServerResponse
        let counters = store.allCounters
        do {
            response = try store.connection.transaction {
                store.count("requests")
                store.count("\(contract.rawValue)_requests")
                if let early = refuse(fault) {
                    try store.saveCounters()
                    return early
                }
                let response =
                    try contract == .devices
                    ? answerDevices(request, fault: fault) : answerWeb(request, fault: fault)
                try store.saveCounters()
                return response
            }
        } catch {
            store.restoreCounters(counters)
            laneOrder = [:]
            response = .json(500, json { $0.member("error", "the database: \(error)") })
        }
        spoil(&response, fault)
        response.delay = .milliseconds(latencyMs)
        if !response.headers.contains(where: { $0.name == "Date" }) {
            response.headers.append(("Date", HTTPDate.text(store.nowMs)))
        }
        if let id = request.header("x-request-id") { response.headers.append(("X-Request-ID", id)) }
        return response
    }

    /// Whether a request belongs to the contract `tracetrack-devices`: both live on the same path.
    private func speaksDevices(_ request: ServerRequest) -> Bool {
        switch settings.contract {
        case .web: false
        case .devices: true
        case .both: request.path == "/api/fast_parent_scan" && request.mediaType == Self.batchType
        }
    }

    /// The answer of a fault that leaves the request undone, for both contracts.
    private func refuse(_ fault: Fault?) -> ServerResponse? {
        guard let fault else { return nil }
        var response: ServerResponse
        switch fault.kind {
        case .status: response = Page.error(fault.status, "the server says \(fault.status)")
        case .rateLimit: response = limited()
        case .badRequest: response = .text(400, "Bad Request\n")
        case .close: response = ServerResponse(status: 200, fault: .close)
        case .later: response = ServerResponse(status: 202)
        case .redirect: response = ServerResponse(status: 302, headers: [("Location", "https://elsewhere.invalid/")])
        default: return nil
        }
        if let after = fault.retryAfter { response.headers.append(("Retry-After", after)) }
        return response
    }

    /// What a fault does to the answer of a request that has been done and committed.
    private func spoil(_ response: inout ServerResponse, _ fault: Fault?) {
        switch fault?.kind {
        case .lost: response.fault = .close
        case .reset: response.fault = .resetInMidAnswer
        case .garbage:
            response.status = 200
            response.body = Array("{\"success\": tr\u{0}\u{1}<<<".utf8)
        case .html:
            let headers = response.headers.filter { $0.name == "Set-Cookie" }
            response = Page.plain(200, title: "TraceTrack", "Welcome")
            response.headers += headers
        default: break
        }
    }

    /// The answer to a client over its limit: older versions let it end as an internal error.
    func limited() -> ServerResponse {
        store.count("rate_limited")
        return settings.variant.hidesRateLimit
            ? Page.error(500, "Internal Server Error") : Page.error(429, "Too Many Requests")
    }

    /// Counts and prints what became of one scan.
    func judged(_ contract: String, _ outcome: String, _ what: @autoclosure () -> String) {
        store.count(outcome)
        store.count("\(contract)_\(outcome)")
        settings.printEvent?("\(contract) \(outcome) " + Safe.text(what(), limit: 400))
    }
}

/// HTML pages.
enum Page {
    static func plain(_ status: Int, title: String, _ text: String, token: String? = nil, form: String = "")
        -> ServerResponse
    {
        let meta = token.map { "<meta name=\"csrf-token\" content=\"\($0)\">\n" } ?? ""
        return .text(
            status,
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8">
            \(meta)<title>\(title)</title></head>
            <body><h1>\(title)</h1><p>\(text)</p>\(form)</body></html>

            """, type: "text/html; charset=utf-8")
    }

    static func error(_ status: Int, _ text: String) -> ServerResponse {
        plain(status, title: "Error \(status)", text)
    }

    static func login(token: String, message: String) -> ServerResponse {
        plain(
            200, title: "Login", message, token: token,
            form: """
                <form method="POST" action="/login">
                <input type="hidden" name="csrf_token" value="\(token)">
                <input type="text" name="username"><input type="password" name="password">
                <button>Log in</button></form>
                """)
    }
}
