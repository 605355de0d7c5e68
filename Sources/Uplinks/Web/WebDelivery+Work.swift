internal import HTTPClient
internal import Model
internal import Posix

/// A session's work: which lane, which request, and the waiting in between.
extension WebDelivery {
    // Scans read ahead of a lane; few, since a person may meanwhile discard what has been read.
    private static let readAhead = 16

    /// The life of one session.
    func work(_ index: Int) async {
        let seat = seats[index]
        while !stopping, !Task.isCancelled {
            report()
            guard seat.site.index == active else {
                giveUpLanes(seat)
                await park(seat.sleeper, nil)
                continue
            }
            if let until = seat.block?.untilNs, until > now {
                giveUpLanes(seat)
                await park(seat.sleeper, plan.hasWork(index) ? until : nil)
                continue
            }
            plan.open(index, isLoggedIn: seat.session.isLoggedIn)
            let next = plan.next(for: index, nowNs: now)
            // The lane that it had may be another's now.
            spread()
            switch next {
            case .wait(let until): await park(seat.sleeper, until)
            case .serve(let lane):
                guard await mayGo(seat) else { continue }
                await serve(lane, seat)
            }
        }
        giveUpLanes(seat)
    }

    private func giveUpLanes(_ seat: WebSeat) {
        plan.close(seat.index, nowNs: now)
        spread()
    }

    // False where it had to wait, and everything has to be looked at again.
    private func mayGo(_ seat: WebSeat) async -> Bool {
        let earliest = seat.site.pace.earliestNs
        switch seat.site.health.permission(now) {
        case .hold: await park(seat.sleeper, nil)
        case .wait(let until): await park(seat.sleeper, max(until, earliest))
        case .go, .probe:
            if earliest <= now { return true }
            await park(seat.sleeper, earliest)
        }
        return false
    }

    private func serve(_ lane: LaneID, _ seat: WebSeat) async {
        if let first = lanes[lane]?.queue.first, await !context.log.areWaiting([first.n], for: group, lane: lane) {
            // The lane was taken back since they were read: they are another's to send.
            lanes[lane] = Lane()
        }
        if lanes[lane]?.queue.isEmpty ?? true {
            guard await read(lane) else { return }
        }
        // While the log was read another session may have begun the site's probe.
        guard let scan = lanes[lane]?.queue.first, !stopping, seat.site.health.permission(now) != .hold else { return }
        if seat.site.health.permission(now) == .probe { seat.site.health.beginProbe() }
        let index = seat.index
        // Unstructured: cancelling run() must not break off a post that the backend may have acted on, nor the record
        // of its answer; stop() cancels it once its time is over.
        let task = Task { await self.advance(lane, scan, index) }
        seat.underWay = task
        await task.value
        seat.underWay = nil
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

    private func advance(_ lane: LaneID, _ scan: WebScan, _ index: Int) async {
        let seat = seats[index]
        switch seat.session.step(for: scan, nowNs: now) {
        case .hold(let reason): await settle(lane, scan, seat, .held(reason: reason), .nothing)
        case .login: await login(seat)
        case .readToken: await readToken(seat)
        case .postParent(let label): await postParent(lane, scan, seat, label, again: false)
        case .postParentAgain(let label): await postParent(lane, scan, seat, label, again: true)
        case .postChild(let label, let parent): await postChild(lane, scan, seat, label, parent)
        case .wait(let until):
            plan.postpone(lane, untilNs: until)
            // It may have been the site's probe: where nobody says that none is under way, nothing goes out ever again.
            happened(.nothing, seat.site)
        }
    }

    private func postParent(_ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ label: String, again: Bool) async {
        guard mayAsk(lane, seat) else { return }
        seat.session.parentGoesOut()
        if again { counts[seat.site.settings.name]?.extraParentPosts += 1 }
        let answer = await post(seat.web.target.path, label, of: nil, scan, seat) { response, backendMs, loginPath in
            WebTable.parent(response, parent: label, loginPath: loginPath, backendMs: backendMs)
        }
        if seat.session.parentAnswered(answer, label: label) { return loseSession(seat) }
        guard again else { return await take(answer, lane, scan, seat) }
        switch answer {
        case .accepted, .duplicate: happened(.success, seat.site)
        case .rejected(let reason):
            await hold(lane, scan, seat, "its bag was refused: \(reason)", isUnknown: false)
        case .held(let reason), .probablyAccepted(let reason):
            await hold(lane, scan, seat, "its bag's post: \(reason)", isUnknown: true)
        case .foreign, .sessionLost, .retry, .slowDown, .mismatch, .cancelled:
            await take(answer, lane, scan, seat, forParent: true)
        }
    }

    private func postChild(_ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ label: String, _ parent: String) async {
        if seat.site.settings.requests.countsChildren { guard mayAsk(lane, seat) else { return } }
        let lost = lanes[lane]?.answerLost ?? false
        var answer = await post(seat.site.settings.paths.child, label, of: parent, scan, seat) {
            response, backendMs, loginPath in
            WebTable.child(
                response, label: label, parent: parent, answerLost: lost, loginPath: loginPath, backendMs: backendMs)
        }
        if case .probablyAccepted(let reason) = answer {
            answer = await readBack(lane, seat, label, parent, reason)
        }
        if seat.session.childAnswered(answer, label: label) { return loseSession(seat) }
        await take(answer, lane, scan, seat)
    }

    // Posts a parent, or a child of `parent`.
    private func post(
        _ path: String, _ label: String, of parent: String?, _ scan: WebScan, _ seat: WebSeat,
        _ classify: (HTTPResponse, _ backendMs: Int64, _ loginPath: String) -> WebAnswer
    ) async -> WebAnswer {
        seat.site.pace.requestGoesOut(now)
        let result = await seat.web.post(path, label: label, id: scan.id, token: seat.session.token)
        let ranOutOfTime =
            switch result {
            // A proxy's time.
            case .success(let response): response.status == 504
            case .failure(let error): error.requestMayHaveBeenSent && [.timeout, .cancelled].contains(error.code)
            }
        if ranOutOfTime {
            seat.session.mayComeLate(label, of: parent ?? label, isParent: parent == nil, nowNs: now)
        }
        switch result {
        case .success(let response):
            let backendMs = response.headers["Date"].flatMap(HTTPDate.parse) ?? context.time.now().wallMs
            let answer = classify(response, backendMs, seat.site.settings.paths.login)
            // Whoever answered in its place may have done so before the backend got to it.
            if case .foreign = answer {
                seat.session.mayComeLate(label, of: parent ?? label, isParent: parent == nil, nowNs: now)
            }
            return answer
        case .failure(let error): return WebTable.failure(error)
        }
    }

    // Asks the backend whether the child is in the bag that is full now, before a person has to.
    private func readBack(_ lane: LaneID, _ seat: WebSeat, _ label: String, _ parent: String, _ refusal: String)
        async -> WebAnswer
    {
        let paths = seat.site.settings.paths
        func unknown(_ reason: String) -> WebAnswer { .probablyAccepted("\(refusal) (\(reason))") }
        guard !paths.children.isEmpty else { return .probablyAccepted(refusal) }
        switch await seat.web.children(of: parent) {
        case .success(let response):
            let isRead = response.status == 200
            if response.status == 401 || WebTable.leadsToLogin(response, paths.login) {
                return .sessionLost("\(paths.children) was answered \(response.status)")
            }
            if response.status == 429 || response.status >= 500, isWorthAsking(lane) {
                return .retry("\(paths.children) was answered \(response.status)", after: nil, ambiguous: false)
            }
            lanes[lane]?.readBackFailures = 0
            let most = WebReadBack.childrenOfFullBag(refusal)
            switch WebReadBack.judge(response, label: label, parent: parent, most: most) {
            case .listed: return .duplicate(text: "read back: it is in \(Safe.text(parent))")
            case .notListed: return .rejected("\(refusal) (read back: it is not in \(Safe.text(parent)))")
            case .unreadable(let reason): return unknown(isRead ? "read back: \(reason)" : reason)
            }
        case .failure(let error):
            if error.code == .cancelled || error.code == .closed { return .cancelled }
            return isWorthAsking(lane)
                ? .retry(error.description, after: nil, ambiguous: false) : unknown("read back: \(error.description)")
        }
    }

    // Three times; then it is held as before.
    private func isWorthAsking(_ lane: LaneID) -> Bool {
        lanes[lane]?.readBackFailures += 1
        return lanes[lane]?.readBackFailures ?? 3 < 3
    }

    // Takes a request from the budget; false where the lane has to wait for it.
    private func mayAsk(_ lane: LaneID, _ seat: WebSeat) -> Bool {
        let limits = seat.site.settings.requests
        guard let until = seat.site.budgets.requests.take(limits, nowNs: now) else { return true }
        seat.site.budgetUsedUpUntilNs = until
        plan.postpone(lane, untilNs: until)
        happened(.nothing, seat.site)
        return false
    }

    // MARK: Waiting

    /// Until something happens, or that uptime.
    func park(_ sleeper: Sleeper, _ untilNs: Int64?) async {
        guard !stopping else { return }
        if !sleeper.isNews {
            let sleep = context.time.sleep
            // Unstructured: a group would not return before the sleep has. Cancelled when the sleeper wakes.
            let timer = untilNs.map { until in
                Task { [delay = Duration.nanoseconds(max(0, until - now)), index = sleeper.index] in
                    if (try? await sleep(delay)) != nil { self.wake(index) }
                }
            }
            let index = sleeper.index
            await withTaskCancellationHandler {
                await withCheckedContinuation {
                    // The timer may have fired on the way here.
                    if sleeper.isNews { $0.resume() } else { sleeper.parked = $0 }
                }
            } onCancel: {
                // Unstructured: a cancellation handler cannot await the actor.
                Task { await self.wake(index) }
            }
            timer?.cancel()
        }
        sleeper.isNews = false
    }

    private func wake(_ index: Int?) { (index.map { seats[$0].sleeper } ?? watcher).wake() }
}
