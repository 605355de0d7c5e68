internal import Model
internal import Posix
internal import Wire

/// One batch of a lane: read, encoded, sent, settled.
extension DevicesDelivery {
    // No stored scan is larger: 8,192 bytes of label as JSON escapes, the raw bytes and the other fields.
    private static let largestScan = 65_536

    func step(_ id: LaneID, _ first: Int) async {
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
        guard let outcome = lanes[id]?.machine.on(answer, traffic: routes.traffic, nowNs: now) else {
            return (.nothing, way)
        }
        routes.count(answer)
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

    func sayLogTrouble(_ error: any Error) {
        if !logTrouble { Log.error("uplink \(settings.name): the spool cannot be used: \(error)") }
        logTrouble = true
    }
}
