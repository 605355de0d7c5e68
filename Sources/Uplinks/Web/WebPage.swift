/// The little that is read of a page: the CSRF token.
enum WebPage {
    /// The token of `<input name="csrf_token" value="…">` or `<meta name="csrf-token" content="…">`, whichever comes
    /// first; nil where the page has none. At most 4,096 bytes of visible ASCII, since it goes into a header.
    static func token(in body: [UInt8]) -> String? {
        let page = String(decoding: body, as: UTF8.self)
        var rest = Substring(page)
        while let open = rest.firstIndex(of: "<") {
            rest = rest[rest.index(after: open)...]
            let name = rest.prefix { $0.isLetter }.lowercased()
            guard name == "input" || name == "meta" else { continue }
            // On behind the tag: a page of tags that do not end would be read once for each of them.
            rest = rest.dropFirst(name.count)
            let attributes = attributes(of: &rest)
            let token: String? =
                switch (name, attributes["name"]) {
                case ("input", "csrf_token"): attributes["value"]
                case ("meta", "csrf-token"): attributes["content"]
                default: nil
                }
            if let token, isToken(token) { return token }
        }
        return nil
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 4096 && text.utf8.allSatisfy { (33...126).contains($0) }
    }

    // The attributes of a tag up to its `>`, in any order, with either quote or none; `rest` is then what follows.
    private static func attributes(of rest: inout Substring) -> [String: String] {
        var found: [String: String] = [:]
        while let first = rest.first, first != ">" {
            guard first.isLetter else {
                rest.removeFirst()
                continue
            }
            let name = rest.prefix { $0 != "=" && $0 != ">" && !$0.isWhitespace }
            rest = rest[name.endIndex...].drop { $0.isWhitespace }
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst().drop { $0.isWhitespace }
            let value: Substring
            if let quote = rest.first, quote == "\"" || quote == "'" {
                rest.removeFirst()
                value = rest.prefix { $0 != quote }
                rest = rest[value.endIndex...].dropFirst()
            } else {
                value = rest.prefix { $0 != ">" && !$0.isWhitespace }
                rest = rest[value.endIndex...]
            }
            if found[name.lowercased()] == nil { found[name.lowercased()] = String(value) }
        }
        return found
    }
}
