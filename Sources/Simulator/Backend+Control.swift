internal import HTTPServer
internal import JSON
internal import Model

/// The control URL: `/sim/…`, JSON both ways, from this machine only.
extension Backend {
    /// The answer to a request under `/sim/`.
    func control(_ request: ServerRequest) -> ServerResponse {
        // To anybody else the path does not exist.
        guard request.client.hasPrefix("127.") || request.client == "::1" else { return Page.error(404, "Not Found") }
        do {
            let body: JSONValue = request.body.isEmpty ? .object([]) : try JSONValue.parse(request.body)
            return .json(200, try control(request, String(request.path.dropFirst("/sim/".count)), body))
        } catch let error as JSONError {
            // Keys may come as JSON lines, as `scangate device export --json` prints them.
            guard request.path == "/sim/keys" else { return trouble(400, error.description) }
            do { return .json(200, try addKeyLines(request.body)) } catch { return trouble(400, "\(error)") }
        } catch let error as SimulatorError {
            return trouble(error.description == Self.unknownPath ? 404 : 400, error.description)
        } catch {
            return trouble(500, "\(error)")
        }
    }

    private static let unknownPath = "no such path or method under /sim/; see tracetrack-sim --help"

    private func control(_ request: ServerRequest, _ path: String, _ body: JSONValue) throws -> [UInt8] {
        switch (request.method, path) {
        case ("GET", "state"): return try stateJSON()
        case ("GET", "links"): return try linksJSON(parent: request.parameter("parent"))
        case ("GET", "scans"):
            let after = request.parameter("after").flatMap(Int64.init) ?? 0
            let limit = request.parameter("limit").flatMap(Int.init) ?? 1000
            return try scansJSON(after: after, limit: min(max(limit, 1), 10_000))
        case ("GET", "acceptances"): return try acceptancesJSON()
        case ("GET", "faults"): return faultsJSON()
        case ("POST", "faults"):
            guard let id = faults.add(try fault(body)) else { throw SimulatorError("too many faults are set") }
            return json { $0.member("id", id) }
        case ("DELETE", "faults"):
            faults.remove(request.parameter("id").flatMap(Int.init))
            return faultsJSON()
        case ("GET", "clock"): return clockJSON()
        case ("POST", "clock"):
            guard let ms = body["advance_ms"]?.integer else {
                throw SimulatorError("\"advance_ms\" must be an integer")
            }
            try store.moveClock(byMs: ms)
            return clockJSON()
        case ("POST", "accounts"):
            try addAccount(try text(body, "username"), password: try text(body, "password"))
            return json { $0.member("ok", true) }
        case ("POST", "keys"):
            for key in body.array ?? [body] { try addDeviceKey(DeviceKey(json: key)) }
            return json { $0.member("added", body.array?.count ?? 1) }
        case ("POST", "keys/revoke"), ("POST", "keys/disable"), ("POST", "keys/enable"):
            let state = ["keys/revoke": "revoked", "keys/disable": "disabled"][path] ?? "active"
            guard try setDeviceKey(kid: try text(body, "kid"), state: state) else {
                throw SimulatorError("no such key is registered")
            }
            return json { $0.member("state", state) }
        case ("POST", "gateway-keys"):
            guard let key = Base64URL.decode(try text(body, "key")), !key.isEmpty else {
                throw SimulatorError("\"key\" must be base64url without padding")
            }
            let id = try addGatewayKey(gateway: try text(body, "gateway"), key: key)
            return json { $0.member("keyid", id) }
        case ("POST", "bearers"):
            try addBearer(gateway: try text(body, "gateway"), token: try text(body, "token"))
            return json { $0.member("ok", true) }
        case ("POST", "settings"): return try change(body)
        case ("GET", "settings"): return settingsJSON()
        case ("POST", "sessions/expire"):
            try store.expireSessions()
            return json { $0.member("ok", true) }
        case ("POST", "bags/forget"):
            try bags.forget(try text(body, "label"))
            return json { $0.member("ok", true) }
        default: throw SimulatorError(Self.unknownPath)
        }
    }

    private func addKeyLines(_ bytes: [UInt8]) throws -> [UInt8] {
        let lines = bytes.split(separator: 10)
        for line in lines { try addDeviceKey(DeviceKey(json: try JSONValue.parse(Array(line)))) }
        return json { $0.member("added", lines.count) }
    }

    private func fault(_ body: JSONValue) throws -> Fault {
        guard let kind = Fault.Kind(rawValue: try text(body, "kind")) else {
            let kinds = Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw SimulatorError("\"kind\" must be one of \(kinds)")
        }
        var fault = Fault(kind)
        fault.path = body["path"]?.string
        fault.contract = body["contract"]?.string.flatMap(SimulatorSettings.Contract.init)
        fault.count = body["count"]?.integer.map { Int(clamping: max($0, 1)) }
        switch body["probability"] {
        case .real(let share): fault.probability = share
        case .integer(let share): fault.probability = Double(share)
        default: break
        }
        fault.seed = UInt64(bitPattern: body["seed"]?.integer ?? 1)
        fault.ms = min(max(body["ms"]?.integer ?? 0, 0), 3_600_000)
        fault.status = Int(clamping: body["status"]?.integer ?? 500)
        fault.retryAfter = body["retry_after"]?.string ?? body["retry_after"]?.integer.map(String.init)
        guard (200...599).contains(fault.status) else { throw SimulatorError("\"status\" must be 200 to 599") }
        return fault
    }

    private func change(_ body: JSONValue) throws -> [UInt8] {
        if let name = body["variant"]?.string {
            guard let variant = WebVariant.named(name) else { throw SimulatorError("\"variant\" must be R1, R2 or R3") }
            settings.variant = variant
        }
        if let name = body["contract"]?.string {
            guard let contract = SimulatorSettings.Contract(rawValue: name) else {
                throw SimulatorError("\"contract\" must be web, devices or both")
            }
            settings.contract = contract
        }
        if let name = body["authentication"]?.string {
            guard let how = SimulatorSettings.DeviceAuthentication(rawValue: name) else {
                throw SimulatorError("\"authentication\" must be none, signature or bearer")
            }
            settings.authentication = how
        }
        if let value = body["csrf"]?.bool { settings.variant.wantsTokenOnScans = value }
        if let value = body["cookie_name"]?.string { settings.variant.cookieName = value }
        if let value = body["strict_child_labels"]?.bool { settings.variant.hasStrictChildLabels = value }
        if let value = body["session_in_cookie"]?.bool { settings.variant.keepsSessionInCookie = value }
        if let value = body["rate_limit_as_500"]?.bool { settings.variant.hidesRateLimit = value }
        if let value = body["full_first"]?.bool { settings.variant.tellsFullFirst = value }
        if let value = body["logins_per_hour"] { settings.limits.loginsPerHour = value.integer.map { Int($0) } }
        if let value = body["requests_per_minute"] { settings.limits.requestsPerMinute = value.integer.map { Int($0) } }
        if let value = body["requests_per_hour"] { settings.limits.requestsPerHour = value.integer.map { Int($0) } }
        if let value = body["requests_per_day"] { settings.limits.requestsPerDay = value.integer.map { Int($0) } }
        return settingsJSON()
    }

    private func text(_ body: JSONValue, _ name: String) throws -> String {
        guard let text = body[name]?.string, !text.isEmpty else { throw SimulatorError("\"\(name)\" must be a string") }
        return text
    }

    private func trouble(_ status: Int, _ message: String) -> ServerResponse {
        .json(status, json { $0.member("error", message) })
    }
}
