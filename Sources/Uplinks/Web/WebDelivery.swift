internal import HTTPClient
internal import Model
internal import Posix

/// Drives one group through tracetrack-web: a session an account, each serving its lanes in whole parent blocks.
///
/// A lane keeps its session for the life of the process.
actor WebDelivery: Delivery {
    nonisolated let group: GroupID
    private let settings: UplinkSettings
    private let context: DeliveryContext
    private let workers: [WebWorker]
    private let clients: [WebClient]
    private let budget: LoginBudget
    private nonisolated let arrivals = Arrivals()
    private var workerOfLane: [LaneID: Int] = [:]
    private var stopping = false

    init(_ settings: UplinkSettings, group: GroupID, context: DeliveryContext) throws(UplinkError) {
        guard case .login(let accounts) = settings.authentication, !accounts.isEmpty else {
            throw UplinkError(
                "uplink \(settings.name): tracetrack-web needs an account",
                hint: "write auth = { kind = \"login\", accounts = [{ username = \"…\", password_file = \"…\" }] }")
        }
        guard let url = settings.urls.first else {
            throw UplinkError("uplink \(settings.name): url is missing", hint: "write url = \"https://HOST\"")
        }
        let target = try Target(url, settings.name, defaultPath: settings.paths.parent)
        self.settings = settings
        self.group = group
        self.context = context
        budget = LoginBudget(saved: context.savedLogins[settings.name] ?? [], now: context.time.now())
        let budget = budget
        let saved = context.savedSessions[settings.name] ?? [:]
        clients = accounts.map { account in
            WebClient(
                settings: settings, account: account, target: target, policy: settings.httpPolicy,
                client: context.client, jar: context.client.makeCookieJar(saved[account.username] ?? []),
                time: context.time)
        }
        workers = clients.map { client in
            WebWorker(
                settings, group: group, context: context, web: client, budget: budget,
                isRestored: saved[client.account.username]?.isEmpty == false)
        }
        if !target.isSecure {
            Log.warning(
                "uplink \(settings.name): plain http: the password and every label can be read on the way; cookies "
                    + "marked Secure are \(settings.insecureCookies ? "sent all the same" : "not sent")")
        }
    }

    func run() async {
        guard !stopping else { return }
        await withDiscardingTaskGroup { group in
            for worker in workers { group.addTask { await worker.run() } }
            group.addTask { await self.takeArrivals() }
            group.addTask { await self.findWaiting() }
            if workers.isEmpty { group.cancelAll() }
        }
    }

    nonisolated func scansArrived(in lanes: [LaneID]) { arrivals.add(lanes) }

    func pause(_ uplink: String?) async { for worker in workers { await worker.pause() } }

    func resume(_ uplink: String?) async { for worker in workers { await worker.resume() } }

    func stop() async {
        stopping = true
        arrivals.finish()
        // Side by side: each may have a request under way, and all share the one deadline.
        await withDiscardingTaskGroup { group in
            for worker in workers { group.addTask { await worker.stop() } }
        }
    }

    func test(_ uplink: String) async -> [(url: String, steps: [UplinkTestStep])] {
        guard let client = clients.first else { return [] }
        return [(client.target.base, await client.inNewSession().test())]
    }

    func statuses() async -> [UplinkStatus] {
        var sum = UplinkStatus(name: settings.name, contract: .web, use: settings.use)
        var states: [UplinkState] = []
        for worker in workers {
            let one = await worker.status()
            states.append(one.state)
            sum.isPausedByAdmin = sum.isPausedByAdmin || one.isPausedByAdmin
            sum.inFlight += one.inFlight
            sum.accepted += one.accepted
            sum.duplicates += one.duplicates
            sum.rejected += one.rejected
            sum.held += one.held
            sum.retries += one.retries
            sum.ambiguous += one.ambiguous
            sum.extraParentPosts += one.extraParentPosts
            sum.lastError = sum.lastError ?? one.lastError
            sum.frozenLanes.merge(one.frozenLanes) { first, _ in first }
            if let at = one.lastAcceptedAt, at.uptimeNs > sum.lastAcceptedAt?.uptimeNs ?? .min {
                sum.lastAcceptedAt = at
            }
        }
        let worstFirst: [UplinkState] = [.loginFailed, .misconfigured, .paused, .open, .backingOff, .ok, .stopped]
        sum.state = worstFirst.first(where: states.contains) ?? .stopped
        return [sum]
    }

    func exportSessions() async -> [String: [String]] {
        var sessions: [String: [String]] = [:]
        for client in clients { sessions[client.account.username] = await client.jar.export() }
        return sessions
    }

    func exportLogins() async -> [Int64] { await budget.spentTimes(context.time.now()) }

    func reloadCredentials() async { for worker in workers { await worker.reloadCredentials() } }

    private func takeArrivals() async {
        for await _ in arrivals.wakeUps { await hand(out: arrivals.take()) }
    }

    private func findWaiting() async {
        var attempt = 0
        while !stopping {
            do { return await hand(out: Set(try await context.log.lanesWaiting(for: group).keys)) } catch {
                attempt += 1
                if attempt == 1 { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
                let delay = Backoff.delay(after: attempt, random: context.jitter)
                guard (try? await context.time.sleep(delay)) != nil else { return }
            }
        }
    }

    private func hand(out lanes: Set<LaneID>) async {
        var shares: [Int: [LaneID]] = [:]
        for lane in lanes.sorted() {
            // New lanes go round the sessions in turn.
            let worker = workerOfLane[lane] ?? workerOfLane.count % workers.count
            workerOfLane[lane] = worker
            shares[worker, default: []].append(lane)
        }
        for (worker, lanes) in shares { await workers[worker].arrived(lanes) }
    }
}
