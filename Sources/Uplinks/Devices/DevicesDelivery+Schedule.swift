internal import Model
internal import Synchronization

/// Which lane sends next, which way, and when anybody looks again.
extension DevicesDelivery {
    func arrived(_ id: LaneID) {
        lanes[id, default: Lane()].arrived = true
        guard lanes[id]?.phase.isIdle == true else { return }
        if settings.batching.linger > .zero {
            lanes[id]?.phase = .sleeping(untilNs: now + settings.batching.linger.nanoseconds)
        } else {
            gather(id)
        }
    }

    // Sends the lane's new scans, at once or, under load, a little later.
    func gather(_ id: LaneID) {
        if let due = pace.due(at: now) { lanes[id]?.phase = .sleeping(untilNs: due) } else { enqueue(id) }
    }

    func enqueue(_ id: LaneID) {
        if case .resting(let until) = lanes[id]?.phase, until <= now { lanes[id]?.asksRefused = true }
        lanes[id]?.phase = .ready
        queue.add(id, isBehind: lanes[id]?.isBehind ?? false)
    }

    var now: Int64 { context.time.now().uptimeNs }

    // After any change: wakes who is due, starts what may start, sets the one timer, says what is new.
    func settleDown() {
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
    func wakeSleepers(onlyForUplink: Bool) {
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

    func probe(_ way: Int) async {
        let works = await routes[way].uplink.probe()
        let text = routes[way].health.lastError ?? "no answer"
        heard(works ? .recovered : .failure(text), of: way)
        settleDown()
    }

    // Works an answer's meaning for its way in. Where another way is to be used now, whoever waits for the old one goes.
    func heard(_ event: UplinkHealth.Event, of way: Int) {
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
}
