internal import Model

/// Times as HTTP writes them (RFC 9110, section 5.6.7): `Sat, 21 Nov 2026 04:00:00 GMT`.
enum HTTPDate {
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Milliseconds since 1970, or nil where the text is not of the preferred form. The obsolete forms, which no
    /// server has sent for decades, are not read.
    static func parse(_ text: String) -> Int64? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", parts[0].count == 4, parts[0].hasSuffix(","),
            let day = Int64(parts[1]), let month = months.firstIndex(of: String(parts[2])), let year = Int64(parts[3])
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (1...31).contains(day), (1970...9999).contains(year), (0...23).contains(clock[0]),
            (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let days = Timestamp.days(fromYear: year, month: Int64(month + 1), day: day)
        return ((days * 24 + clock[0]) * 60 + clock[1]) * 60_000 + clock[2] * 1000
    }

    /// `Retry-After` in either form, at most an hour; nil where it is absent or unreadable.
    ///
    /// - Parameter nowMs: the backend's wall clock, against which a date counts.
    static func retryAfter(_ value: String?, nowMs: Int64) -> Duration? {
        guard let value else { return nil }
        if !value.isEmpty, value.utf8.allSatisfy({ (48...57).contains($0) }) {
            // More digits than a number holds are a long time all the same.
            return .seconds(min(Int64(value) ?? 3600, 3600))
        }
        guard let date = parse(value) else { return nil }
        return .milliseconds(min(max(date - nowMs, 0), 3_600_000))
    }
}

/// The backend's wall clock as its `Date` headers tell it; corrects this machine's for request signatures.
struct BackendClock {
    private var known: (dateMs: Int64, uptimeMs: Int64)?

    /// Takes the Date of a response that has just arrived.
    mutating func learn(_ header: String?, at now: Moment) {
        guard let date = header.flatMap(HTTPDate.parse) else { return }
        known = (date, now.uptimeMs)
    }

    /// The backend's time now; this machine's before the first response. Counted on by uptime, so that a wall clock
    /// set meanwhile changes nothing.
    func milliseconds(at now: Moment) -> Int64 {
        known.map { $0.dateMs + now.uptimeMs - $0.uptimeMs } ?? now.wallMs
    }

    /// How far this machine's clock is ahead, in milliseconds; nil before the first response.
    func ahead(at now: Moment) -> Int64? { known == nil ? nil : now.wallMs - milliseconds(at: now) }
}
