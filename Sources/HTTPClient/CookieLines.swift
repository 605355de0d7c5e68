internal import CCurl

/// Cookies as text: lines of the Netscape format, which libcurl reads and writes. Curl thread only.
enum CookieLines {
    /// Every cookie of the handle's share.
    static func export(_ easy: UnsafeMutableRawPointer) -> [String] {
        var list: UnsafeMutablePointer<curl_slist>?
        scangate_getinfo_list(easy, CURLINFO_COOKIELIST, &list)
        defer { curl_slist_free_all(list) }
        var lines: [String] = []
        var item = list
        while let node = item {
            if let data = node.pointee.data { lines.append(String(cString: data)) }
            item = node.pointee.next
        }
        return lines
    }

    /// Puts lines of an earlier export into the handle's share.
    static func load(_ lines: [String], into easy: UnsafeMutableRawPointer) {
        for line in lines where line.split(separator: "\t", omittingEmptySubsequences: false).count == 7 {
            scangate_setopt_text(easy, CURLOPT_COOKIELIST, line)
        }
    }

    /// A `Set-Cookie` value as a Netscape line without its Secure mark, or nil where it has none and libcurl has
    /// kept it already.
    static func withoutSecure(_ cookie: String, host: String) -> String? {
        let parts = cookie.split(separator: ";", omittingEmptySubsequences: false).map(trim)
        guard let pair = parts.first, let equals = pair.firstIndex(of: "=") else { return nil }
        guard !cookie.utf8.contains(where: { $0 < 32 }), parts.contains(where: { $0.lowercased() == "secure" }) else {
            return nil
        }
        var path = "/"
        var expires: Int64 = 0
        for part in parts.dropFirst() {
            guard let equals = part.firstIndex(of: "=") else { continue }
            let value = String(part[part.index(after: equals)...])
            switch part[..<equals].lowercased() {
            case "path" where value.hasPrefix("/"): path = value
            case "expires" where expires == 0: expires = Int64(max(1, curl_getdate(value, nil)))
            case "max-age": expires = Int64(value).map { $0 <= 0 ? 1 : Int64(time(nil)) + min($0, 1 << 31) } ?? 0
            default: break
            }
        }
        // Host only, as a login session's cookie is: a Domain attribute is not widened here.
        let fields = [
            host, "FALSE", path, "FALSE", String(expires), String(pair[..<equals]),
            String(pair[pair.index(after: equals)...]),
        ]
        return fields.joined(separator: "\t")
    }

    private static func trim(_ text: Substring) -> Substring {
        var rest = text.drop { $0 == " " }
        while rest.last == " " { rest.removeLast() }
        return rest
    }
}
