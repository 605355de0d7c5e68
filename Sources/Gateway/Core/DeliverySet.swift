internal import HTTPClient
internal import Model
internal import Posix
internal import Synchronization
internal import Uplinks
internal import Wire

/// The deliveries that run: made from the configuration, replaced as a whole by a reload.
actor DeliverySet {
    private let core: GatewayCore
    private let client = HTTPClient()
    private let clock: TimeSource
    private var running: [(delivery: any Delivery, task: Task<Void, Never>)] = []
    /// What `scansArrived` reaches from the intake's thread, without waiting for this actor.
    private nonisolated let current = Mutex<[any Delivery]>([])

    init(core: GatewayCore, clock: TimeSource) {
        self.core = core
        self.clock = clock
    }

    /// Lanes have new scans. Any thread; returns at once.
    nonisolated func scansArrived(in lanes: [LaneID]) {
        for delivery in current.withLock({ $0 }) { delivery.scansArrived(in: lanes) }
    }

    /// Starts the deliveries of a configuration in place of those that run.
    func start(_ configuration: Configuration) async throws(CommandError) -> [any Delivery] {
        let events = core.events
        let context = DeliveryContext(
            gateway: core.gateway, site: configuration.gateway.site, log: core.log, client: client, time: clock,
            random: { Random.word() }, clockErrorMs: { TimeSource.estimatedErrorMs() },
            observer: { name, event in events.uplink(name, event) })
        let deliveries: [any Delivery]
        // The new ones are made before the old ones stop: a mistake leaves the old ones running.
        do { deliveries = try buildDeliveries(configuration.uplinks, context: context) } catch {
            throw CommandError(error.message, hint: error.hint, exit: .configuration)
        }
        await stopRunning()
        // Before they look for what waits, or a scan that comes just then would be seen by neither.
        current.withLock { $0 = deliveries }
        // Unstructured: they live until stopRunning, which waits for them.
        running = deliveries.map { delivery in (delivery, Task { await delivery.run() }) }
        return deliveries
    }

    /// Stops all deliveries and the HTTP client; returns when their last answers are recorded.
    func stop() async {
        await stopRunning()
        client.close()
    }

    private func stopRunning() async {
        current.withLock { $0 = [] }
        await withDiscardingTaskGroup { group in
            for (delivery, _) in running { group.addTask { await delivery.stop() } }
        }
        for (_, task) in running { await task.value }
        running = []
    }
}

extension EventHub {
    /// What an uplink says.
    func uplink(_ name: String, _ event: UplinkEvent) {
        switch event {
        case .judged(let lane, _, let id, let settlement, let text, _):
            let (kind, reason): (LiveEvent.Kind, String) =
                switch settlement {
                case .done: (.accepted, text)
                case .rejected(let reason): (.rejected, reason)
                case .held(let reason): (.held, reason)
                }
            judged(id) { LiveEvent(kind: kind, atMs: $0, lane: lane.text, id: id.description, text: reason) }
        case .stateChanged(let state, let text): uplink("\(name) \(state.rawValue)" + (text.isEmpty ? "" : ": \(text)"))
        case .laneFrozen(let lane, let reason): uplink("\(name): lane \(lane) stands still: \(reason)")
        }
    }
}
