internal import Crypto
internal import Database
internal import Model

/// One browser's session: in its cookie, or on the server under a random id.
struct WebSession {
    /// Seconds since login after which a session ends, whatever was done in it.
    static let absoluteMs: Int64 = 3600 * 1000
    /// Seconds without a request after which it ends.
    static let idleMs: Int64 = 1800 * 1000

    /// The id, where sessions are on the server.
    var sid = Hex.encode(SecretBytes.random(16))
    /// Who is logged in; empty for nobody.
    var username = ""
    /// The session's CSRF token.
    var token = Hex.encode(SecretBytes.random(20))
    var loginMs: Int64 = 0
    var lastMs: Int64 = 0
    var generation: Int64 = 0
    /// The session's current parent, or empty.
    var parent = ""

    func isExpired(nowMs: Int64, generation: Int64) -> Bool {
        !username.isEmpty
            && (nowMs - loginMs > Self.absoluteMs || nowMs - lastMs > Self.idleMs || self.generation != generation)
    }

    /// The state as one text; every field is escaped, so that the separator cannot be in it.
    fileprivate var text: String {
        [username, token, String(loginMs), String(lastMs), String(generation), parent].map {
            Base64URL.encode(Array($0.utf8))
        }.joined(separator: ".")
    }

    fileprivate init?(sid: String, text: String) {
        let fields = text.split(separator: ".", omittingEmptySubsequences: false).compactMap {
            Base64URL.decode(String($0)).map { String(decoding: $0, as: UTF8.self) }
        }
        guard fields.count == 6, let loginMs = Int64(fields[2]), let lastMs = Int64(fields[3]),
            let generation = Int64(fields[4])
        else { return nil }
        self.sid = sid
        username = fields[0]
        token = fields[1]
        self.loginMs = loginMs
        self.lastMs = lastMs
        self.generation = generation
        parent = fields[5]
    }

    init() {}
}

/// Where sessions are kept, by the variant.
struct SessionStore {
    let store: Store
    let variant: WebVariant

    /// The session of the request's cookie; nil where there is none, or a forged one.
    func load(cookies: String) throws -> WebSession? {
        let lead = variant.cookieName + "="
        // The last one wins: a client that keeps cookies of several paths sends the oldest first.
        let value = cookies.split(separator: ";").map { $0.drop { $0 == " " } }.last { $0.hasPrefix(lead) }
        guard let value = value?.dropFirst(lead.count) else { return nil }
        guard variant.keepsSessionInCookie else {
            let sid = String(value)
            let state = try store.connection.first("SELECT state FROM session WHERE sid = ?", .text(sid)) { $0.text(0) }
            return state.flatMap { WebSession(sid: sid, text: $0) }
        }
        guard let dot = value.lastIndex(of: "."),
            let code = Base64URL.decode(String(value[value.index(after: dot)...])),
            store.secret.isValid(code, for: Array(value[..<dot].utf8))
        else { return nil }
        return WebSession(sid: "", text: String(value[..<dot]))
    }

    /// Keeps the session; returns the cookie's value.
    func save(_ session: WebSession) throws -> String {
        let text = session.text
        guard variant.keepsSessionInCookie else {
            try store.forgetOld("session")
            try store.connection.run(
                "INSERT OR REPLACE INTO session(sid, state, at_ms) VALUES(?, ?, ?)", .text(session.sid), .text(text),
                .integer(store.nowMs))
            return session.sid
        }
        return text + "." + Base64URL.encode(store.secret.authenticate(Array(text.utf8)))
    }
}
