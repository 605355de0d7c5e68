internal import Gzip
internal import HTTPClient
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// Posts scans under tracetrack-web, one by one, in the relay's own login sessions: `WebDelivery` over a log in memory.
///
/// The backend does not know the scanners' keys: each scan's signature is checked here. Nothing tells whether a relay
/// that died has posted a scan already, so every scan counts as perhaps posted: it costs scan rows, and where a bag is
/// full the scan is held as probably accepted instead of rejected.
///
/// Bounds: `WebBook`, and `queue` batches of `queue_bytes` that have not been looked at; what is over them is dropped, as in
/// `RelayQueue`.
final class WebForwarder: RelayForwarder {
    private struct State {
        var book = WebBook()
        var lanes = RelayLanes()
        var devices: DeviceKeyFile
        var incomingBytes = 0
    }

    // Less than the relay's own deadline: what is known by then has to be said.
    private static let stopWithin: Duration = .seconds(3)

    private let settings: RelaySettings
    private let log = RelayLog()
    private let delivery: any Delivery
    private let time: TimeSource
    private let tally: RelayTally
    private let answer: RelayAnswer
    private let state: Mutex<State>
    private let incoming: AsyncStream<RelayBatch>
    private let door: AsyncStream<RelayBatch>.Continuation
    // As many as batches that wait.
    private let ready: AsyncStream<WebBook.Waiting>
    private let out: AsyncStream<WebBook.Waiting>.Continuation

    init(
        _ relay: RelaySettings, _ uplink: UplinkSettings, client: HTTPClient, time: TimeSource,
        random: @escaping @Sendable () -> UInt64, tally: RelayTally, answer: @escaping RelayAnswer
    ) throws(UplinkError) {
        guard let file = relay.devicesFile, let name = GatewayID("relay") else {
            throw UplinkError(
                "relay: devices_file is missing: tracetrack-web does not check the scanners' signatures",
                hint: "write the path of a file with the lines of scangate device export --reveal")
        }
        (settings, self.time, self.tally, self.answer) = (relay, time, tally, answer)
        state = Mutex(State(devices: try DeviceKeyFile.load(file)))
        (incoming, door) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(relay.queue))
        (ready, out) = AsyncStream.makeStream()
        let box = Box()
        var context = DeliveryContext(
            gateway: name, site: "", log: log, client: client, time: time, random: random,
            observer: { _, event in box.forwarder?.happened(event) })
        context.answersMayBeLost = true
        guard let delivery = try buildDeliveries([UplinkGroup(uplink)], context: context).first else {
            throw UplinkError("uplink \(uplink.name): url is missing", hint: "write url = \"https://HOST\"")
        }
        self.delivery = delivery
        box.set(self)
    }

    // The delivery's observer is made before the forwarder is.
    private final class Box: Sendable {
        private struct Weak { weak var forwarder: WebForwarder? }
        private let held = Mutex(Weak())
        var forwarder: WebForwarder? { held.withLock { $0.forwarder } }
        func set(_ forwarder: WebForwarder) { held.withLock { $0.forwarder = forwarder } }
    }

    func offer(_ batch: RelayBatch) {
        let bytes = batch.payload.count
        let (isWaiting, hasRoom) = state.withLock { state in
            let hasRoom = state.incomingBytes + bytes <= settings.queueBytes
            if hasRoom { state.incomingBytes += bytes }
            return (state.book.isWaiting(batch.id), hasRoom)
        }
        if !isWaiting, hasRoom, case .enqueued = door.yield(batch) { return }
        if hasRoom { state.withLock { $0.incomingBytes -= bytes } }
        tally.count { if isWaiting { $0.repeated += 1 } else { $0.dropped += 1 } }
    }

    func finish() { door.finish() }

    func reload(_ keys: RelayKeys) async {
        do throws(UplinkError) {
            guard let file = settings.devicesFile else { return }
            let devices = try DeviceKeyFile.load(file)
            state.withLock { $0.devices = devices }
        } catch { Log.error("\(error.description); the old scanners' keys stay in force") }
        await delivery.reloadCredentials()
        // Nobody else can thaw a lane here: a relay has no control socket.
        await delivery.resume(nil)
    }

    /// Gives up what waits of gateways that another relay handles now.
    func release(_ isOthers: (GatewayID) -> Bool) {
        let lanes = state.withLock { $0.lanes.lanes(where: isOthers) }
        let places = log.remove(lanes)
        let done = state.withLock { $0.book.abandon(places) }
        for batch in done { out.yield(batch) }
    }

    func run() async {
        // Unstructured: a post that the backend does not answer must not keep the rest from being said; the HTTP
        // client's end is its end.
        let delivering = Task { await delivery.run() }
        await withDiscardingTaskGroup { group in
            group.addTask {
                await withDiscardingTaskGroup { answers in
                    for await batch in self.ready { answers.addTask { await self.say(batch) } }
                }
            }
            await withDiscardingTaskGroup { timers in
                for await batch in incoming where take(batch) {
                    timers.addTask {
                        guard (try? await self.time.sleep(self.settings.answerWithin)) != nil else { return }
                        self.giveUp(batch.id)
                    }
                }
                timers.cancelAll()
            }
            await stopDelivery()
            for batch in state.withLock({ $0.book.takeAll() }) { out.yield(batch) }
            out.finish()
        }
        delivering.cancel()
    }

    private func stopDelivery() async {
        // Unstructured: stop() waits for a request that may take longer than the relay has.
        let stopping = Task { await delivery.stop() }
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                let (end, ended) = AsyncStream.makeStream(of: Void.self)
                Task {
                    await stopping.value
                    ended.finish()
                }
                for await _ in end {}
            }
            group.addTask { try? await self.time.sleep(Self.stopWithin) }
            await group.next()
            group.cancelAll()
        }
    }

    // MARK: In

    /// Looks at a batch and puts its scans into the log; true where it waits for some of them.
    private func take(_ batch: RelayBatch) -> Bool {
        state.withLock { $0.incomingBytes -= batch.payload.count }
        if batch.isTooLarge { return refuse(batch, 413, "the batch is over \(RelayDoor.maxBytes) bytes") }
        let body: [UInt8]
        do {
            body =
                batch.isCompressed
                ? try Gzip.decompress(batch.payload, limit: BatchReply.maximumBytes) : batch.payload
        } catch {
            return refuse(batch, error == .damaged ? 400 : 413, "it is no gzip, or over 1 MiB when decompressed")
        }
        let received: ReceivedBatch
        do throws(WireError) { received = try ReceivedBatch.decode(body) } catch {
            return refuse(batch, 400, error.description)
        }
        guard received.gateway == batch.gateway.text, received.batchID == batch.id else {
            tally.count { $0.refused += 1 }
            if tally.isNews("names another", of: batch.gateway, nowNs: time.now().uptimeNs) {
                Log.error("relay: a batch of \(batch.gateway) is refused: it names another gateway or batch")
            }
            return false
        }
        let (waits, lanes) = state.withLock { state in enter(received, batch, &state) }
        if !lanes.isEmpty { delivery.scansArrived(in: Array(lanes)) }
        return waits
    }

    private func enter(_ received: ReceivedBatch, _ batch: RelayBatch, _ state: inout State) -> (Bool, Set<LaneID>) {
        guard !state.book.isWaiting(batch.id) else {
            tally.count { $0.repeated += 1 }
            return (false, [])
        }
        guard state.book.openCount + received.scans.count <= WebBook.maxOpen, state.book.waitingCount < settings.queue
        else {
            tally.count { $0.dropped += 1 }
            return (false, [])
        }
        let now = time.now().uptimeNs
        var results: [UUID: BatchReply.Result] = [:]
        var ids: [UUID] = []
        var lanes: Set<LaneID> = []
        for (text, scan) in received.scans {
            guard let id = UUID(text) else { continue }
            ids.append(id)
            if let known = state.book.verdict(id, nowNs: now) {
                results[id] = known
                continue
            }
            switch scan {
            case .failure(let error):
                results[id] = .init(id: id, status: "rejected", code: "malformed", text: error.description)
            case .success(let scan):
                if let fault = state.devices.fault(in: scan) {
                    results[id] = .init(
                        id: id, status: "rejected", code: fault, text: "the relay's devices_file does not know it so")
                } else if let n = state.book.begin(id) {
                    let lane = state.lanes.name(.init(gateway: batch.gateway, lane: scan.fields.lane))
                    log.add(StoredScan(n: n, wire: scan.wire), to: lane)
                    lanes.insert(lane)
                }
            }
        }
        guard let done = state.book.wait(batch, ids: ids, results: results) else { return (true, lanes) }
        out.yield(done)
        return (false, lanes)
    }

    private func refuse(_ batch: RelayBatch, _ status: Int, _ text: String) -> Bool {
        let reply = BatchReply(
            batchID: batch.id, serverTime: "", results: [], refusal: .init(status: status, text: text))
        // Unstructured: what comes next must not wait for the broker; at most as many as batches come in.
        Task {
            let isSaid = await answer(batch, reply.encode())
            tally.count { if isSaid { $0.turnedDown += 1 } else { $0.unsaid += 1 } }
        }
        return false
    }

    // MARK: Out

    private func happened(_ event: UplinkEvent) {
        guard case .judged(_, let n, let id, let settlement, let text, let count, let isDuplicate) = event else {
            return
        }
        let result: BatchReply.Result =
            switch settlement {
            case .done:
                .init(
                    id: id, status: isDuplicate ? "duplicate" : "accepted", feedbackText: Safe.text(text, limit: 300),
                    childCount: count)
            case .rejected(let reason):
                .init(id: id, status: "rejected", code: "business_rule", text: Safe.text(reason, limit: 500))
            case .held(let reason): .init(id: id, status: "held", text: Safe.text(reason, limit: 500))
            }
        let now = time.now().uptimeNs
        for batch in state.withLock({ $0.book.settle(n, result, nowNs: now) }) { out.yield(batch) }
    }

    private func giveUp(_ batch: UUID) {
        if let batch = state.withLock({ $0.book.take(batch) }) { out.yield(batch) }
    }

    private func say(_ waiting: WebBook.Waiting) async {
        // A scan without a result is still waiting, for the gateway as well; no result at all is no answer.
        let results = waiting.ids.compactMap { waiting.results[$0] }
        guard !results.isEmpty || waiting.ids.isEmpty else { return tally.count { $0.failed += 1 } }
        let reply = BatchReply(
            batchID: waiting.batch.id, serverTime: Timestamp.text(time.now().wallMs), results: results)
        let isSaid = await answer(waiting.batch, reply.encode())
        tally.count { if isSaid { $0.answered += 1 } else { $0.unsaid += 1 } }
    }
}
