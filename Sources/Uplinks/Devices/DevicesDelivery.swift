internal import Model
internal import Posix
internal import Synchronization

/// Drives the lanes of one group through its ways out under tracetrack-devices: at most `in_flight` batches at once, one
/// a lane, and no lane waits for another's trouble or behind its backlog.
///
/// One task a batch, none a scan; nothing runs and no timer is set while nothing waits. Memory: one read of the log
/// (at most `batch.max_bytes`) for each lane under way or in trouble. A batch that goes another way, by a fallback or
/// to another region, has the same bytes and id there, since all ways of a group share one backend.
///
/// Here: its life and what comes in from outside. `+Schedule`: who sends next, which way. `+Batch`: the way of one batch.
/// `+Health`: what its answer says of the way that it took.
actor DevicesDelivery: Delivery {
    nonisolated let group: GroupID
    let settings: UplinkSettings
    let context: DeliveryContext
    private nonisolated let arrivals = Arrivals()

    /// What the tasks of `run` do.
    enum Job {
        case batch(LaneID, way: Int)
        case probe(way: Int)
    }

    var lanes: [LaneID: Lane] = [:]
    var queue = LaneQueue()
    var routes: Routes
    /// The uplinks of the ways that are well, for `canDeliver`; as `areWell` was when it was last looked at.
    nonisolated let well: Mutex<[any Uplink]>
    var areWell: [Bool]
    var poison = PoisonWatch()
    var pace = RequestPace()
    var logTrouble = false
    var isSkipping = false
    var timer: (atNs: Int64, task: Task<Void, Never>)?
    var stopping = false
    var work: AsyncStream<Job>.Continuation?
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
}
