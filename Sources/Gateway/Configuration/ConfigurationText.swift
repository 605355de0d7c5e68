internal import Model
internal import Pattern
internal import Scanners

/// Checks of texts that need no file and no other key.
enum ConfigurationText {
    /// What is wrong with a text of this kind, and what to write; nil where nothing is.
    static func problem(
        with text: String, as kind: ConfigurationSchema.Kind
    ) -> (problem: String, advice: String)? {
        let shown = "\"\(Safe.text(text, limit: 60))\""
        switch kind {
        case .text(let max):
            let clean =
                text.utf8.count <= max && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            return clean ? nil : ("\(shown) is not allowed", "write \(kind.range)")
        case .name, .names: return LaneID(text) != nil ? nil : ("\(shown) is not a name", "write \(kind.range)")
        case .choice(let words):
            if words.contains(text) { return nil }
            let near = NearestName.of(text, in: words)
            return ("\(shown) is not known", near.map { "write \"\($0)\"" } ?? "write one of \(kind.range)")
        case .path(let max):
            guard text.utf8.count <= max else { return ("longer than \(max) bytes", "write a shorter path") }
            return absolute(text, shown)
        // What is no path may be the secret itself, written in the wrong place: it is not shown.
        case .file(let secret): return absolute(text, secret ? "the value" : shown)
        case .pattern:
            do throws(PatternError) {
                _ = try Pattern(text)
                return nil
            } catch {
                return (
                    "\(shown) does not compile: \(error.message) at character \(error.offset + 1)",
                    "write a regular expression in PCRE2's syntax"
                )
            }
        case .urlPath:
            let good = text.hasPrefix("/") && text.utf8.allSatisfy(isURLByte) && !text.contains("#")
            return good ? nil : ("\(shown) is not a URL path", "write a text that begins with /")
        case .urls: return url(text)
        case .usb:
            return DeviceProfile.USBPattern(text) != nil ? nil : ("\(shown) is no USB id", "write \(kind.range)")
        case .listen:
            guard let (host, port) = split(text), !host.isEmpty, port != nil else {
                return ("\(shown) is not HOST:PORT", "write \(kind.example)")
            }
            return nil
        default: return nil
        }
    }

    /// Whether a URL's host is this machine.
    static func isLoopback(_ url: String) -> Bool {
        guard let start = url.firstRange(of: "://")?.upperBound else { return false }
        let authority = url[start...].prefix { $0 != "/" }
        let host = split(String(authority))?.host ?? ""
        return host == "localhost" || host == "[::1]" || host.hasPrefix("127.")
    }

    /// A URL's host and port as written, lower case.
    static func host(_ url: String) -> String {
        guard let start = url.firstRange(of: "://")?.upperBound else { return url }
        return url[start...].prefix { $0 != "/" }.lowercased()
    }

    private static func absolute(_ text: String, _ shown: String) -> (problem: String, advice: String)? {
        guard text.hasPrefix("/"), !text.utf8.contains(0) else {
            return ("\(shown) is not an absolute path", "write a path that begins with /")
        }
        return nil
    }

    private static func url(_ text: String) -> (problem: String, advice: String)? {
        let example = "write a URL such as \"https://tracetrack.example\""
        guard let mark = text.firstRange(of: "://") else { return ("not a URL", example) }
        let scheme = text[..<mark.lowerBound].lowercased()
        let isMQTT = scheme == "mqtts" || scheme == "mqtt"
        guard scheme == "https" || scheme == "http" || isMQTT else {
            return ("neither https:// nor http:// nor mqtts:// nor mqtt://", example)
        }
        let rest = text[mark.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !authority.contains("@") else {
            return ("a user or password in the URL", "write them with auth = { … }, in a file")
        }
        guard rest.utf8.allSatisfy(isURLByte) else { return ("characters that no URL has", example) }
        guard !rest.contains("?"), !rest.contains("#") else { return ("a query or fragment", "end the URL before it") }
        guard let (host, port) = split(String(authority)), isHost(host) else { return ("no host", example) }
        if isMQTT,
            rest.utf8.count > authority.utf8.count + 1
                || rest.utf8.count == authority.utf8.count + 1 && !rest.hasSuffix("/")
        {
            return ("a path, which MQTT does not have", "end the URL before it; topics begin with mqtt.topic_prefix")
        }
        guard port != nil || !authority.utf8.dropFirst(host.utf8.count).contains(UInt8(ascii: ":")) else {
            return ("a port that is none", "write a number from 1 to 65535")
        }
        return nil
    }

    // Host and port; the port is nil where there is none, or none that is right.
    private static func split(_ authority: String) -> (host: String, port: Int?)? {
        let bytes = Array(authority.utf8)
        let hostEnd: Int
        if bytes.first == UInt8(ascii: "[") {
            guard let close = bytes.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            hostEnd = close + 1
        } else {
            hostEnd = bytes.firstIndex(of: UInt8(ascii: ":")) ?? bytes.count
        }
        let host = String(decoding: bytes[..<hostEnd], as: UTF8.self)
        guard hostEnd < bytes.count, bytes[hostEnd] == UInt8(ascii: ":") else {
            return hostEnd == bytes.count ? (host, nil) : nil
        }
        let digits = bytes[(hostEnd + 1)...]
        guard digits.allSatisfy({ (48...57).contains($0) }),
            let port = Int(String(decoding: digits, as: UTF8.self)), (1...65_535).contains(port)
        else { return (host, nil) }
        return (host, port)
    }

    private static func isHost(_ host: String) -> Bool {
        if host.hasPrefix("[") {
            return host.utf8.count > 3
                && host.utf8.dropFirst().dropLast().allSatisfy {
                    Hex.value($0) != nil || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: ".")
                }
        }
        return (1...253).contains(host.utf8.count)
            && host.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
                    || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
            }
    }

    private static func isURLByte(_ byte: UInt8) -> Bool {
        (0x21...0x7E).contains(byte) && !"\"<>\\^`{|}".utf8.contains(byte)
    }
}

extension String {
    fileprivate func firstRange(of other: String) -> Range<String.Index>? {
        let (text, wanted) = (utf8, Array(other.utf8))
        var start = text.startIndex
        while start < text.endIndex {
            if text[start...].starts(with: wanted) {
                return start..<text.index(start, offsetBy: wanted.count)
            }
            start = text.index(after: start)
        }
        return nil
    }
}
