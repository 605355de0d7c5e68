internal import Model
internal import Posix

/// What an answer does to the scan, to its lane and to the site.
extension WebDelivery {
    // A parent's route may be in trouble while children pass.
    private static let blameAfter: Duration = .seconds(1800)
    // What somebody in between makes of a scan, where there is no other to pass.
    private static let foreignToHold = 10
    private static let foreignFor: Duration = .seconds(3600)
    private static let unknownToStop = 8
    // Cookies are renewed with each answer, and those of half an hour ago are of no use.
    private static let saveEvery: Duration = .seconds(300)

    /// What an answer does to the lane's head. `forParent`: it was the head's parent that was posted, not the head.
    func take(_ answer: WebAnswer, _ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, forParent: Bool = false) async {
        let place = seat.site.target.authority
        switch answer {
        case .accepted(let text, let count):
            await settle(lane, scan, seat, .done, .success, text: text, childCount: count)
        case .duplicate(let text): await settle(lane, scan, seat, .done, .success, text: text, isDuplicate: true)
        case .rejected(let reason):
            await settle(lane, scan, seat, .rejected(reason: reason), .success, text: reason)
        case .held(let reason): await hold(lane, scan, seat, reason, isUnknown: true)
        case .probablyAccepted(let reason):
            let text = "probably accepted: an earlier answer was lost, and now: \(reason)"
            await hold(lane, scan, seat, text, isUnknown: false)
        case .mismatch(let reason): await freeze(lane, scan, seat, reason)
        case .sessionLost: happened(.nothing, seat.site)
        case .foreign(let reason): await takeForeign(lane, scan, seat, reason, forParent: forParent)
        case .retry(let reason, let after, let ambiguous):
            await askAgain(lane, scan, seat, reason, after: after, ambiguous: ambiguous, forParent: forParent)
        case .slowDown(let reason, let after):
            counts[seat.site.settings.name]?.retries += 1
            seat.site.pace.slowDown()
            let delay = postpone(lane, after)
            happened(.slowDown("\(place): \(reason)", untilNs: now + delay.nanoseconds), seat.site)
        case .cancelled:
            // By stop(), or the client is closed; asking again at once would spin.
            plan.postpone(lane, untilNs: now + Duration.seconds(5).nanoseconds)
            happened(.nothing, seat.site)
        }
    }

    /// Holds the head; answers that nobody understands, one after the other, stop the site.
    func hold(_ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ reason: String, isUnknown: Bool) async {
        guard isUnknown else { return await settle(lane, scan, seat, .held(reason: reason), .success) }
        let site = seat.site
        site.unknownAnswers += 1
        let text =
            "\(site.target.authority): \(site.unknownAnswers) answers in a row that nobody understands: \(reason)"
        let event: UplinkHealth.Event =
            site.unknownAnswers < Self.unknownToStop
            ? .nothing : .block(.misconfigured, text, untilNs: now + UplinkHealth.askAgain.nanoseconds)
        await settle(lane, scan, seat, .held(reason: reason), event)
    }

    /// Records what became of the head, durably, and only then lets the lane go on.
    func settle(
        _ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ settlement: Settlement, _ event: UplinkHealth.Event,
        text: String = "", childCount: Int? = nil, isDuplicate: Bool = false
    ) async {
        happened(event, seat.site)
        if event == .success { traffic.passed += 1 }
        guard await record(lane, scan, settlement) else { return }
        let judged = Judged(
            n: scan.n, id: scan.id, settlement: settlement, text: text, childCount: childCount, isDuplicate: isDuplicate
        )
        counts[seat.site.settings.name]?.count(judged, at: context.time.now())
        var state = lanes[lane] ?? Lane()
        if !state.queue.isEmpty { state.queue.removeFirst() }
        lanes[lane] = Lane(queue: state.queue, answerLost: context.answersMayBeLost)
        let isFull = childCount.map { $0 >= WebSession.childrenOfFullBag } ?? false
        plan.settled(lane, leavesBagOpen: seat.session.parent != nil && !isFull)
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
        if now - savedAtNs >= Self.saveEvery.nanoseconds {
            savedAtNs = now
            // Unstructured: the lane need not wait for it, and it ends by itself.
            Task { await save() }
        }
    }

    /// Tells the site's health; goes on to the next site where this one's breaker opens.
    func happened(_ event: UplinkHealth.Event, _ site: WebSite) {
        let before = site.health.state
        site.health.on(event, nowNs: now)
        if event == .success { (site.unknownAnswers, site.foreignAnswers) = (0, 0) }
        let isOpen = site.health.state == .open
        if isOpen, before != .open, site.index == active, let next = nextSite {
            return go(to: next, because: site.health.lastError ?? "")
        }
        // Whoever waits for the answer of a probe may go on, or wait for the next.
        if before != .ok && before != .backingOff || isOpen { wakeAll() }
    }

    func sayTrouble(_ error: any Error) {
        if !spoolTrouble { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
        spoolTrouble = true
    }

    private func freeze(_ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ reason: String) async {
        plan.freeze(lane)
        counts[seat.site.settings.name]?.frozenLanes[lane] = reason
        Log.error(
            "uplink \(settings.name): lane \(lane) stands still: \(reason); unlink it at the backend, then "
                + "scangate uplink resume \(settings.name)")
        context.observer(settings.name, .laneFrozen(lane, reason: reason))
        await settle(lane, scan, seat, .held(reason: reason), .success)
    }

    @discardableResult
    private func postpone(_ lane: LaneID, _ after: Duration?) -> Duration {
        lanes[lane]?.attempts += 1
        let jitter = Backoff.delay(after: lanes[lane]?.attempts ?? 1, random: context.jitter)
        let delay = max(after ?? .zero, jitter)
        plan.postpone(lane, untilNs: now + delay.nanoseconds)
        return delay
    }

    // It did not get through, or nobody knows whether it did.
    private func askAgain(
        _ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ reason: String, after: Duration? = nil, ambiguous: Bool,
        forParent: Bool
    ) async {
        noteRetry(lane, seat, ambiguous: ambiguous, forParent: forParent)
        lanes[lane]?.blame.failed(traffic, nowNs: now)
        if lanes[lane]?.blame.isItsOwn(traffic, nowNs: now, after: Self.blameAfter) == true {
            let text = "failed again and again while other scans passed: \(reason)"
            return await settle(lane, scan, seat, .held(reason: text), .nothing)
        }
        traffic.failed += 1
        postpone(lane, after)
        happened(.failure("\(seat.site.target.authority): \(reason)"), seat.site)
    }

    // Eight in a row from a site whose pages are the backend's all the same: the url or a path is wrong, a filter stands
    // in between, or a later version has other answers. Each post of a parent may cost a scan row then.
    private func takeForeign(_ lane: LaneID, _ scan: WebScan, _ seat: WebSeat, _ reason: String, forParent: Bool) async
    {
        let site = seat.site
        site.foreignAnswers += 1
        guard site.foreignAnswers >= Self.unknownToStop, await isBackendThere(seat) else {
            let text = "\(reason); a proxy or a login page may answer in the backend's place"
            return await askAgain(lane, scan, seat, text, ambiguous: true, forParent: forParent)
        }
        noteRetry(lane, seat, ambiguous: true, forParent: forParent)
        // From here on only: a portal that stood there for hours says nothing of the scan.
        let before = lanes[lane]?.foreign ?? (answers: 0, sinceNs: now)
        let foreign = (answers: before.answers + 1, sinceNs: before.sinceNs)
        lanes[lane]?.foreign = foreign
        let lasted = now - foreign.sinceNs
        if foreign.answers >= Self.foreignToHold, lasted >= Self.foreignFor.nanoseconds,
            site.unknownAnswers < Self.unknownToStop
        {
            let text = "\(foreign.answers) times in \(lasted / 60_000_000_000) min: \(reason)"
            return await hold(lane, scan, seat, text, isUnknown: true)
        }
        postpone(lane, nil)
        let text =
            "\(site.target.authority): \(site.foreignAnswers) answers in a row that are none of the backend's, which is "
            + "there: check the uplink's paths, and what filters between: \(reason)"
        happened(.block(.misconfigured, text, untilNs: now + UplinkHealth.askAgain.nanoseconds), site)
    }

    // A page of the session has the backend's token; no portal knows it.
    private func isBackendThere(_ seat: WebSeat) async -> Bool {
        guard case .done(let token) = await seat.web.readToken(nil, fallback: "") else { return false }
        return !token.isEmpty
    }

    private func noteRetry(_ lane: LaneID, _ seat: WebSeat, ambiguous: Bool, forParent: Bool) {
        counts[seat.site.settings.name]?.retries += 1
        guard ambiguous else { return }
        counts[seat.site.settings.name]?.ambiguous += 1
        if !forParent { lanes[lane]?.answerLost = true }
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
}
