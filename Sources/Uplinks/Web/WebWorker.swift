internal import HTTPClient
internal import Model
internal import Posix

/// One login session of tracetrack-web at work: one request after another, each scan's answer recorded durably before
/// its lane's next request.
///
/// Nothing runs and no timer is set while nothing waits. Memory: 16 scans a lane that is being served.
actor WebWorker {
    // Scans read ahead of a lane; few, since a person may meanwhile discard what has been read.
    private static let readAhead = 16
    private static let stopWithin: Duration = .seconds(10)
    // A scan that the backend fails again and again while others pass.
    private static let failuresToHold = 20
    private static let unknownToStop = 8

    private struct Lane {
        var queue: [WebScan] = []
        var attempts = 0
        var failuresWhilePassing = 0
        var successesSeen = 0
        /// A post of the head may have been acted on. True at the start: an earlier run may have lost an answer.
        var answerLost = true
    }

    private let group: GroupID
    let settings: UplinkSettings
    let context: DeliveryContext
    let web: WebClient
    let budget: LoginBudget
    var session: WebSession
    private var plan: WebPlan
    var health = UplinkHealth(limit: 1)
    private var pace = Pace()
    private var lanes: [LaneID: Lane] = [:]
    private var counts: UplinkStatus
    private var reporter: StateReporter
    private var unknownAnswers = 0
    private var spoolTrouble = false

    private var isRunning = false
    var stopping = false
    var isLoggingIn = false
    var loginAttempts = 0
    /// The digest of the password that the backend refused last.
    var refusedPassword: [UInt8]?
    private var underWay: Task<Void, Never>?
    private var parked: CheckedContinuation<Void, Never>?
    private var isNews = false
    private var ended: [CheckedContinuation<Void, Never>] = []

    init(
        _ settings: UplinkSettings, group: GroupID, context: DeliveryContext, web: WebClient, budget: LoginBudget,
        isRestored: Bool
    ) {
        self.settings = settings
        self.group = group
        self.context = context
        self.web = web
        self.budget = budget
        session = WebSession(restored: isRestored)
        plan = WebPlan(linger: settings.blockLinger)
        counts = UplinkStatus(name: settings.name, contract: .web, use: settings.use)
        reporter = StateReporter(settings.name, context.observer)
    }

    var now: Int64 { context.time.now().uptimeNs }

    // MARK: From outside

    func arrived(_ new: [LaneID]) {
        for lane in new { plan.arrived(lane) }
        wake()
    }

    func pause() {
        health.pause()
        reporter.report(health.state, health.lastError)
    }

    func resume() {
        health.resume()
        pace = Pace()
        plan.thaw()
        counts.frozenLanes = [:]
        reporter.report(health.state, health.lastError)
        wake()
    }

    func status() -> UplinkStatus {
        var status = counts
        status.state = isRunning ? health.state : .stopped
        status.isPausedByAdmin = health.adminPaused
        status.lastError = health.lastError
        status.inFlight = underWay == nil || isLoggingIn ? 0 : 1
        return status
    }

    func stop() async {
        stopping = true
        wake()
        guard isRunning else { return }
        // A login may be broken off; a post may not, since its answer is all that tells what became of the scan.
        if isLoggingIn { underWay?.cancel() }
        let sleep = context.time.sleep
        // Unstructured: it outlives nothing, being cancelled below; a group would wait for its sleep.
        let deadline = Task { [underWay] in
            guard (try? await sleep(Self.stopWithin)) != nil else { return }
            underWay?.cancel()
        }
        await withCheckedContinuation { ended.append($0) }
        deadline.cancel()
    }

    // MARK: The loop

    func run() async {
        isRunning = true
        while !stopping, !Task.isCancelled {
            reporter.report(health.state, health.lastError)
            switch plan.next(nowNs: now) {
            case .wait(let until): await park(until)
            case .serve(let lane):
                guard await mayGo() else { continue }
                await serve(lane)
            }
        }
        isRunning = false
        reporter.report(.stopped, nil)
        for waiter in ended { waiter.resume() }
        ended = []
    }

    // False where it had to wait, and everything has to be looked at again.
    private func mayGo() async -> Bool {
        let earliest = pace.earliestNs
        switch health.permission(now) {
        case .hold: await park(nil)
        case .wait(let until): await park(max(until, earliest))
        case .go, .probe:
            if earliest <= now { return true }
            await park(earliest)
        }
        return false
    }

    private func serve(_ lane: LaneID) async {
        if lanes[lane]?.queue.isEmpty ?? true {
            guard await read(lane) else { return }
        }
        guard let scan = lanes[lane]?.queue.first, !stopping else { return }
        if health.permission(now) == .probe { health.beginProbe() }
        // Unstructured: cancelling run() must not break off a post that the backend may have acted on, nor the record
        // of its answer; stop() cancels it once its time is over.
        let task = Task { await advance(lane, scan) }
        underWay = task
        await task.value
        underWay = nil
    }

    private func read(_ lane: LaneID) async -> Bool {
        plan.willRead(lane)
        do {
            let stored = try await context.log.waiting(
                for: group, lane: lane, maxScans: Self.readAhead, maxBytes: 131_072)
            spoolTrouble = false
            lanes[lane, default: Lane()].queue = stored.map(WebScan.init)
            plan.head(lane, lanes[lane]?.queue.first, nowNs: now)
            return !stored.isEmpty
        } catch {
            sayTrouble(error)
            plan.postpone(lane, untilNs: now + Duration.seconds(5).nanoseconds)
            return false
        }
    }

    // MARK: One request

    private func advance(_ lane: LaneID, _ scan: WebScan) async {
        switch session.step(for: scan, nowNs: now) {
        case .hold(let reason): await settle(lane, scan, .held(reason: reason), .nothing)
        case .login: await login()
        case .readToken: await readToken()
        case .postParent(let label): await postParent(lane, scan, label, again: false)
        case .postParentAgain(let label): await postParent(lane, scan, label, again: true)
        case .postChild(let label, let parent): await postChild(lane, scan, label, parent)
        }
    }

    private func postParent(_ lane: LaneID, _ scan: WebScan, _ label: String, again: Bool) async {
        session.parentGoesOut()
        if again { counts.extraParentPosts += 1 }
        let answer = await post(web.target.path, label, scan) { response, backendMs, loginPath in
            WebTable.parent(response, parent: label, loginPath: loginPath, backendMs: backendMs)
        }
        if session.parentAnswered(answer, label: label) { return loseSession() }
        guard again else { return await take(answer, lane, scan) }
        switch answer {
        case .accepted, .duplicate:
            unknownAnswers = 0
            health.on(.success, nowNs: now)
        case .rejected(let reason): await hold(lane, scan, "its bag was refused: \(reason)", isUnknown: false)
        case .held(let reason): await hold(lane, scan, "its bag's post: \(reason)", isUnknown: true)
        case .sessionLost, .retry, .slowDown, .mismatch, .cancelled: await take(answer, lane, scan, forParent: true)
        }
    }

    private func postChild(_ lane: LaneID, _ scan: WebScan, _ label: String, _ parent: String) async {
        let lost = lanes[lane]?.answerLost ?? false
        let answer = await post(settings.paths.child, label, scan) { response, backendMs, loginPath in
            WebTable.child(
                response, label: label, parent: parent, answerLost: lost, loginPath: loginPath, backendMs: backendMs)
        }
        if session.childAnswered(answer) { return loseSession() }
        await take(answer, lane, scan)
    }

    private func post(
        _ path: String, _ label: String, _ scan: WebScan,
        _ classify: (HTTPResponse, _ backendMs: Int64, _ loginPath: String) -> WebAnswer
    ) async -> WebAnswer {
        pace.requestGoesOut(now)
        switch await web.post(path, label: label, id: scan.id, token: session.token) {
        case .success(let response):
            let backendMs = response.headers["Date"].flatMap(HTTPDate.parse) ?? context.time.now().wallMs
            return classify(response, backendMs, settings.paths.login)
        case .failure(let error): return WebTable.failure(error)
        }
    }

    // What an answer does to the lane's head. `forParent`: it was the head's parent that was posted, not the head.
    private func take(_ answer: WebAnswer, _ lane: LaneID, _ scan: WebScan, forParent: Bool = false) async {
        switch answer {
        case .accepted(let text, let count):
            await settle(lane, scan, .done, .success, text: text, childCount: count)
        case .duplicate(let text): await settle(lane, scan, .done, .success, text: text, isDuplicate: true)
        case .rejected(let reason): await settle(lane, scan, .rejected(reason: reason), .success, text: reason)
        case .held(let reason): await hold(lane, scan, reason, isUnknown: !reason.hasPrefix("probably accepted"))
        case .mismatch(let reason):
            plan.freeze(lane)
            counts.frozenLanes[lane] = reason
            Log.error(
                "uplink \(settings.name): lane \(lane) stands still: \(reason); unlink it at the backend, then "
                    + "scangate uplink resume \(settings.name)")
            context.observer(settings.name, .laneFrozen(lane, reason: reason))
            await settle(lane, scan, .held(reason: reason), .success)
        case .sessionLost: health.on(.nothing, nowNs: now)
        case .retry(let reason, let after, let ambiguous):
            counts.retries += 1
            if ambiguous {
                counts.ambiguous += 1
                if !forParent { lanes[lane]?.answerLost = true }
            }
            if let held = countFailure(lane, reason) { return await hold(lane, scan, held, isUnknown: false) }
            postpone(lane, after)
            health.on(.failure("\(web.target.authority): \(reason)"), nowNs: now)
        case .slowDown(let reason, let after):
            counts.retries += 1
            pace.slowDown()
            let delay = postpone(lane, after)
            health.on(
                .slowDown("\(web.target.authority): \(reason)", untilNs: now + delay.nanoseconds), nowNs: now)
        case .cancelled:
            // By stop(), or the client is closed; asking again at once would spin.
            plan.postpone(lane, untilNs: now + Duration.seconds(5).nanoseconds)
            health.on(.nothing, nowNs: now)
        }
    }

    @discardableResult
    private func postpone(_ lane: LaneID, _ after: Duration?) -> Duration {
        lanes[lane]?.attempts += 1
        let jitter = Backoff.delay(after: lanes[lane]?.attempts ?? 1, random: context.jitter)
        let delay = max(after ?? .zero, jitter)
        plan.postpone(lane, untilNs: now + delay.nanoseconds)
        return delay
    }

    private func countFailure(_ lane: LaneID, _ reason: String) -> String? {
        guard var state = lanes[lane] else { return nil }
        if health.successes > state.successesSeen { state.failuresWhilePassing += 1 }
        state.successesSeen = health.successes
        lanes[lane] = state
        guard state.failuresWhilePassing >= Self.failuresToHold else { return nil }
        return "failed again and again while other scans passed: \(reason)"
    }

    private func hold(_ lane: LaneID, _ scan: WebScan, _ reason: String, isUnknown: Bool) async {
        guard isUnknown else { return await settle(lane, scan, .held(reason: reason), .success) }
        unknownAnswers += 1
        let text = "\(web.target.authority): \(unknownAnswers) answers in a row that nobody understands: \(reason)"
        let event: UplinkHealth.Event =
            unknownAnswers < Self.unknownToStop
            ? .nothing : .block(.misconfigured, text, untilNs: now + UplinkHealth.askAgain.nanoseconds)
        await settle(lane, scan, .held(reason: reason), event)
    }

    // Records what became of the head, durably, and only then lets the lane go on.
    private func settle(
        _ lane: LaneID, _ scan: WebScan, _ settlement: Settlement, _ event: UplinkHealth.Event, text: String = "",
        childCount: Int? = nil, isDuplicate: Bool = false
    ) async {
        health.on(event, nowNs: now)
        if event == .success { unknownAnswers = 0 }
        guard await record(lane, scan, settlement) else { return }
        let judged = Judged(
            n: scan.n, id: scan.id, settlement: settlement, text: text, childCount: childCount, isDuplicate: isDuplicate
        )
        counts.count(judged, at: context.time.now())
        if lanes[lane]?.queue.isEmpty == false { lanes[lane]?.queue.removeFirst() }
        lanes[lane]?.attempts = 0
        lanes[lane]?.failuresWhilePassing = 0
        lanes[lane]?.successesSeen = health.successes
        lanes[lane]?.answerLost = context.answersMayBeLost
        plan.settled(lane, leavesBagOpen: session.parent != nil)
        if let next = lanes[lane]?.queue.first {
            plan.head(lane, next, nowNs: now)
        } else {
            plan.headUsedUp(lane)
        }
        context.observer(
            settings.name,
            .judged(
                lane: lane, n: scan.n, id: scan.id, settlement: settlement, text: text, childCount: childCount,
                isDuplicate: isDuplicate))
    }

    private func record(_ lane: LaneID, _ scan: WebScan, _ settlement: Settlement) async -> Bool {
        var attempt = 0
        while true {
            do {
                try await context.log.settle(group: group, lane: lane, [(scan.n, settlement)], durable: true)
                spoolTrouble = false
                return true
            } catch {
                // Sending it again instead would cost a scan row, or worse; the answer is kept until it is recorded.
                sayTrouble(error)
                attempt += 1
                guard !stopping || attempt < 3 else { return false }
                let delay = Backoff.delay(after: attempt, random: context.jitter)
                guard (try? await context.time.sleep(delay)) != nil else { return false }
            }
        }
    }

    private func sayTrouble(_ error: any Error) {
        if !spoolTrouble { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
        spoolTrouble = true
    }

    // MARK: Waiting

    func wake() {
        isNews = true
        parked?.resume()
        parked = nil
    }

    // Until something happens, or that uptime.
    private func park(_ untilNs: Int64?) async {
        guard !stopping else { return }
        if !isNews {
            let sleep = context.time.sleep
            // Unstructured: a group would not return before the sleep has. Cancelled when the worker wakes.
            let timer = untilNs.map { until in
                Task { [delay = Duration.nanoseconds(max(0, until - now))] in
                    if (try? await sleep(delay)) != nil { self.wake() }
                }
            }
            await withTaskCancellationHandler {
                await withCheckedContinuation { parked = $0 }
            } onCancel: {
                // Unstructured: a cancellation handler cannot await the actor.
                Task { await self.wake() }
            }
            timer?.cancel()
        }
        isNews = false
    }
}
