internal import HTTPClient
internal import Model

/// Logging in: one at a time at a host, within its budget, and never in a loop.
extension WebDelivery {
    /// Logs the session in, or says what keeps it from that.
    func login(_ seat: WebSeat) async {
        let (site, time, budget) = (seat.site, context.time, seat.site.budgets.logins)
        seat.isLoggingIn = true
        defer { seat.isLoggingIn = false }
        switch await budget.begin(nowNs: { time.now().uptimeNs }) {
        case .cancelled: return happened(.nothing, site)
        case .usedUp(let until):
            happened(.nothing, site)
            // The session still stands; its lanes lose nothing until it is lost.
            if seat.session.renewLater(until) { return }
            let text =
                "\(site.settings.name): \(LoginBudget.requestsAnHour) requests to \(site.settings.paths.login) in an "
                + "hour, more would lock this address out; use fewer sessions behind one address"
            seat.block = WebSeat.Block(state: .backingOff, text: text, untilNs: until, isBudget: true)
            return
        case .yours: break
        }
        // It may have waited for long.
        guard !stopping, site.index == active, seat.block.map({ $0.untilNs <= now }) ?? true else {
            await budget.refund(2)
            await budget.end()
            return happened(.nothing, site)
        }
        // On disk before they are spent: a kill in the middle must not give them back.
        await save()
        // A cookie of the old session would keep the backend from making a new one, with a new hour.
        seat.web.jar.clear()
        // Read before the login reads it: a file that is replaced in between counts as changed.
        let password = seat.web.passwordDigest()
        let result = stopping ? .cancelled : await seat.web.login()
        if case .failed(_, let failure) = result { await budget.refund(failure.unsent) }
        await budget.end()
        finishLogin(seat, result, password)
        if case .done = result { await save() }
    }

    /// Looks whether the cookies of an earlier run still are a session.
    func readToken(_ seat: WebSeat) async {
        seat.isLoggingIn = true
        let result = await seat.web.readToken(nil, fallback: "")
        seat.isLoggingIn = false
        // Cookies of an earlier run that are too old are no failed login.
        if case .refused = result {
            seat.session.restoredExpired()
            return happened(.nothing, seat.site)
        }
        finishLogin(seat, result, [])
    }

    /// Logs in at once where another password than the refused one is there. The same one is not tried before its time:
    /// five failures lock the account.
    func reloadCredentials() {
        for seat in seats {
            guard let refused = seat.refusedPassword, refused != seat.web.passwordDigest() else { continue }
            seat.refusedPassword = nil
            seat.block?.untilNs = 0
            seat.sleeper.wake()
        }
    }

    /// Logging in did not mend it: a person has to look.
    func loseSession(_ seat: WebSeat) {
        happened(.nothing, seat.site)
        let text =
            "\(seat.site.target.authority): the session is lost right after each login, account "
            + Safe.text(seat.web.account.username)
        block(seat, .loginFailed, text, untilNs: now + WebSession.pauseAfterFailures.nanoseconds)
    }

    private func finishLogin(_ seat: WebSeat, _ result: WebClient.Login, _ password: [UInt8]) {
        let site = seat.site
        switch result {
        case .done(let token):
            seat.session.loggedIn(token: token, nowNs: now)
            seat.block = nil
            for one in peers(of: seat) { one.refusedPassword = nil }
            happened(.nothing, site)
        case .refused(let text):
            happened(.nothing, site)
            refuse(seat, text, password)
        case .failed(let text, let failure):
            seat.loginAttempts += 1
            let attempts = seat.loginAttempts
            let jitter = Backoff.delay(after: attempts, random: context.jitter)
            // An answered one costs of the backend's 20 an hour: 30 s, 1 min, 2 min … 10 min.
            let least: Duration =
                failure.isAnswered ? min(.seconds(30) * (1 << min(attempts - 1, 5)), .seconds(600)) : .zero
            let pause = max(failure.after ?? .zero, max(least, jitter))
            block(seat, .backingOff, text, untilNs: now + pause.nanoseconds)
            if failure.isTooMany { return happened(.nothing, site) }
            happened(.failure("\(site.target.authority): \(text)"), site)
            // Five of those would take a quarter of an hour, and there is another way.
            if failure.isAnswered, attempts >= 2, site.index == active, nextSite != nil {
                happened(.block(.open, text, untilNs: now + UplinkHealth.openFor.nanoseconds), site)
            }
            return
        case .cancelled:
            happened(.nothing, site)
            block(seat, .backingOff, "the login was broken off", untilNs: now + Duration.seconds(5).nanoseconds)
        }
        seat.loginAttempts = 0
    }

    // The account's other sessions wait, too: five failures lock it, whichever session they come from.
    private func refuse(_ seat: WebSeat, _ text: String, _ password: [UInt8]) {
        var isOver = false
        for one in peers(of: seat) where one === seat || !one.session.isLoggedIn {
            if one.session.loginFailed() { isOver = true }
        }
        let pause: Duration = isOver ? WebSession.pauseAfterFailures : .seconds(5)
        for one in peers(of: seat) where one === seat || !one.session.isLoggedIn {
            one.refusedPassword = password
            block(one, isOver ? .loginFailed : .backingOff, text, untilNs: now + pause.nanoseconds)
        }
    }

    private func peers(of seat: WebSeat) -> [WebSeat] {
        seats.filter { $0.site === seat.site && $0.web.account.username == seat.web.account.username }
    }

    private func block(_ seat: WebSeat, _ state: UplinkState, _ text: String, untilNs: Int64) {
        seat.block = WebSeat.Block(state: state, text: text, untilNs: untilNs)
    }
}
