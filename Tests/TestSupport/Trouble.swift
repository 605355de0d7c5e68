/// What a network between two programs does to them.
public enum Trouble: Sendable, Equatable, CaseIterable {
    /// Everything goes through as it is.
    case none
    /// Each connection is reset, also those that stand.
    case reset
    /// Each piece comes 150 ms late.
    case delay
    /// Sixteen bytes at a time.
    case trickle
    /// Half of a request's piece goes through, then both sides are reset.
    case cutRequest
    /// Half of an answer's piece goes through, then both sides are reset.
    case cutAnswer
    /// A request goes through; instead of its answer the connection is closed.
    case loseAnswer
    /// A request goes through; the way back is closed before its answer, the way there stays open.
    case halfClose
    /// Nothing goes through, and the connection stands.
    case stall
    /// Requests go through; no answer does, and the connection stands.
    case stallAnswers
    /// One bit in each piece of a request is another.
    case corruptRequest
    /// One bit in each piece of an answer is another.
    case corruptAnswer
    /// A page with status 200 instead of the other end.
    case portalPage
    /// A redirect to a login page, and that page.
    case portalRedirect
    /// "Network Authentication Required" (RFC 6585).
    case portal511

    /// What a portal answers a request, to be followed by the end of the connection; nil where this is no portal.
    var page: String? {
        let body = "<html><head><title>Guest WiFi</title></head><body>{\"success\": true} Please sign in</body></html>"
        let head: String
        switch self {
        case .portalPage: head = "200 OK\r\nContent-Type: text/html"
        case .portalRedirect: head = "302 Found\r\nLocation: /login?next=portal\r\nContent-Type: text/html"
        case .portal511: head = "511 Network Authentication Required\r\nContent-Type: text/html"
        default: return nil
        }
        return "HTTP/1.1 \(head)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)"
    }

    /// Whether it stands between them and answers itself.
    public var isPortal: Bool { page != nil }
}
