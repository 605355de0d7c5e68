internal import HTTPServer
internal import JSON
internal import Model

/// `application/x-www-form-urlencoded` (WHATWG URL, section 5), and other small things of HTTP.
enum FormBody {
    /// The fields in order, decoded.
    static func parse(_ bytes: [UInt8]) -> [(name: String, value: String)] {
        bytes.split(separator: UInt8(ascii: "&")).map { pair in
            let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            return (decode(parts[0]), parts.count > 1 ? decode(parts[1]) : "")
        }
    }

    /// Percent escapes and plus signs undone.
    static func decode(_ bytes: some Collection<UInt8>) -> String {
        var out: [UInt8] = []
        let bytes = Array(bytes)
        var index = 0
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count, let high = Hex.value(bytes[index + 1]),
                let low = Hex.value(bytes[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
            } else {
                out.append(bytes[index] == UInt8(ascii: "+") ? 32 : bytes[index])
                index += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}

extension ServerRequest {
    /// The media type without its parameters, lower case; empty where there is none.
    var mediaType: String {
        let type = (header("content-type") ?? "").prefix { $0 != ";" }
        return String(type.filter { $0 != " " }).lowercased()
    }

    /// The fields of a form.
    var form: [(name: String, value: String)] {
        mediaType == "application/x-www-form-urlencoded" ? FormBody.parse(body) : []
    }

    /// The value of a field of the form, or nil.
    func field(_ name: String) -> String? { form.first { $0.name == name }?.value }

    /// The value of a parameter of the query, or nil.
    func parameter(_ name: String) -> String? { FormBody.parse(Array(query.utf8)).first { $0.name == name }?.value }
}

/// Times of day as HTTP writes them (RFC 9110, section 5.6.7).
enum HTTPDate {
    static func text(_ unixMs: Int64) -> String {
        let text = Array(Timestamp.text(unixMs).utf8)
        let days = unixMs >= 0 ? unixMs / 86_400_000 : (unixMs - 86_399_999) / 86_400_000
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int(((days % 7) + 7) % 7)]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let month = months[Int(text[5] - 48) * 10 + Int(text[6] - 48) - 1]
        func part(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        return "\(weekday), \(part(8..<10)) \(month) \(part(0..<4)) \(part(11..<19)) GMT"
    }
}

/// Builds JSON bytes of one object.
func json(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter()
    writer.object(body)
    return writer.bytes
}
