internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// Drives the lanes of one group through its ways out under tracetrack-devices: at most `in_flight` batches at once, one
/// a lane, and no lane waits for another's trouble or behind its backlog.
///
/// One task a batch, none a scan; nothing runs and no timer is set while nothing waits. Memory: one read of the log
/// (at most `batch.max_bytes`) for each lane under way or in trouble. A batch that goes another way, by a fallback or
/// to another region, has the same bytes and id there, since all ways of a group share one backend.
actor DevicesDelivery: Delivery {
    nonisolated let group: GroupID
    private let settings: UplinkSettings
    private let context: DeliveryContext
    private nonisolated let arrivals = Arrivals()

    /// What the tasks of `run` do.
    private enum Job {
        case batch(LaneID, way: Int)
        case probe(way: Int)
    }

    // No stored scan is larger: 8,192 bytes of label as JSON escapes, the raw bytes and the other fields.
    private static let largestScan = 65_536

    private var lanes: [LaneID: Lane] = [:]
    private var queue = LaneQueue()
    private var routes: Routes
    /// The uplinks of the ways that are well, for `canDeliver`; as `areWell` was when it was last looked at.
    private nonisolated let well: Mutex<[any Uplink]>
    private var areWell: [Bool]
    private var poison = PoisonWatch()
    private var pace = RequestPace()
    private var logTrouble = false
    private var isSkipping = false
    private var timer: (atNs: Int64, task: Task<Void, Never>)?
    private var stopping = false
    private var work: AsyncStream<Job>.Continuation?
    private var ended = false
    private var stopWaiters: [CheckedContinuation<Void, Never>] = []

    /// - Parameter ways: an uplink for each url of each of the group's uplinks, the preferred one first; not empty.
    init(
        _ group: UplinkGroup, ways: [(settings: UplinkSettings, url: String, uplink: any Uplink)],
        context: DeliveryContext
    ) {
        settings = group.first
        self.group = group.id
        self.context = context
        routes = Routes(ways.map { Route($0.settings, $0.url, $0.uplink, context.observer) })
        well = Mutex(ways.map(\.uplink))
        areWell = ways.map { _ in true }
    }

    nonisolated var canDeliver: Bool { well.withLock { $0.contains(where: \.isConnected) } }

    // MARK: Running

    func run() async {
        guard !stopping else { return finish() }
        let (stream, continuation) = AsyncStream.makeStream(of: Job.self)
        work = continuation
        let uplinks = routes.all.map(\.uplink)
        for uplink in uplinks { await uplink.start() }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.takeArrivals() }
            group.addTask { await self.findWaiting() }
            // Bounded by the numbers of lanes and ways: each is in it once at most.
            for await job in stream {
                group.addTask {
                    switch job {
                    case .batch(let lane, let way): await self.step(lane, way)
                    case .probe(let way): await self.probe(way)
                    }
                }
            }
            group.cancelAll()
        }
        await withDiscardingTaskGroup { group in
            for uplink in uplinks { group.addTask { await uplink.close() } }
        }
        finish()
    }

    func stop() async {
        stopping = true
        timer?.task.cancel()
        arrivals.finish()
        work?.finish()
        guard !ended, work != nil else { return }
        await withCheckedContinuation { stopWaiters.append($0) }
    }

    private func finish() {
        ended = true
        for way in routes.all.indices { routes[way].reporter.report(.stopped, nil) }
        for waiter in stopWaiters { waiter.resume() }
        stopWaiters = []
    }

    nonisolated func scansArrived(in lanes: [LaneID]) { arrivals.add(lanes) }

    func pause(_ uplink: String?) {
        for way in routes.all.indices where uplink == nil || routes[way].settings.name == uplink {
            routes[way].health.pause()
        }
        wakeSleepers(onlyForUplink: true)
        settleDown()
    }

    func resume(_ uplink: String?) {
        for way in routes.all.indices where uplink == nil || routes[way].settings.name == uplink {
            routes[way].health.resume()
        }
        wakeSleepers(onlyForUplink: false)
        settleDown()
    }

    func test(_ uplink: String) async -> [(url: String, steps: [UplinkTestStep])] {
        var results: [(url: String, steps: [UplinkTestStep])] = []
        for route in routes.all where route.settings.name == uplink {
            results.append((route.url, await route.uplink.test(context)))
        }
        return results
    }

    func statuses() -> [UplinkStatus] {
        var statuses = routes.statuses(isRunning: !ended && work != nil)
        for (_, lane) in lanes {
            guard case .running(let way) = lane.phase,
                let index = statuses.firstIndex(where: { $0.name == routes[way].settings.name })
            else { continue }
            statuses[index].inFlight += lane.machine.nextCount
        }
        return statuses
    }

    nonisolated func exportSessions() async -> [String: [String]] { [:] }

    nonisolated func exportLogins() async -> [String: [Int64]] { [:] }

    func reloadCredentials() {
        for way in routes.all.indices {
            routes[way].credentialGeneration += 1
            routes[way].credentialReloaded = false
            routes[way].uplink.reloadCredential()
            routes[way].health.askAtOnce()
        }
        settleDown()
    }

    private func takeArrivals() async {
        for await _ in arrivals.wakeUps {
            for lane in arrivals.take() { arrived(lane) }
            settleDown()
            await skipWhatIsTooMuch()
        }
    }

    // A mirror gives up its oldest scans rather than fill the spool: they are copies.
    private func skipWhatIsTooMuch() async {
        guard settings.use == .mirror else { return }
        do {
            let skipped = try await context.log.skipOldest(for: group, keeping: settings.maxBacklog)
            guard skipped > 0 else { return }
            if !isSkipping {
                Log.warning(
                    "mirror \(settings.name): more than \(settings.maxBacklog) scans wait for it, or the spool is nearly "
                        + "full: the oldest are given up here (the primary has them); see `scangate uplink list`")
            }
            isSkipping = true
            routes[0].counts.skipped += skipped
        } catch { sayLogTrouble(error) }
    }

    // At the start: what an earlier run left behind.
    private func findWaiting() async {
        var attempt = 0
        while !stopping {
            do {
                for lane in try await context.log.lanesWaiting(for: group).keys {
                    lanes[lane, default: Lane()].isBehind = true
                    arrived(lane)
                }
                return settleDown()
            } catch {
                attempt += 1
                sayLogTrouble(error)
                let delay = Backoff.delay(after: attempt, random: context.jitter)
                guard (try? await context.time.sleep(delay)) != nil else { return }
            }
        }
    }

    private func arrived(_ id: LaneID) {
        lanes[id, default: Lane()].arrived = true
        guard lanes[id]?.phase.isIdle == true else { return }
        if settings.batching.linger > .zero {
            lanes[id]?.phase = .sleeping(untilNs: now + settings.batching.linger.nanoseconds)
        } else {
            gather(id)
        }
    }

    // Sends the lane's new scans, at once or, under load, a little later.
    private func gather(_ id: LaneID) {
        if let due = pace.due(at: now) { lanes[id]?.phase = .sleeping(untilNs: due) } else { enqueue(id) }
    }

    private func enqueue(_ id: LaneID) {
        if case .resting(let until) = lanes[id]?.phase, until <= now { lanes[id]?.asksRefused = true }
        lanes[id]?.phase = .ready
        queue.add(id, isBehind: lanes[id]?.isBehind ?? false)
    }

    private var now: Int64 { context.time.now().uptimeNs }

    // MARK: Scheduling

    // After any change: wakes who is due, starts what may start, sets the one timer, says what is new.
    private func settleDown() {
        guard !stopping, let work else { return }
        let now = now
        var earliest = Int64.max
        for (id, lane) in lanes {
            guard let until = lane.phase.untilNs else { continue }
            if until <= now { enqueue(id) } else { earliest = min(earliest, until) }
        }
        start: while !queue.isEmpty {
            let (choice, probes) = routes.choose(now)
            for way in probes { work.yield(.probe(way: way)) }
            switch choice {
            case .use(let way):
                let freeNs = roomForBacklog(way, now)
                guard let (id, isBehind) = queue.next(orBehind: freeNs <= now) else {
                    earliest = min(earliest, freeNs)
                    break start
                }
                lanes[id]?.takesShareSinceNs = isBehind ? now : nil
                lanes[id]?.stage = nil
                lanes[id]?.phase = .running(way: way)
                routes[way].running += 1
                work.yield(.batch(id, way: way))
            case .wait(let until):
                earliest = min(earliest, until)
                queue.fallBehind()
                break start
            case .hold: break start
            }
        }
        setTimer(earliest)
        for way in routes.all.indices {
            let health = routes[way].health
            routes[way].reporter.report(health.state, health.lastError)
        }
        let health = routes.all.map(\.health.isWell)
        guard health != areWell else { return }
        areWell = health
        let uplinks = routes.all.filter(\.health.isWell).map(\.uplink)
        well.withLock { $0 = uplinks }
    }

    // From when on a lane with a backlog may go this way; at once as a probe, for which there may be nobody else.
    private func roomForBacklog(_ way: Int, _ now: Int64) -> Int64 {
        let share = routes[way].health.backlog.requests
        guard routes[way].running >= share, !routes[way].health.probing else { return now }
        let ends = lanes.values.filter { $0.phase == .running(way: way) }
            .compactMap { $0.takesShareSinceNs.map { $0 + BacklogShare.patience.nanoseconds } }.filter { $0 > now }
        return ends.count < share ? now : ends.sorted()[ends.count - share]
    }

    // Those that sleep because their uplink failed, or all of them.
    private func wakeSleepers(onlyForUplink: Bool) {
        for (id, lane) in lanes {
            switch lane.phase {
            case .sleeping(_, let forUplink) where forUplink || !onlyForUplink: enqueue(id)
            case .resting where !onlyForUplink:
                lanes[id]?.asksRefused = true
                enqueue(id)
            default: break
            }
        }
    }

    private func probe(_ way: Int) async {
        let works = await routes[way].uplink.probe()
        let text = routes[way].health.lastError ?? "no answer"
        heard(works ? .recovered : .failure(text), of: way)
        settleDown()
    }

    // Works an answer's meaning for its way in. Where another way is to be used now, whoever waits for the old one goes.
    private func heard(_ event: UplinkHealth.Event, of way: Int) {
        let wasBlocked = routes[way].health.isBlocked
        let isFree = routes.on(event, of: way, now)
        if isFree || (!wasBlocked && routes[way].health.isBlocked && routes.alternative(to: way, now) != nil) {
            wakeSleepers(onlyForUplink: true)
        }
    }

    private func setTimer(_ atNs: Int64) {
        if let timer {
            guard timer.atNs != atNs else { return }
            timer.task.cancel()
            self.timer = nil
        }
        guard atNs < .max else { return }
        let (delay, sleep) = (Duration.nanoseconds(atNs - now), context.time.sleep)
        // Unstructured: a task group cannot cancel one of its tasks, and an outdated timer would be a wake-up without
        // cause. Cancelled by the next one and by stop().
        let task = Task { [weak self] in
            guard (try? await sleep(delay)) != nil else { return }
            await self?.timerFired(atNs)
        }
        timer = (atNs, task)
    }

    private func timerFired(_ atNs: Int64) {
        if timer?.atNs == atNs { timer = nil }
        settleDown()
    }

    // MARK: One batch

    private func step(_ id: LaneID, _ first: Int) async {
        let (event, way) = await attempt(id, first)
        if !poison.takeUndecided(in: id).isEmpty { readAgain(id) }
        routes[way].running -= 1
        heard(event, of: way)
        settleDown()
    }

    // Sends a batch one way, and the next ways where nothing can have arrived at that one.
    private func send(_ batch: EncodedBatch, of id: LaneID, _ first: Int) async -> (BatchAnswer, way: Int, Int) {
        var way = first
        while true {
            let generation = routes[way].credentialGeneration
            let before = now
            routes[way].counts.plainBytes += batch.plainBytes
            routes[way].counts.sentBytes += batch.body.count
            let answer = await routes[way].uplink.deliver(batch)
            if answer.isVerdict {
                let underWay = lanes.values.count { $0.phase == .running(way: way) && $0.takesShareSinceNs != nil }
                routes[way].health.note(tookNs: now - before, stage: lanes[id]?.stage, underWay: underWay)
            }
            if answer != .cancelled {
                context.observer(
                    routes[way].settings.name,
                    .attempted(took: .nanoseconds(now - before), failed: answer.isUplinksTrouble))
            }
            guard case .unreachable(let text) = answer, let next = routes.alternative(to: way, now) else {
                return (answer, way, generation)
            }
            heard(.failure(text), of: way)
            routes[way].running -= 1
            way = next
            routes[way].running += 1
            lanes[id]?.phase = .running(way: way)
            // It was cut for the other way's share.
            lanes[id]?.stage = nil
        }
    }

    // Reads, sends and settles one batch of the lane, sets the lane's next phase, and returns what it says of the way
    // that it took in the end.
    private func attempt(_ id: LaneID, _ first: Int) async -> (UplinkHealth.Event, way: Int) {
        do {
            if let kept = lanes[id]?.machine.nextNumbers, !kept.isEmpty,
                await !context.log.areWaiting(kept, for: group, lane: id)
            {
                // The lane was taken back, or a mirror gave them up: what is the group's now is read anew.
                lanes[id]?.machine.drop()
            }
            if lanes[id]?.machine.hasWork == false { try await read(id, first) }
        } catch {
            return (logFailed(id, error), first)
        }
        guard let next = lanes[id]?.machine.next else { return (.nothing, first) }
        let batch: EncodedBatch
        switch next {
        case .batch(let made): batch = made
        case .encode(let scans, let compress):
            batch = await EncodedBatch.make(of: scans.map(\.wire), in: id, compress: compress, context)
            lanes[id]?.machine.keep(batch)
        }
        let (answer, way, generation) = await send(batch, of: id, first)
        guard let outcome = lanes[id]?.machine.on(answer, successes: routes.successes, nowNs: now) else {
            return (.nothing, way)
        }
        let event = event(for: answer, of: way, sentWith: generation)
        routes[way].counts.retries += outcome.retries
        routes[way].counts.foreignResults += outcome.foreign
        var putBack = false
        if let suspect = outcome.suspect {
            let underWay = lanes.filter { $0.key != id && $0.value.isRunning }
            putBack = poison.add(suspect, in: id, underWay: Set(underWay.keys))
        }
        if putBack {
            // Their scans are read again in order; the batch that came behind them is read again as well.
            for lane in lanes.keys where lanes[lane]?.isRunning == false { lanes[lane]?.machine.drop() }
            lanes[id]?.machine.drop()
            lanes[id]?.mayHaveMore = true
            for (lane, state) in lanes where state.phase.isIdle { enqueue(lane) }
        }
        do {
            try await settle(outcome.judged, id, way)
            if event == .success { try await confirmSuspects(id, way) }
        } catch {
            return (logFailed(id, error), way)
        }
        if answer == .cancelled {
            // Not by stop(), or nobody would look any more: the client is closed. Asking again at once would spin.
            lanes[id]?.phase = .sleeping(untilNs: now + Duration.seconds(5).nanoseconds)
        } else {
            decidePhase(id, outcome, way, isUplinks: answer.isUplinksTrouble)
        }
        if putBack, case .refused(let text) = answer {
            let event = blocked(
                .paused,
                "\(PoisonWatch.limit) scans in a row were refused alone, which is not the scans' fault: \(text)")
            return (event, way)
        }
        return (event, way)
    }

    // From the front: scans that were put back come first again.
    private func readAgain(_ id: LaneID) {
        lanes[id]?.machine.drop()
        lanes[id]?.mayHaveMore = true
        if lanes[id]?.phase.isIdle == true { enqueue(id) }
    }

    // Nothing to send. The last scan of a shift may be one that was refused and had nothing behind it: without this it
    // would wait until somebody scans again, though the fault in between may have gone.
    private func rest(_ id: LaneID) {
        lanes[id]?.phase =
            poison.count(in: id) == 0 ? .idle : .resting(untilNs: now + UplinkHealth.askAgain.nanoseconds)
    }

    private func read(_ id: LaneID, _ way: Int) async throws {
        lanes[id]?.arrived = false
        if lanes[id]?.asksRefused == true {
            lanes[id]?.asksRefused = false
            poison.putBack(in: id)
        }
        let aside = poison.count(in: id)
        var most = settings.batching.maxScans
        if lanes[id]?.takesShareSinceNs != nil {
            most = routes[way].health.backlog.scans
            lanes[id]?.stage = routes[way].health.backlog.stage
        }
        // Room for the batch's header and the commas.
        let bytes = settings.batching.maxBytes - 600 - settings.batching.maxScans
        let stored = try await context.log.waiting(
            for: group, lane: id, maxScans: most + aside, maxBytes: max(bytes, 1))
        logTrouble = false
        let open = aside == 0 ? stored : stored.filter { !poison.isSuspect($0.n, in: id) }
        var scans: [DevicesLane.Scan] = []
        scans.reserveCapacity(open.count)
        var unreadable: [Judged] = []
        for scan in open {
            if let scanID = WireScan.id(of: scan.wire) {
                scans.append(DevicesLane.Scan(n: scan.n, id: scanID, wire: scan.wire))
            } else {
                let reason = Settlement.held(reason: "the stored bytes have no readable id")
                unreadable.append(Judged(n: scan.n, id: UUID(high: 0, low: 0), settlement: reason))
            }
        }
        try await settle(unreadable, id, way)
        let hasMore =
            stored.count >= most + aside
            || stored.reduce(Self.largestScan) { $0 + $1.wire.count } > bytes
        // A backlog that goes out, to its last batch, is no reason to let new scans gather.
        if !hasMore, lanes[id]?.isBehind != true { pace.note(scans.count, of: id, at: now) }
        lanes[id]?.mayHaveMore = hasMore
        lanes[id]?.isBehind = hasMore
        lanes[id]?.machine.take(scans)
        if scans.isEmpty {
            rest(id)
            if lanes[id]?.arrived == true || !unreadable.isEmpty { enqueue(id) }
        }
    }

    private func decidePhase(_ id: LaneID, _ outcome: DevicesLane.Outcome, _ way: Int, isUplinks: Bool) {
        if outcome.identity == nil {
            for one in routes.all.indices { routes[one].counts.frozenLanes[id] = nil }
        }
        let delay: Duration
        switch outcome.wait {
        case .none:
            let hasMore = lanes[id].map { $0.machine.hasWork || $0.mayHaveMore } ?? false
            if hasMore {
                enqueue(id)
            } else if lanes[id]?.arrived == true {
                gather(id)
            } else {
                rest(id)
            }
            return
        case .backoff(let attempt): delay = Backoff.delay(after: attempt, random: context.jitter)
        case .atLeast(let least, let attempt):
            delay = max(least, Backoff.delay(after: attempt, random: context.jitter))
        case .paused(let pause):
            delay = pause
            let reason = outcome.identity ?? ""
            if routes[way].counts.frozenLanes.updateValue(reason, forKey: id) != reason {
                let name = routes[way].settings.name
                Log.error("uplink \(name): lane \(id): the backend does not take its scans: \(reason)")
                context.observer(name, .laneFrozen(id, reason: reason))
            }
        }
        if isUplinks { lanes[id]?.isBehind = true }
        lanes[id]?.phase = .sleeping(untilNs: now + delay.nanoseconds, forUplink: isUplinks)
    }

    private func settle(_ judged: [Judged], _ lane: LaneID, _ way: Int) async throws {
        guard !judged.isEmpty else { return }
        let isMirror = settings.use == .mirror
        // What a mirror's backend does not take is counted and let go: nobody is asked to look at copies.
        try await context.log.settle(
            group: group, lane: lane, judged.map { ($0.n, isMirror ? .done : $0.settlement) }, durable: false)
        let now = context.time.now()
        for one in judged {
            if isMirror {
                if one.settlement == .done { isSkipping = false } else { routes[way].counts.skipped += 1 }
            }
            routes[way].counts.count(one, at: now)
            context.observer(
                routes[way].settings.name,
                .judged(
                    lane: lane, n: one.n, id: one.id, settlement: one.settlement, text: one.text,
                    childCount: one.childCount, isDuplicate: one.isDuplicate))
        }
    }

    private func confirmSuspects(_ id: LaneID, _ way: Int) async throws {
        for (lane, suspect) in poison.takeConfirmed() + poison.takeUndecided(in: id) {
            try await settle(
                [Judged(n: suspect.n, id: suspect.id, settlement: .rejected(reason: suspect.reason))], lane, way)
            if case .resting = lanes[lane]?.phase { rest(lane) }
        }
    }

    private func logFailed(_ id: LaneID, _ error: any Error) -> UplinkHealth.Event {
        // What was not recorded is sent again and answered as a duplicate.
        lanes[id]?.machine.drop()
        lanes[id]?.phase = .sleeping(untilNs: now + Duration.seconds(5).nanoseconds)
        sayLogTrouble(error)
        return .nothing
    }

    private func sayLogTrouble(_ error: any Error) {
        if !logTrouble { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
        logTrouble = true
    }

    // MARK: What an answer says of the uplink

    private func event(for answer: BatchAnswer, of way: Int, sentWith generation: Int) -> UplinkHealth.Event {
        switch answer {
        case .results, .brokerAccepted:
            routes[way].credentialReloaded = false
            return .success
        case .later, .tooLarge, .cancelled: return .nothing
        case .refused(let text), .compressionRefused(let text):
            // A probe that is refused tells that the block holds.
            return routes[way].health.state == .paused ? blocked(.paused, text) : .nothing
        case .unreadable(let text), .unreachable(let text): return .failure(text)
        case .failure(let text, let after):
            return .failure(text, notBeforeNs: after.map { now + $0.nanoseconds } ?? .min)
        case .slowDown(let text, let after):
            let delay = after ?? Backoff.delay(after: 1, random: context.jitter)
            return .slowDown(text, untilNs: now + delay.nanoseconds)
        case .unauthorized(let text):
            // Signed before the credential was read anew: it says nothing of the new one.
            guard generation == routes[way].credentialGeneration else { return .nothing }
            // Once at each asking, so that a file replaced meanwhile is found.
            routes[way].credentialReloaded.toggle()
            guard routes[way].credentialReloaded else { return blocked(.paused, text) }
            routes[way].credentialGeneration += 1
            routes[way].uplink.reloadCredential()
            return .block(.backingOff, text, untilNs: now)
        case .forbidden(let text): return blocked(.paused, text)
        case .misconfigured(let text): return blocked(.misconfigured, text)
        }
    }

    private func blocked(_ state: UplinkState, _ text: String) -> UplinkHealth.Event {
        .block(state, text, untilNs: now + UplinkHealth.askAgain.nanoseconds)
    }
}
