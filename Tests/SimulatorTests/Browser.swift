internal import JSON
internal import Simulator
internal import TestSupport

/// Runs `body` with a simulator of its own.
func withSimulator<T>(
    _ change: (inout SimulatorSettings) -> Void = { _ in }, _ body: (Simulator) throws -> T
) throws -> T {
    var settings = SimulatorSettings()
    settings.accounts = [("dock7", "secret")]
    change(&settings)
    let simulator = try Simulator(settings)
    defer { simulator.stop() }
    return try body(simulator)
}

extension RawHTTP.Answer {
    /// The body as JSON, or null.
    var json: JSONValue { (try? JSONValue.parse(body)) ?? .null }
    /// The web contract's message.
    var message: String { json["message"]?.string ?? "" }
    /// The token that a page carries.
    var token: String {
        guard let lead = text.firstRange(of: "name=\"csrf-token\" content=\"") else { return "" }
        return String(text[lead.upperBound...].prefix { $0 != "\"" })
    }
}

/// One cookie jar, as a gateway's lane has it.
final class Browser {
    let http: RawHTTP
    var cookies: [String: String] = [:]
    var token = ""

    init(_ simulator: Simulator) throws { http = try RawHTTP(port: simulator.port) }

    init(port: Int) throws { http = try RawHTTP(port: port) }

    func get(_ path: String) throws -> RawHTTP.Answer { try send("GET", path, [], []) }

    func post(_ path: String, form: String, id: String? = nil) throws -> RawHTTP.Answer {
        try send("POST", path, [("Content-Type", "application/x-www-form-urlencoded")], Array(form.utf8), id)
    }

    func post(_ path: String, json: String) throws -> RawHTTP.Answer {
        try send("POST", path, [("Content-Type", "application/json")], Array(json.utf8))
    }

    @discardableResult
    func login(_ username: String = "dock7", _ password: String = "secret") throws -> RawHTTP.Answer {
        token = try get("/login").token
        let answer = try post("/login", form: "username=\(username)&password=\(password)&csrf_token=\(token)")
        if answer.status == 302 { token = try get("/scan/parent").token }
        return answer
    }

    func parent(_ label: String, id: String? = nil) throws -> RawHTTP.Answer {
        try post("/api/fast_parent_scan", form: "qr_code=\(label)", id: id)
    }

    func child(_ label: String) throws -> RawHTTP.Answer {
        try post("/process_child_scan_fast", form: "qr_code=\(label)")
    }

    private func send(
        _ method: String, _ path: String, _ headers: [(String, String)], _ body: [UInt8], _ id: String? = nil
    ) throws -> RawHTTP.Answer {
        var headers = headers
        if !cookies.isEmpty {
            headers.append(("Cookie", cookies.sorted { $0.key < $1.key }.map { "\($0)=\($1)" }.joined(separator: "; ")))
        }
        if method == "POST" { headers.append(("X-CSRFToken", token)) }
        if let id { headers.append(("X-Request-ID", id)) }
        let answer = try http.request(method, path, headers: headers, body: body)
        for cookie in answer.all("set-cookie") {
            let parts = cookie.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { cookies[String(parts[0])] = String(parts[1]) }
        }
        return answer
    }
}
