internal import Uplinks

extension ConfigurationBuilder {
    /// Warns where sessions or lanes do not fit what tracetrack-web lets one address ask of a host.
    ///
    /// - Parameter lanes: those that the configuration names; others are seen when they scan.
    mutating func checkBudgets(_ tables: [ConfigurationTable], _ uplinks: [UplinkSettings], lanes: Int) {
        var sessions: [String: Int] = [:]
        for uplink in uplinks where uplink.contract == .web {
            guard case .login(let accounts) = uplink.authentication,
                let table = tables.first(where: { $0.text("name") == uplink.name })
            else { continue }
            for host in Set(uplink.urls.map(ConfigurationText.host)).sorted() {
                let before = sessions[host, default: 0]
                sessions[host] = before + accounts.reduce(0) { $0 + $1.sessions }
                if let warning = WebBudgets.loginWarning(sessions: sessions[host] ?? 0, host: host) {
                    let auth = table.table("auth")
                    findings.warning(
                        auth.origin(of: "accounts"), auth.path(of: "accounts"), warning,
                        "write fewer sessions, or give some gateways another address")
                }
                if let warning = WebBudgets.requestWarning(lanes: lanes, limits: uplink.requests, host: host) {
                    findings.warning(
                        table.origin(of: "requests"), table.path(of: "requests"), warning,
                        "write what the backend allows under requests")
                }
            }
        }
    }
}
