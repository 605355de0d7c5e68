internal import Crypto
internal import Database
internal import HTTPServer
internal import JSON

/// Contract `tracetrack-web`: sessions, pages and login.
extension Backend {
    /// How long an account is locked after five wrong passwords.
    private static let lockMs: Int64 = 15 * 60 * 1000

    func answerWeb(_ request: ServerRequest, fault: Fault?) throws -> ServerResponse {
        if request.path == "/health" { return health(request, fault) }
        let sessions = SessionStore(store: store, variant: settings.variant)
        var session = try sessions.load(cookies: request.header("cookie") ?? "") ?? WebSession()
        var response = try answerWeb(request, fault: fault, session: &session)
        session.lastMs = store.nowMs
        // The real one is marked by configuration; over plain http a correct client never sends such a cookie back.
        let secure = request.isSecure || settings.marksCookiesSecure ? "; Secure" : ""
        let value = try sessions.save(session)
        response.headers.append(
            ("Set-Cookie", "\(settings.variant.cookieName)=\(value); HttpOnly\(secure); Path=/; SameSite=Lax"))
        return response
    }

    private func answerWeb(_ request: ServerRequest, fault: Fault?, session: inout WebSession) throws
        -> ServerResponse
    {
        if limiter.isOver(settings.limits, client: request.client, path: request.path, nowMs: store.nowMs) {
            return limited()
        }
        let isGone = session.isExpired(nowMs: store.nowMs, generation: store.generation) || fault?.kind == .expire
        if isGone {
            let sid = session.sid
            session = WebSession()
            session.sid = sid
            store.count("expired")
            if request.path != "/login" { return redirect("/login") }
        }
        let wantsToken = request.method == "POST" && (settings.variant.wantsTokenOnScans || request.path == "/login")
        if wantsToken, !hasToken(request, session) { return tokenRefused(request) }
        switch (request.method, request.path) {
        case ("GET", "/login"): return Page.login(token: session.token, message: "Please log in")
        case ("POST", "/login"): return try login(request, &session)
        case ("GET", "/"): return redirect(session.username.isEmpty ? "/login" : "/dashboard")
        case ("GET", "/logout"):
            session = WebSession()
            return redirect("/login")
        case ("GET", "/dashboard"), ("GET", "/scan/parent"), ("GET", "/scan/child"):
            guard !session.username.isEmpty else { return redirect("/login") }
            return Page.plain(200, title: "TraceTrack", "Ready to scan", token: session.token)
        case ("POST", "/api/fast_parent_scan"): return try scanParent(request, fault, &session)
        case ("POST", "/process_child_scan_fast"): return try scanChild(request, fault, &session)
        case ("POST", "/api/unlink_child"): return try unlinkChild(request, &session)
        case ("GET", let path) where path.hasPrefix("/api/parent-children/"):
            guard !session.username.isEmpty else { return redirect("/login") }
            return try children(of: String(path.dropFirst("/api/parent-children/".count)))
        default:
            let known = ["/login", "/api/fast_parent_scan", "/process_child_scan_fast", "/api/unlink_child"]
            return known.contains(request.path)
                ? Page.error(405, "Method Not Allowed") : Page.error(404, "Not Found")
        }
    }

    private func redirect(_ place: String) -> ServerResponse {
        ServerResponse(
            status: 302, headers: [("Location", place), ("Content-Type", "text/html; charset=utf-8")],
            body: Array("<!doctype html>\n<title>Redirecting...</title>\n<a href=\"\(place)\">\(place)</a>\n".utf8))
    }

    private func health(_ request: ServerRequest, _ fault: Fault?) -> ServerResponse {
        guard request.parameter("check_db") == "true", fault?.kind == .databaseError else {
            return .json(200, json { $0.member("status", "healthy") })
        }
        return .json(503, json { $0.member("status", "unhealthy") })
    }

    private func hasToken(_ request: ServerRequest, _ session: WebSession) -> Bool {
        let sent =
            request.header("x-csrftoken") ?? request.header("x-csrf-token") ?? request.field("csrf_token") ?? ""
        return ConstantTime.equal(Array(sent.utf8), Array(session.token.utf8))
    }

    private func tokenRefused(_ request: ServerRequest) -> ServerResponse {
        store.count("token_refused")
        guard request.path != "/login" else { return Page.error(400, "The CSRF token is missing.") }
        return .json(
            400,
            json {
                $0.member("success", false)
                $0.member("message", "Security token expired. Please refresh the page and try again.")
                $0.member("error_code", "CSRF_ERROR")
                $0.member("request_id", request.header("x-request-id") ?? "")
            })
    }

    /// Success is 302 to the dashboard; everything else is the login page again, with 200.
    private func login(_ request: ServerRequest, _ session: inout WebSession) throws -> ServerResponse {
        let username = request.field("username") ?? ""
        let account = try store.connection.first(
            "SELECT password, failures, locked_until_ms FROM account WHERE username = ?", .text(username)
        ) { (password: $0.text(0), failures: $0.integer(1), lockedUntilMs: $0.integer(2)) }
        let now = store.nowMs
        guard let account, now >= account.lockedUntilMs,
            ConstantTime.equal(Array((request.field("password") ?? "").utf8), Array(account.password.utf8))
        else {
            store.count("login_failures")
            let message: String
            if let account, now < account.lockedUntilMs {
                message = "Account is locked. Please try again later."
            } else {
                message = "Invalid username or password."
                let failures = (account?.failures ?? 0) + 1
                // The fifth failure locks; the count begins anew when the lock is over.
                try store.connection.run(
                    "UPDATE account SET failures = ?, locked_until_ms = ? WHERE username = ?",
                    .integer(failures % 5), .integer(failures == 5 ? now + Self.lockMs : 0), .text(username))
            }
            return Page.login(token: session.token, message: message)
        }
        try store.connection.run(
            "UPDATE account SET failures = 0, locked_until_ms = 0 WHERE username = ?", .text(username))
        store.count("logins")
        session = WebSession()
        session.username = username
        session.loginMs = now
        session.generation = store.generation
        return redirect("/dashboard")
    }
}
