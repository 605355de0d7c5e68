internal import HTTPClient
internal import Model
internal import Posix
internal import Synchronization

/// Drives one group through tracetrack-web: sessions of one or several accounts, which share the lanes in whole parent
/// blocks (`WebPlan`), at one site of the backend at a time.
///
/// One actor over all sessions: each works in a task of its own, one request after another, and each scan's answer is
/// recorded durably before its lane's next request. Nothing runs and no timer is set while nothing waits, unless the
/// first site is away. Memory: 16 scans a lane.
actor WebDelivery: Delivery {
    struct Lane {
        var queue: [WebScan] = []
        var attempts = 0
        /// For the head's failures, and answers that were none of the backend's.
        var blame = Blame()
        /// Of the latter, those that came though the backend was there: how many, and since when.
        var foreign: (answers: Int, sinceNs: Int64)?
        var readBackFailures = 0
        /// A post of the head may have been acted on. True at the start: an earlier run may have lost an answer.
        var answerLost = true
    }

    static let stopWithin: Duration = .seconds(10)

    nonisolated let group: GroupID
    /// The primary's or mirror's.
    let settings: UplinkSettings
    private let uplinks: [UplinkSettings]
    let context: DeliveryContext
    let sites: [WebSite]
    let seats: [WebSeat]
    let watcher = Sleeper(nil)
    private nonisolated let arrivals = Arrivals()

    var plan: WebPlan
    var lanes: [LaneID: Lane] = [:]
    /// By the uplink's name.
    var counts: [String: UplinkStatus] = [:]
    /// The site in use.
    var active = 0
    /// Scans that were judged so far, and requests that failed.
    var traffic = Traffic()
    /// The question whether a site that was left is well again.
    var asking: Task<Bool, Never>?
    /// The look for what an earlier run has left.
    private var finding: Task<Void, Never>?
    /// How many were judged when the site in use was taken.
    var passedBefore = 0
    var spoolTrouble = false
    /// When the cookies were saved last.
    var savedAtNs: Int64 = 0
    private var reporter: StateReporter
    private nonisolated let isWell = Atomic(true)
    private var fitNote: String?
    private var lanesChecked = 0
    private var isRunning = false
    var stopping = false

    init(_ ways: UplinkGroup, context: DeliveryContext) throws(UplinkError) {
        settings = ways.first
        group = ways.id
        self.context = context
        (sites, seats) = try Self.make(ways, context)
        plan = WebPlan(sessions: seats.count, linger: ways.first.blockLinger)
        uplinks = ways.uplinks
        for uplink in uplinks {
            counts[uplink.name] = UplinkStatus(name: uplink.name, contract: .web, use: uplink.use)
        }
        reporter = StateReporter(ways.first.name, context.observer)
        for site in sites {
            let sessions = seats.count { $0.site === site }
            if let warning = WebBudgets.loginWarning(sessions: sessions, host: site.target.authority) {
                Log.warning("uplink \(site.settings.name): \(warning)")
                fitNote = fitNote ?? warning
            }
            guard !site.target.isSecure else { continue }
            Log.warning(
                "uplink \(site.settings.name): plain http: the password and every label can be read on the way; cookies "
                    + "marked Secure are \(site.settings.insecureCookies ? "sent all the same" : "not sent")")
        }
    }

    var now: Int64 { context.time.now().uptimeNs }

    // MARK: From outside

    func run() async {
        guard !stopping else { return }
        isRunning = true
        // Unstructured: stop() must be able to end its waiting.
        let finding = Task { await self.findWaiting() }
        self.finding = finding
        await withDiscardingTaskGroup { group in
            for seat in seats.indices { group.addTask { await self.work(seat) } }
            group.addTask { await self.takeArrivals() }
            group.addTask { await finding.value }
            if sites.count > 1 { group.addTask { await self.watchSitesLeft() } }
        }
        isRunning = false
        reporter.report(.stopped, nil)
    }

    nonisolated func scansArrived(in lanes: [LaneID]) { arrivals.add(lanes) }

    func pause(_ uplink: String?) {
        for site in sites where uplink == nil || site.settings.name == uplink { site.health.pause() }
        if sites[active].health.adminPaused, let next = nextSite { go(to: next, because: "it is paused") }
        report()
    }

    func resume(_ uplink: String?) {
        for site in sites where uplink == nil || site.settings.name == uplink {
            site.health.resume()
            site.pace = Pace()
            site.askAtNs = now
        }
        for seat in seats where uplink == nil || seat.site.settings.name == uplink { seat.block?.untilNs = 0 }
        plan.thaw()
        for name in counts.keys { counts[name]?.frozenLanes = [:] }
        report()
        wakeAll()
        watcher.wake()
    }

    func stop() async {
        stopping = true
        arrivals.finish()
        asking?.cancel()
        finding?.cancel()
        watcher.wake()
        wakeAll()
        let work = seats.compactMap(\.underWay)
        // A login may be broken off; a post may not, since its answer is all that tells what became of the scan.
        for seat in seats where seat.isLoggingIn { seat.underWay?.cancel() }
        let sleep = context.time.sleep
        // Unstructured: it outlives nothing, being cancelled below; a group would wait for its sleep.
        let deadline = Task {
            guard (try? await sleep(Self.stopWithin)) != nil else { return }
            for one in work { one.cancel() }
        }
        for one in work { await one.value }
        deadline.cancel()
    }

    func test(_ uplink: String) async -> [(url: String, steps: [UplinkTestStep])] {
        var out: [(url: String, steps: [UplinkTestStep])] = []
        for site in sites where site.settings.name == uplink {
            guard let seat = seats.first(where: { $0.site === site }) else { continue }
            out.append((site.target.base, await seat.web.inNewSession().test(site.budgets.logins)))
        }
        return out
    }

    func statuses() -> [UplinkStatus] {
        uplinks.map { uplink in
            var status = counts[uplink.name] ?? UplinkStatus(name: uplink.name, contract: .web, use: uplink.use)
            let own = sites.filter { $0.settings.name == uplink.name }
            let isUsed = sites[active].settings.name == uplink.name
            status.state = !isRunning ? .stopped : isUsed ? state : own.first?.health.state ?? .ok
            status.isPausedByAdmin = own.contains { $0.health.adminPaused }
            status.lastError = isUsed ? trouble ?? notes.first : own.first?.health.lastError
            status.inFlight = seats.count {
                $0.underWay != nil && !$0.isLoggingIn && $0.site.settings.name == uplink.name
            }
            return status
        }
    }

    func exportSessions() async -> [String: [String]] {
        var sessions: [String: [String]] = [:]
        for seat in seats { sessions[seat.name] = await seat.web.jar.export() }
        return sessions
    }

    func exportLogins() async -> [String: [Int64]] {
        var logins: [String: [Int64]] = [:]
        for site in sites {
            let spent = await site.budgets.logins.spentTimes(context.time.now())
            if !spent.isEmpty { logins[site.target.authority] = spent }
        }
        return logins
    }

    // MARK: State

    private var worst: [UplinkState] { [.loginFailed, .misconfigured, .paused, .open, .backingOff, .ok] }

    // What keeps sessions from working; waiting for the login budget is none while others work.
    private var blocks: [WebSeat.Block] {
        let seats = seatsInUse
        let works = seats.contains { $0.block == nil && $0.session.isLoggedIn }
        return seats.compactMap(\.block).filter { !$0.isBudget || !works }
    }

    private var state: UplinkState {
        let states = [sites[active].health.state] + blocks.map(\.state)
        return worst.first(where: states.contains) ?? .ok
    }

    private var trouble: String? {
        let state = state
        return blocks.first { $0.state == state }?.text ?? sites[active].health.lastError
    }

    // What is worth knowing and no trouble.
    private var notes: [String] {
        var notes: [String] = []
        let first = sites.first { $0.settings.name == sites[active].settings.name } ?? sites[active]
        if first.index < active {
            notes.append(
                "sent by way of \(sites[active].target.authority), since \(first.target.authority) cannot be used: "
                    + (first.leftBecause ?? ""))
        }
        let (site, limits) = (sites[active], sites[active].settings.requests)
        if site.budgetUsedUpUntilNs > now {
            notes.append(
                "\(site.target.authority): requests.per_minute = \(limits.perMinute) or per_hour = \(limits.perHour) is "
                    + "used up: bags wait")
        }
        if let fitNote { notes.append(fitNote) }
        return notes
    }

    var seatsInUse: [WebSeat] { seats.filter { $0.site.index == active } }

    func report() {
        let state = state
        reporter.report(state, trouble)
        // Backing off may be no more than the backend's wish.
        let isWell = state == .ok || (state == .backingOff && blocks.isEmpty && sites[active].health.isWell)
        self.isWell.store(isWell, ordering: .relaxed)
    }

    nonisolated var canDeliver: Bool { isWell.load(ordering: .relaxed) }

    /// Saves sessions and budgets; returns when that is done.
    func save() async {
        savedAtNs = now
        await context.sessionsChanged()
    }

    // MARK: Lanes

    private func takeArrivals() async {
        for await _ in arrivals.wakeUps { arrived(arrivals.take()) }
    }

    private func findWaiting() async {
        var attempt = 0
        while !stopping {
            do { return arrived(Set(try await context.log.lanesWaiting(for: group).keys)) } catch {
                attempt += 1
                if attempt == 1 { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
                let delay = Backoff.delay(after: attempt, random: context.jitter)
                guard (try? await context.time.sleep(delay)) != nil else { return }
            }
        }
    }

    private func arrived(_ new: Set<LaneID>) {
        for lane in new.sorted() {
            plan.arrived(lane, nowNs: now)
            if let seat = plan.session(of: lane) { seats[seat].sleeper.wake() }
        }
        spread()
        guard plan.laneCount > lanesChecked else { return }
        lanesChecked = plan.laneCount
        let (limits, host) = (sites[active].settings.requests, sites[active].target.authority)
        guard let warning = WebBudgets.requestWarning(lanes: lanesChecked, limits: limits, host: host) else { return }
        if fitNote == nil { Log.warning("uplink \(settings.name): \(warning)") }
        fitNote = warning
    }

    /// Lets the sessions look where there is a lane to be had.
    func spread() { if plan.takeNews() { for seat in seatsInUse { seat.sleeper.wake() } } }

    func wakeAll() { for seat in seats { seat.sleeper.wake() } }
}

extension WebDelivery {
    /// The group's sites in their order, each with its sessions.
    private static func make(_ ways: UplinkGroup, _ context: DeliveryContext) throws(UplinkError) -> (
        [WebSite], [WebSeat]
    ) {
        let saved = context.savedSessions[ways.first.name] ?? [:]
        var sites: [WebSite] = []
        var seats: [WebSeat] = []
        for settings in ways.uplinks {
            guard case .login(let accounts) = settings.authentication, !accounts.isEmpty else {
                throw UplinkError(
                    "uplink \(settings.name): tracetrack-web needs an account",
                    hint: "write auth = { kind = \"login\", accounts = [{ username = \"…\", password_file = \"…\" }] }")
            }
            guard !settings.urls.isEmpty else {
                throw UplinkError("uplink \(settings.name): url is missing", hint: "write url = \"https://HOST\"")
            }
            for url in settings.urls {
                let target = try Target(url, settings.name, defaultPath: settings.paths.parent)
                let budgets = context.budgets.host(
                    target.authority, saved: context.savedLogins[target.authority] ?? [], now: context.time.now())
                let site = WebSite(sites.count, settings, target, budgets)
                sites.append(site)
                for account in accounts {
                    for number in 0..<max(1, account.sessions) {
                        let name = name(account.username, number, site)
                        let lines = saved[name] ?? []
                        let web = WebClient(
                            settings: settings, account: account, target: target, policy: settings.httpPolicy,
                            client: context.client, jar: context.client.makeCookieJar(lines), time: context.time,
                            requests: budgets.requests)
                        seats.append(WebSeat(seats.count, site, name: name, web: web, isRestored: !lines.isEmpty))
                    }
                }
            }
        }
        return (sites, seats)
    }

    // A space is in no host and no number, so that no user's name can be taken for another session.
    private static func name(_ username: String, _ number: Int, _ site: WebSite) -> String {
        let place = site.index == 0 ? "" : " \(site.settings.name) \(site.target.authority)"
        return username + place + (number == 0 ? "" : " #\(number + 1)")
    }
}
