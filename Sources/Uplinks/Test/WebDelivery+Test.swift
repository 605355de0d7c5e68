internal import HTTPClient
internal import Model

extension WebClient {
    /// Address, connection, clock, then a login in a session of its own: it costs two of the hour's login requests and
    /// posts nothing.
    ///
    /// - Parameter budget: where those two are counted; used up, there is no login.
    func test(_ budget: LoginBudget) async -> [UplinkTestStep] {
        var test = UplinkTest()
        await test.reach(target, policy, client: client, time: time)
        guard !test.steps.contains(where: { $0.name == "connection" && $0.outcome != .ok }) else {
            test.skip("login", "no connection")
            return test.steps
        }
        guard await budget.begin(nowNs: { time.now().uptimeNs }) == .yours else {
            test.skip("login", "\(LoginBudget.requestsAnHour) requests to the login page in an hour are used up")
            return test.steps
        }
        let result = await login()
        if case .failed(_, let failure) = result { await budget.refund(failure.unsent) }
        await budget.end()
        switch result {
        case .done(let token):
            test.passed(
                "login", "\(account.username) is let in" + (token.isEmpty ? "; no page has a CSRF token" : ""))
            // Only the cookie that the backend marks Secure fails like this.
            if !target.isSecure, await jar.export().isEmpty {
                test.failed(
                    "session", "the session's cookie is not sent over http; write https://, or insecure_cookies")
            }
        case .refused(let text), .failed(let text, _): test.failed("login", text)
        case .cancelled: test.skip("login", "interrupted")
        }
        return test.steps
    }
}
