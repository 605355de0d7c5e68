internal import HTTPClient
internal import JSON
internal import Model

/// What an answer of tracetrack-web means for the scan that was posted, or for the parent that was posted for it.
enum WebAnswer: Equatable {
    case accepted(text: String, childCount: Int?)
    case duplicate(text: String)
    case rejected(String)
    /// The backend says what nobody understands; kept with the reply.
    case held(String)
    /// No word of the backend's: a portal's page, or a proxy's. Whether the backend has acted is not known.
    case foreign(String)
    /// Refused since the bag is full, but an earlier answer was lost: it may be this very child that filled it.
    case probablyAccepted(String)
    /// Not judged: log in and send it again.
    case sessionLost(String)
    /// Not judged: send it again later. `ambiguous` where the backend may have acted on it all the same.
    case retry(String, after: Duration?, ambiguous: Bool)
    /// Too many requests.
    case slowDown(String, after: Duration?)
    /// The backend put it elsewhere: nothing more of this lane until a person has looked.
    case mismatch(String)
    /// The attempt was given up before anything was sent.
    case cancelled
}

/// The answer tables of tracetrack-web, as pure functions over the response and what was meant by the request.
enum WebTable {
    /// The answer to a post of the parent `parent`.
    static func parent(_ response: HTTPResponse, parent: String, loginPath: String, backendMs: Int64) -> WebAnswer {
        if let answer = common(response, loginPath, backendMs) { return answer }
        let reply = Reply(response)
        switch response.status {
        case 200 where reply.success == true: return placed(reply, parent)
        case 200 where reply.success == false && isSessionLost(reply, Words(reply.message, label: parent)):
            return .sessionLost(reply.message)
        case 400 where reply.success == false:
            let words = Words(reply.message, label: parent)
            let isFinal =
                reply.json?["show_popup"]?.bool == true || words.say("is a child bag, not a parent bag")
                || words.say("No QR code provided")
            return isFinal ? .rejected(reply.text) : unknown(response)
        default: return unknown(response)
        }
    }

    /// The answer to a post of the child `label` of the parent `parent`.
    ///
    /// - Parameter answerLost: an earlier post of this child may have been acted on.
    static func child(
        _ response: HTTPResponse, label: String, parent: String, answerLost: Bool, loginPath: String, backendMs: Int64
    ) -> WebAnswer {
        if let answer = common(response, loginPath, backendMs) { return answer }
        let reply = Reply(response)
        guard response.status == 200 || response.status == 400, let success = reply.success else {
            return unknown(response)
        }
        if success { return response.status == 200 ? placed(reply, parent) : unknown(response) }
        let words = Words(reply.message, label: label)
        if let place = words.linkedTo {
            // Without a name it is this parent: the backend compares before it says so.
            if place.isEmpty || normal(place) == normal(parent) { return .duplicate(text: reply.text) }
            return .rejected(reply.text)
        }
        if words.say("already a parent bag") || words.say("already registered as a parent bag") {
            return .rejected(reply.text)
        }
        if isSessionLost(reply, words) { return .sessionLost(reply.message) }
        if words.say("Parent bag is full") || words.say("Maximum 30 child bags") || words.say("already completed (") {
            return answerLost ? .probablyAccepted(reply.text) : .rejected(reply.text)
        }
        if words.say("Database connection error") || words.say("Error processing scan") {
            return .retry(reply.text, after: nil, ambiguous: false)
        }
        return unknown(response)
    }

    /// The answer to a request that got no response.
    static func failure(_ error: HTTPClientError) -> WebAnswer {
        switch error.code {
        case .tooLarge: .foreign("the answer was over its bound: \(Safe.text(error.description))")
        case .cancelled where !error.requestMayHaveBeenSent, .closed: .cancelled
        default: .retry(error.description, after: nil, ambiguous: error.requestMayHaveBeenSent)
        }
    }

    /// Labels compare as the backend stores them: trimmed, upper case.
    static func normal(_ label: String) -> String {
        var rest = Substring(label)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest.uppercased()
    }

    /// Whether a redirect leads to the login page.
    static func leadsToLogin(_ response: HTTPResponse, _ loginPath: String) -> Bool {
        guard (300..<400).contains(response.status), let location = response.headers["Location"] else { return false }
        return path(of: location) == loginPath
    }

    /// The path of a Location, absolute or not, without query.
    static func path(of location: String) -> String {
        var rest = Substring(location)
        if let scheme = rest.firstRange(of: "://") {
            rest = rest[scheme.upperBound...]
            rest = rest.firstIndex(of: "/").map { rest[$0...] } ?? "/"
        }
        return String(rest.prefix { $0 != "?" && $0 != "#" })
    }

    // The rows that parent and child have in common; nil where the body decides.
    private static func common(_ response: HTTPResponse, _ loginPath: String, _ backendMs: Int64) -> WebAnswer? {
        let after = HTTPDate.retryAfter(response.headers["Retry-After"], nowMs: backendMs)
        let reply = Reply(response)
        let line = "answered \(response.status): \(reply.text)"
        switch response.status {
        case 401: return .sessionLost(line)
        case 300..<400 where leadsToLogin(response, loginPath): return .sessionLost("the session has expired")
        case 400 where Words(reply.message, label: "").say("Security token expired"): return .sessionLost(reply.message)
        // Flask-WTF's own page, where no handler turns it into JSON.
        case 400 where reply.json == nil && reply.text.lowercased().contains("csrf"): return .sessionLost(line)
        case 429: return .slowDown(line, after: after)
        // 502 and 504 come from a proxy that had handed the request on: its outcome is unknown.
        case 502, 504: return .retry(line, after: after, ambiguous: true)
        // Older versions turn a 429 into it.
        case 500 where reply.json == nil: return .slowDown(line, after: after)
        case 500..<600: return .retry(line, after: after, ambiguous: false)
        default: return nil
        }
    }

    // A success: the backend must have put it where it was meant to go.
    private static func placed(_ reply: Reply, _ parent: String) -> WebAnswer {
        guard let place = reply.json?["parent_qr"]?.string else {
            return .held("success, but it does not say for which parent: \(reply.text)")
        }
        guard normal(place) == normal(parent) else {
            return .mismatch(
                "meant for \(Safe.text(parent)), but the backend put it into \(Safe.text(place)): \(reply.text)")
        }
        return .accepted(text: reply.text, childCount: reply.json?["child_count"]?.integer.flatMap { Int(exactly: $0) })
    }

    private static func isSessionLost(_ reply: Reply, _ words: Words) -> Bool {
        if reply.json?["clear_parent"]?.bool == true { return true }
        if ["No parent bag selected", "Session expired", "Not authenticated"].contains(where: words.say) {
            return true
        }
        return words.say("Parent bag") && words.say("not found")
            && (words.say("session expired") || words.say("session has expired"))
    }

    private static func unknown(_ response: HTTPResponse) -> WebAnswer {
        var text = "unknown answer \(response.status)"
        if let location = response.headers["Location"] { text += " to \(Safe.text(location))" }
        text += ": \(Safe.text(response.body, limit: 300))"
        return Reply(response).success == nil ? .foreign(text) : .held(text)
    }

    private struct Reply {
        let json: JSONValue?
        let success: Bool?
        let message: String
        /// For people: escaped and bounded.
        let text: String

        init(_ response: HTTPResponse) {
            // Only an object is a reply; a bare word that happens to be JSON is not.
            let value = try? JSONValue.parse(response.body)
            json = value?.object == nil ? nil : value
            success = json?["success"]?.bool
            message = json?["message"]?.string ?? json?["error"]?.string ?? ""
            text = message.isEmpty ? Safe.text(response.body, limit: 300) : Safe.text(message, limit: 300)
        }
    }
}

/// A message in lower case, without the label that was scanned: its own words must not decide.
///
/// The contract's phrases are looked for anywhere in it, between words, since versions of the backend put other words
/// in front of them; a phrase behind "not" says the opposite, and does not count.
struct Words {
    /// What is left of the message.
    let lower: String

    init(_ message: String, label: String) {
        let (lower, label) = (message.lowercased(), WebTable.normal(label).lowercased())
        guard !label.isEmpty, let place = Self.place(of: label, in: lower) else {
            self.lower = lower
            return
        }
        self.lower = String(lower[..<place.lowerBound]) + String(lower[place.upperBound...])
    }

    /// Whether the message says so, without regard to case.
    func say(_ text: String) -> Bool {
        guard let place = Self.place(of: text.lowercased(), in: lower) else { return false }
        return !isDenied(place.lowerBound)
    }

    /// Where the child is linked already: a parent's name, or empty for "this parent"; nil where that is not said.
    var linkedTo: String? {
        guard let place = Self.place(of: "already linked to", in: lower), !isDenied(place.lowerBound) else {
            return nil
        }
        var rest = lower[place.upperBound...].drop { $0 == " " }
        if rest.hasPrefix("this parent") { return "" }
        guard rest.hasPrefix("parent") else { return nil }
        rest = rest.dropFirst("parent".count).drop { $0 == " " }
        let isNamed = rest.hasPrefix("bag ")
        if isNamed { rest = rest.dropFirst(4) }
        let name = rest.prefix { !" .,:;!)".contains($0) }
        // Anything but a bag's label is the rest of a sentence.
        return isNamed || name.hasPrefix("sb") ? String(name) : ""
    }

    private func isDenied(_ start: String.Index) -> Bool {
        lower[..<start].split(separator: " ").last == "not"
    }

    // The first place where the text stands between words: "SB1" is not in "SB12 is …".
    private static func place(of text: String, in whole: String) -> Range<String.Index>? {
        var from = whole.startIndex
        while let found = whole[from...].firstRange(of: text) {
            let isWord: (Character) -> Bool = { $0.isLetter || $0.isNumber }
            let opens = found.lowerBound == whole.startIndex || !isWord(whole[whole.index(before: found.lowerBound)])
            let closes = found.upperBound == whole.endIndex || !isWord(whole[found.upperBound])
            if opens && (closes || text.last.map(isWord) == false) { return found }
            from = whole.index(after: found.lowerBound)
        }
        return nil
    }
}
