internal import Crypto
internal import HTTPClient
internal import Model
internal import Posix

/// The requests of one session of tracetrack-web, one after another over one cookie jar. Knows no lanes.
struct WebClient: Sendable {
    /// What a login came to.
    enum Login: Equatable {
        case done(token: String)
        /// The backend said no: wrong password, locked, or no token taken.
        case refused(String)
        /// It was not answered, or not in a way that says anything of the account.
        case failed(String, Failure)
        case cancelled
    }

    /// How a login failed that nobody refused.
    struct Failure: Equatable {
        /// What the backend asks to wait.
        var after: Duration?
        /// Whether an answer came at all.
        var isAnswered: Bool
        /// Whether it is too many requests, and no trouble of the site.
        var isTooMany = false
        /// Requests to the login page that never went out, of the two that were taken from the budget.
        var unsent = 0
    }

    private static let html = [(name: "Accept", value: "text/html,application/json")]

    let settings: UplinkSettings
    let account: UplinkSettings.Account
    let target: Target
    let policy: HTTPPolicy
    let client: HTTPClient
    let jar: CookieJar
    let time: TimeSource
    let requests: RequestBudget

    /// The children of a bag, as the backend's page has them.
    func children(of parent: String) async -> Result<HTTPResponse, HTTPClientError> {
        requests.note(nowNs: time.now().uptimeNs)
        // A label as the backend stores it; anything else is escaped, since it comes from a scan.
        return await send(
            .get, "\(settings.paths.children)/\(PathText.encode(WebTable.normal(parent)))",
            [("Accept", "application/json")])
    }

    /// One scan's post. Never called again before it has returned: two requests on one jar would race for the
    /// session's current parent.
    func post(_ path: String, label: String, id: UUID, token: String) async -> Result<HTTPResponse, HTTPClientError> {
        await send(
            .post, path,
            [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json"),
                ("X-Request-ID", id.description), ("X-CSRFToken", token), ("Referer", target.base + "/"),
            ], FormBody.encode([("qr_code", label)]))
    }

    /// The same account with a cookie jar of its own.
    func inNewSession() -> WebClient {
        WebClient(
            settings: settings, account: account, target: target, policy: policy, client: client,
            jar: client.makeCookieJar([]), time: time, requests: requests)
    }

    /// A digest of the password as its file has it now; empty where it cannot be read.
    func passwordDigest() -> [UInt8] {
        let password = try? Credential.firstLine(of: account.passwordFile, "password_file", settings.name)
        return password.map { SHA256.digest(Array($0.utf8)) } ?? []
    }

    /// The whole login: the page with its token, the form, and a page of the new session with its token.
    func login() async -> Login {
        let password: String
        do {
            password = try Credential.firstLine(of: account.passwordFile, "auth.accounts.password_file", settings.name)
        } catch { return .refused(error.description) }
        let page: HTTPResponse
        switch await send(.get, settings.paths.login, Self.html) {
        case .success(let response): page = response
        case .failure(let error): return Self.unasked(error, unsent: error.requestMayHaveBeenSent ? 1 : 2)
        }
        let formToken = WebPage.token(in: page.body) ?? ""
        // A page that leads elsewhere takes the cookies for a session that stands.
        if (300..<400).contains(page.status), !WebTable.leadsToLogin(page, settings.paths.login) {
            return await readToken(page.headers["Location"], fallback: "")
        }
        guard page.status == 200 else { return unexpected("the login page", page) }
        guard Self.asksForPassword(page) else {
            return foreign("the login page", Failure(isAnswered: false, unsent: 1))
        }
        let form = FormBody.encode([
            ("username", account.username), ("password", password), ("csrf_token", formToken),
        ])
        let headers =
            Self.html + [
                ("Content-Type", "application/x-www-form-urlencoded"), ("X-CSRFToken", formToken),
                ("Referer", target.base + settings.paths.login),
            ]
        switch await send(.post, settings.paths.login, headers, form) {
        case .failure(let error): return Self.unasked(error, unsent: error.requestMayHaveBeenSent ? 0 : 1)
        case .success(let answer):
            if (300..<400).contains(answer.status), !WebTable.leadsToLogin(answer, settings.paths.login) {
                return await readToken(answer.headers["Location"], fallback: formToken)
            }
            // A wrong password gets the login page once more.
            if answer.status == 200, !Self.asksForPassword(answer) {
                return foreign("the login", Failure(isAnswered: true))
            }
            return unexpected("the login", answer)
        }
    }

    private static func asksForPassword(_ page: HTTPResponse) -> Bool {
        String(decoding: page.body, as: UTF8.self).lowercased().contains("password")
    }

    private func foreign(_ what: String, _ failure: Failure) -> Login {
        .failed(
            "\(place): \(what) was answered with a page that asks for no password; a captive portal or a proxy may answer "
                + "in the backend's place, else check url and paths.login", failure)
    }

    /// Reads the token of the session from a page; `refused` where the page leads to the login.
    ///
    /// - Parameter fallback: the token where no page has one: versions that exempt the posts.
    func readToken(_ location: String?, fallback: String) async -> Login {
        var paths = ["/scan/parent", "/dashboard"]
        if let location {
            let path = WebTable.path(of: location)
            if path.hasPrefix("/"), !paths.contains(path) { paths.insert(path, at: 0) }
        }
        for path in paths {
            requests.note(nowNs: time.now().uptimeNs)
            switch await send(.get, path, Self.html) {
            case .failure(let error): return Self.unasked(error, unsent: 0)
            case .success(let page):
                if page.status == 401 || WebTable.leadsToLogin(page, settings.paths.login) {
                    return .refused("\(place): the session does not last: \(path) leads to the login page")
                }
                if page.status == 429 || page.status >= 500 { return unexpected(path, page) }
                if page.status == 200, let token = WebPage.token(in: page.body) { return .done(token: token) }
            }
        }
        return .done(token: fallback)
    }

    private var place: String { "\(settings.name) (\(target.authority)), account \(Safe.text(account.username))" }

    private func unexpected(_ what: String, _ response: HTTPResponse) -> Login {
        let line = "\(place): \(what) was answered \(response.status)"
        if response.status == 429 || response.status >= 500 {
            let now = HTTPDate.parse(response.headers["Date"] ?? "") ?? time.now().wallMs
            let after = HTTPDate.retryAfter(response.headers["Retry-After"], nowMs: now)
            return .failed(line, Failure(after: after, isAnswered: true, isTooMany: response.status == 429))
        }
        return .refused(
            "\(line), not with a redirect to a page; check the password file, whether the account is locked (15 min), "
                + "and url and paths.login")
    }

    private static func unasked(_ error: HTTPClientError, unsent: Int) -> Login {
        error.code == .cancelled || error.code == .closed
            ? .cancelled : .failed(error.description, Failure(isAnswered: false, unsent: unsent))
    }

    private func send(
        _ method: HTTPRequest.Method, _ path: String, _ headers: [(name: String, value: String)], _ body: [UInt8] = []
    ) async -> Result<HTTPResponse, HTTPClientError> {
        // mayRepeat is false: each post of a parent is a scan row.
        let request = HTTPRequest(
            method, target.base + path, headers: headers, body: body, policy: policy, jar: jar,
            mayRepeat: method == .get)
        do throws(HTTPClientError) { return .success(try await client.send(request)) } catch { return .failure(error) }
    }
}

/// One segment of a URL's path (RFC 3986, section 2.3).
enum PathText {
    static func encode(_ text: String) -> String {
        var out: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.append(byte)
            default:
                out.append(UInt8(ascii: "%"))
                out += Hex.encode([byte]).uppercased().utf8
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

/// `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
enum FormBody {
    static func encode(_ fields: [(name: String, value: String)]) -> [UInt8] {
        var out: [UInt8] = []
        for (index, field) in fields.enumerated() {
            if index > 0 { out.append(UInt8(ascii: "&")) }
            append(field.name, to: &out)
            out.append(UInt8(ascii: "="))
            append(field.value, to: &out)
        }
        return out
    }

    private static func append(_ text: String, to out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122, 42, 45, 46, 95: out.append(byte)
            case 32: out.append(UInt8(ascii: "+"))
            default:
                out.append(UInt8(ascii: "%"))
                out += Hex.encode([byte]).uppercased().utf8
            }
        }
    }
}
