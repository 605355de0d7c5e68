internal import Model
internal import Synchronization

/// What this machine's address may ask of each host by tracetrack-web: one login budget and one request budget a host,
/// whichever uplinks go there. Any thread.
public final class WebBudgets: Sendable {
    /// The budgets of one host.
    struct Host: Sendable {
        let logins: LoginBudget
        let requests: RequestBudget
    }

    private let hosts = Mutex<[String: Host]>([:])

    /// Nothing used yet.
    public init() {}

    /// The host's budgets, made at the first call.
    ///
    /// - Parameter saved: what an earlier run has used of the login budget.
    func host(_ name: String, saved: [Int64], now: Moment) -> Host {
        hosts.withLock { hosts in
            if let known = hosts[name] { return known }
            let made = Host(logins: LoginBudget(saved: saved, now: now), requests: RequestBudget())
            hosts[name] = made
            return made
        }
    }

    /// Why so many sessions do not fit the login budget of a host, with the arithmetic; nil where they do.
    ///
    /// A session lives an hour and is renewed after 50 minutes: 2 requests, 1.2 times an hour.
    public static func loginWarning(sessions: Int, host: String) -> String? {
        let tenths = sessions * 24
        let most = LoginBudget.requestsAnHour * 10 / 24
        guard sessions > most else { return nil }
        return
            "\(sessions) sessions at \(host) need \(sessions) x 2 requests x 1.2/h = \(tenths / 10).\(tenths % 10) an "
            + "hour to the login page, and \(LoginBudget.requestsAnHour) are allowed to one address: \(most) sessions fit, "
            + "the others wait for their turn to log in, and their lanes share those that stand"
    }

    /// Why so many lanes may not fit the request budget, with the arithmetic; nil where they do.
    ///
    /// A lane at work scans once a second: 2 bags a minute; a bag is one request that counts, or 31 with its children.
    public static func requestWarning(lanes: Int, limits: UplinkSettings.RequestLimits, host: String) -> String? {
        let each = limits.countsChildren ? 31 : 1
        let minute = lanes * 2 * each
        let isOverMinute = minute > limits.perMinute
        guard isOverMinute || minute * 60 > limits.perHour else { return nil }
        let (need, most) =
            isOverMinute
            ? ("\(minute) requests a minute", "requests.per_minute = \(limits.perMinute)")
            : ("x 60 = \(minute * 60) requests an hour", "requests.per_hour = \(limits.perHour)")
        return "\(lanes) lanes at \(host) may need \(lanes) x 2 bags x \(each) request\(each == 1 ? "" : "s") \(need), "
            + "more than \(most): bags wait then; raise it if the backend allows more"
    }
}
