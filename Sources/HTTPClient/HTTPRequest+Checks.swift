extension HTTPRequest {
    /// Scheme, host and port, for messages: never the path, which may hold something secret.
    var place: String {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count >= 3 else { return url }
        let authority = parts[2].split(separator: "@").last.map(String.init) ?? ""
        return "\(parts[0])//\(authority)"
    }

    /// The host without port and brackets.
    var host: String {
        var authority = Substring(place)
        if let scheme = authority.firstRange(of: "://") { authority = authority[scheme.upperBound...] }
        if authority.first == "[" { return String(authority.dropFirst().prefix { $0 != "]" }) }
        return String(authority.prefix { $0 != ":" })
    }

    /// Whether the host is this machine.
    var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }

    /// What keeps the request from being sent at all, or nil.
    var problem: HTTPClientError? {
        for header in headers where !Self.isSafe(header.name) || !Self.isSafe(header.value) || header.name.isEmpty {
            return HTTPClientError(.badRequest, "\(place): a header has a line break or NUL in it, or no name")
        }
        return Self.isSafe(url) ? nil : HTTPClientError(.badRequest, "the url has a line break or NUL in it")
    }

    private static func isSafe(_ text: String) -> Bool { !text.utf8.contains { $0 == 0 || $0 == 10 || $0 == 13 } }
}
