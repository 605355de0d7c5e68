internal import HTTPClient
internal import Model

extension WebClient {
    /// Address, connection, clock, then a login in a session of its own: it costs two of the hour's login requests and
    /// posts nothing.
    func test() async -> [UplinkTestStep] {
        var test = UplinkTest()
        await test.reach(target, policy, client: client, time: time)
        guard !test.steps.contains(where: { $0.name == "connection" && $0.outcome != .ok }) else {
            test.skip("login", "no connection")
            return test.steps
        }
        switch await login() {
        case .done(let token):
            test.passed(
                "login", "\(account.username) is let in" + (token.isEmpty ? "; no page has a CSRF token" : ""))
            // Only the cookie that the backend marks Secure fails like this.
            if !target.isSecure, await jar.export().isEmpty {
                test.failed(
                    "session", "the session's cookie is not sent over http; write https://, or insecure_cookies")
            }
        case .refused(let text), .failed(let text, _, _): test.failed("login", text)
        case .cancelled: test.skip("login", "interrupted")
        }
        return test.steps
    }
}
