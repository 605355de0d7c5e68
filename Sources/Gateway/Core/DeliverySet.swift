internal import HTTPClient
internal import Model
internal import Posix
internal import Spool
internal import Synchronization
internal import Uplinks
internal import Wire

/// The deliveries that run: made from the configuration. A reload replaces those whose settings changed; the others go
/// on as they are, with their sessions, budgets, pauses and frozen lanes.
actor DeliverySet {
    private let core: GatewayCore
    private let rollback: RollbackWatch
    private let client = HTTPClient()
    private let clock: TimeSource
    private struct Running {
        let settings: UplinkGroup
        let site: String
        let delivery: any Delivery
        let task: Task<Void, Never>
    }

    private var running: [Running] = []
    /// Whether what the last run left behind has been taken over; before that nothing may be saved over it.
    private var hasLoaded = false
    /// What the deliveries share at each host, over reloads.
    private let budgets = WebBudgets()
    /// Saving while deliveries are replaced would leave some out; it is done afterwards.
    private var isStarting = false
    private var isSaveDue = false
    private var saving: Task<Void, Never>?
    private var saves = (begun: 0, done: 0)
    /// What `scansArrived` reaches from the intake's thread, without waiting for this actor.
    private nonisolated let current = Mutex<[any Delivery]>([])

    init(core: GatewayCore, clock: TimeSource) {
        self.core = core
        self.clock = clock
        rollback = RollbackWatch(clock: clock) { [administrator = core.administrator] target, source, reason in
            await administrator.rollBack(from: target, to: source, because: reason)
        }
    }

    /// Lanes have new scans. Any thread; returns at once.
    nonisolated func scansArrived(in lanes: [LaneID]) {
        for delivery in current.withLock({ $0 }) {
            // A primary that waits for lanes to be cut over to it sleeps until then.
            let some = core.log.lanes(of: delivery.group, among: lanes)
            if !some.isEmpty { delivery.scansArrived(in: some) }
        }
    }

    /// Whether a scan of the group could be on its way now. Any thread; never waits.
    nonisolated func canDeliver(_ group: GroupID) -> Bool {
        current.withLock { $0 }.contains { $0.group == group && $0.canDeliver }
    }

    /// Runs the deliveries of a configuration: starts those that are new or changed, in place of the old ones, and has
    /// the others read their credentials anew.
    ///
    /// A changed one takes over its group's sessions, login budget and an admin's pause.
    func start(_ configuration: Configuration) async throws(CommandError) -> [any Delivery] {
        let events = core.events
        let wanted = configuration.groups
        let site = configuration.gateway.site
        let kept = running.filter { $0.site == site && wanted.contains($0.settings) }
        let replaced = running.filter { one in !kept.contains { $0.settings == one.settings } }
        let changed = wanted.filter { settings in !kept.contains { $0.settings == settings } }
        var context = DeliveryContext(
            gateway: core.gateway, site: site, log: core.log, client: client, time: clock,
            random: { Random.word() }, clockErrorMs: { TimeSource.estimatedErrorMs() },
            observer: { [rollback] name, event in
                if case .attempted(let took, let failed) = event {
                    rollback.attempted(name, took: took, failed: failed)
                } else {
                    events.uplink(name, event)
                }
            })
        let administrator = core.administrator
        context.gatewayStatus = { await administrator.gatewayStatus() }
        let saved = hasLoaded ? await export(replaced) : await core.administrator.loadSessions()
        (context.savedSessions, context.savedLogins) = (saved.cookies, saved.logins)
        context.budgets = budgets
        context.sessionsChanged = { [weak self] in await self?.save() }
        isStarting = true
        defer {
            isStarting = false
            // Unstructured: it ends by itself, and stop() waits for it.
            if isSaveDue { Task { await save() } }
            isSaveDue = false
        }
        let made: [any Delivery]
        // The new ones are made before the old ones stop: a mistake leaves the old ones running.
        do { made = try buildDeliveries(changed, context: context) } catch {
            throw CommandError(error.message, hint: error.hint, exit: .configuration)
        }
        hasLoaded = true
        for one in kept { await one.delivery.reloadCredentials() }
        var paused: Set<String> = []
        for one in replaced {
            for status in await one.delivery.statuses() where status.isPausedByAdmin { paused.insert(status.name) }
        }
        current.withLock { $0 = kept.map(\.delivery) }
        await stop(replaced)
        // Before they look for what waits, or a scan that comes just then would be seen by neither.
        current.withLock { $0 += made }
        running = kept
        rollback.watch(wanted)
        for (settings, delivery) in zip(changed, made) {
            for uplink in settings.uplinks where paused.contains(uplink.name) { await delivery.pause(uplink.name) }
            // Unstructured: they live until stop, which waits for them.
            let task = Task { await delivery.run() }
            running.append(Running(settings: settings, site: site, delivery: delivery, task: task))
        }
        return wanted.compactMap { settings in running.first { $0.settings == settings }?.delivery }
    }

    /// Stops all deliveries and the HTTP client; returns when their last answers are recorded, and their sessions saved
    /// for the next start.
    func stop() async {
        current.withLock { $0 = [] }
        await stop(running)
        await saving?.value
        if hasLoaded { await core.administrator.saveSessions(await export(running)) }
        // Nothing may be saved over it any more.
        hasLoaded = false
        running = []
        client.close()
    }

    /// Saves sessions and login budgets, so that a kill costs no login; returns when what was there at the call is on
    /// disk. Calls while one is at work share the next.
    private func save() async {
        guard hasLoaded, !isStarting else { return isSaveDue = isStarting }
        // One that has begun already may have collected what it writes before this call.
        let wanted = saves.begun + 1
        while saves.done < wanted {
            if let saving {
                await saving.value
                continue
            }
            saves.begun += 1
            let number = saves.begun
            // Unstructured: others wait for it, too.
            saving = Task {
                await core.administrator.saveSessions(await export(running))
                (saving, saves.done) = (nil, number)
            }
        }
    }

    private func stop(_ some: [Running]) async {
        await withDiscardingTaskGroup { group in
            for one in some { group.addTask { await one.delivery.stop() } }
        }
        for one in some { await one.task.value }
    }

    private func export(_ some: [Running]) async -> SavedSessions {
        var saved = SavedSessions()
        for one in some {
            let sessions = await one.delivery.exportSessions().filter { !$0.value.isEmpty }
            if !sessions.isEmpty { saved.cookies[one.settings.first.name] = sessions }
            // Deliveries to one host share its budget, and say the same.
            saved.logins.merge(await one.delivery.exportLogins()) { first, _ in first }
        }
        return saved
    }
}

extension EventHub {
    /// What an uplink says.
    func uplink(_ name: String, _ event: UplinkEvent) {
        switch event {
        case .judged(let lane, _, let id, let settlement, let text, _, _):
            let (kind, reason): (LiveEvent.Kind, String) =
                switch settlement {
                case .done: (.accepted, text)
                case .rejected(let reason): (.rejected, reason)
                case .held(let reason): (.held, reason)
                }
            judged(id) { LiveEvent(kind: kind, atMs: $0, lane: lane.text, id: id.description, text: reason) }
        case .stateChanged(let state, let text): uplink("\(name) \(state.rawValue)" + (text.isEmpty ? "" : ": \(text)"))
        case .attempted: break
        case .laneFrozen(let lane, let reason): uplink("\(name): lane \(lane) stands still: \(reason)")
        }
    }
}
