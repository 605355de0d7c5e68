internal import HTTPClient
internal import Model

extension WebWorker {
    func login() async {
        let time = context.time
        if let until = await budget.begin(nowNs: { time.now().uptimeNs }) {
            let text =
                "\(settings.name): \(LoginBudget.requestsAnHour) requests to \(settings.paths.login) in an hour, more "
                + "would lock this address out; use fewer accounts behind one address"
            return health.on(.block(.backingOff, text, untilNs: until), nowNs: now)
        }
        isLoggingIn = true
        // A cookie of the old session would keep the backend from making a new one, with a new hour.
        web.jar.clear()
        // Read before the login reads it: a file that is replaced in between counts as changed.
        let password = web.passwordDigest()
        let result = stopping ? .cancelled : await web.login()
        isLoggingIn = false
        if case .refused = result { refusedPassword = password } else { refusedPassword = nil }
        if case .failed(_, _, answered: false) = result { await budget.refund() }
        await budget.end()
        finishLogin(result)
    }

    /// Logs in at once where another password than the refused one is there. The same one is not tried before its time:
    /// five failures lock the account.
    func reloadCredentials() {
        guard let refusedPassword, refusedPassword != web.passwordDigest() else { return }
        self.refusedPassword = nil
        health.askAtOnce()
        wake()
    }

    func readToken() async {
        isLoggingIn = true
        let result = await web.readToken(nil, fallback: "")
        isLoggingIn = false
        // Cookies of an earlier run that are too old are no failed login.
        if case .refused = result { return session.restoredExpired() }
        finishLogin(result)
    }

    private func finishLogin(_ result: WebClient.Login) {
        switch result {
        case .done(let token):
            session.loggedIn(token: token, nowNs: now)
            health.on(.nothing, nowNs: now)
        case .refused(let text):
            if session.loginFailed() {
                block(.loginFailed, text, WebSession.pauseAfterFailures)
            } else {
                block(.backingOff, text, .seconds(5))
            }
        case .failed(let text, let after, let answered):
            loginAttempts += 1
            let jitter = Backoff.delay(after: loginAttempts, random: context.jitter)
            // An answered one costs of the backend's 20 an hour: 30 s, 1 min, 2 min … 10 min.
            let least = answered ? min(Duration.seconds(30) * (1 << min(loginAttempts - 1, 5)), .seconds(600)) : .zero
            return block(.backingOff, text, max(after ?? .zero, max(least, jitter)))
        case .cancelled: block(.backingOff, "the login was broken off", .seconds(5))
        }
        loginAttempts = 0
    }

    func loseSession() {
        block(
            .loginFailed,
            "\(web.target.authority): the session is lost right after each login, account "
                + Safe.text(web.account.username), WebSession.pauseAfterFailures)
    }

    private func block(_ state: UplinkState, _ text: String, _ pause: Duration) {
        health.on(.block(state, text, untilNs: now + pause.nanoseconds), nowNs: now)
    }
}
