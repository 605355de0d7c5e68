internal import Gzip
internal import HTTPClient
internal import JSON
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// Posts batches under tracetrack-devices, each once: the bytes as they came, under the gateway's own batch id, signed
/// in the gateway's name with the gateway's key, or with the relay's own token or certificate.
///
/// It never repeats a request. What brings no results is not answered, and the gateway asks again: by another relay,
/// if this one has died. A backend in trouble slows it down as it would a gateway (`UplinkHealth`).
final class DevicesForwarder: RelayForwarder {
    private struct State {
        var queue: RelayQueue
        var keys: RelayKeys
        var ways: [GatewayID: DevicesUplink] = [:]
        var reporter: StateReporter
        var expired = 0
        var hasReloaded = false
    }

    /// How long a gateway that the backend does not let in is left alone.
    static let gatewayPause: Duration = .seconds(60)

    private let settings: UplinkSettings
    private let url: String
    private let client: HTTPClient
    private let time: TimeSource
    private let random: @Sendable () -> UInt64
    private let tally: RelayTally
    private let answer: RelayAnswer
    /// Nil where each gateway has its own.
    private let own: DevicesUplink?
    private let lane: LaneID
    private let state: Mutex<State>
    private let wakeUps: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(
        _ relay: RelaySettings, _ settings: UplinkSettings, keys: RelayKeys, client: HTTPClient, time: TimeSource,
        random: @escaping @Sendable () -> UInt64, tally: RelayTally, answer: @escaping RelayAnswer
    ) throws(UplinkError) {
        guard let url = settings.urls.first, let name = GatewayID("relay"), let lane = LaneID("relay") else {
            throw UplinkError("uplink \(settings.name): url is missing", hint: "write url = \"https://HOST\"")
        }
        (self.settings, self.url, self.client, self.time, self.random) = (settings, url, client, time, random)
        (self.tally, self.answer, self.lane) = (tally, answer, lane)
        if case .signature = settings.authentication {
            own = nil
        } else {
            own = try DevicesUplink(settings, url: url, gateway: name, client: client, time: time)
        }
        let limits = RelayQueue.Limits(
            inFlight: relay.inFlight, count: relay.queue, bytes: relay.queueBytes, age: settings.timeout)
        state = Mutex(
            State(queue: RelayQueue(limits), keys: keys, reporter: StateReporter(settings.name) { _, _ in }))
        (wakeUps, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    private var now: Int64 { time.now().uptimeNs }

    func offer(_ batch: RelayBatch) {
        let now = now
        let offer = state.withLock { $0.queue.offer(batch, nowNs: now) }
        tally.count {
            switch offer {
            case .taken: break
            case .repeated: $0.repeated += 1
            case .full: $0.dropped += 1
            }
        }
        wake.yield()
    }

    func finish() {
        let dropped = state.withLock { $0.queue.clear() }
        tally.count { $0.dropped += dropped }
        wake.finish()
    }

    func reload(_ keys: RelayKeys) async {
        own?.reloadCredential()
        state.withLock { state in
            state.keys = keys
            state.ways = [:]
            state.queue.unblock()
        }
        wake.yield()
    }

    func run() async {
        var timer: Task<Void, Never>?
        await withDiscardingTaskGroup { group in
            for await _ in wakeUps {
                timer?.cancel()
                timer = begin { batch in group.addTask { await self.forward(batch) } }
            }
        }
        timer?.cancel()
    }

    // Sends what may go now; the timer for what may go later.
    private func begin(_ send: (RelayBatch) -> Void) -> Task<Void, Never>? {
        while true {
            let now = now
            switch nextBatch(now) {
            case .send(let batch): send(batch)
            case .nothing: return nil
            case .wait(let until):
                let (sleep, wake) = (time.sleep, wake)
                // Unstructured: it is cancelled by the next wake-up; a group would wait for its sleep.
                return Task { if (try? await sleep(.nanoseconds(max(0, until - now)))) != nil { wake.yield() } }
            }
        }
    }

    private func nextBatch(_ now: Int64) -> RelayQueue.Next {
        let (next, expired) = state.withLock { state in
            let next = state.queue.next(nowNs: now)
            defer { state.expired = state.queue.expired }
            return (next, state.queue.expired - state.expired)
        }
        if expired > 0 { tally.count { $0.expired += expired } }
        return next
    }

    // MARK: One batch

    @concurrent private func forward(_ batch: RelayBatch) async {
        let event = await outcome(of: batch)
        let now = now
        state.withLock { state in
            state.queue.done(batch, event, nowNs: now)
            state.reporter.report(state.queue.health.state, state.queue.health.lastError)
        }
        wake.yield()
    }

    private func outcome(of batch: RelayBatch) async -> UplinkHealth.Event {
        if batch.isTooLarge { return await refuse(batch, 413, "the batch is over \(RelayDoor.maxBytes) bytes") }
        if let problem = Self.problem(with: batch) {
            if let status = problem.status { return await refuse(batch, status, problem.text) }
            tally.count { $0.refused += 1 }
            if tally.isNews(problem.text, of: batch.gateway, nowNs: now) {
                Log.error("relay: a batch of \(batch.gateway) is refused: \(problem.text)")
            }
            return .nothing
        }
        guard let way = way(for: batch.gateway) else {
            tally.count { $0.failed += 1 }
            return .nothing
        }
        let (result, body) = await way.exchange(
            EncodedBatch(
                id: batch.id, lane: lane, traceparent: batch.traceparent, body: batch.payload,
                isCompressed: batch.isCompressed))
        switch result {
        case .results:
            await say(batch, body) { $0.answered += 1 }
            return .success
        case .tooLarge(let text): return await refuse(batch, 413, text)
        case .compressionRefused(let text): return await refuse(batch, 415, text)
        case .refused(let text): return await refuse(batch, 400, text)
        default:
            tally.count { $0.failed += 1 }
            return event(for: result, batch.gateway, way)
        }
    }

    private func refuse(_ batch: RelayBatch, _ status: Int, _ text: String) async -> UplinkHealth.Event {
        let reply = BatchReply(
            batchID: batch.id, serverTime: "", results: [], refusal: .init(status: status, text: text))
        await say(batch, reply.encode()) { $0.turnedDown += 1 }
        return .nothing
    }

    private func say(_ batch: RelayBatch, _ payload: [UInt8], _ count: (inout RelayCounts) -> Void) async {
        let isSaid = await answer(batch, payload)
        tally.count { if isSaid { count(&$0) } else { $0.unsaid += 1 } }
    }

    /// What keeps a batch from being posted; without a status nobody is answered: it says that it is another gateway's.
    static func problem(with batch: RelayBatch) -> (status: Int?, text: String)? {
        let body: [UInt8]
        do {
            body =
                batch.isCompressed
                ? try Gzip.decompress(batch.payload, limit: BatchReply.maximumBytes) : batch.payload
        } catch { return error == .damaged ? (400, "it is no gzip") : (413, "it is over 1 MiB, decompressed") }
        guard let value = try? JSONValue.parse(body) else { return (400, "it is no JSON") }
        guard value["gateway"]?.string == batch.gateway.text else { return (nil, "it names another gateway") }
        return value["batch_id"]?.string == batch.id.description ? nil : (nil, "it names another batch")
    }

    private func way(for gateway: GatewayID) -> DevicesUplink? {
        if let own { return own }
        let (known, entry) = state.withLock { ($0.ways[gateway], $0.keys[gateway]) }
        if let known { return known }
        guard let entry else { return nil }
        var settings = settings
        settings.authentication = .signature(keyFile: entry.file)
        do throws(UplinkError) {
            let way = try DevicesUplink(settings, url: url, gateway: gateway, client: client, time: time)
            state.withLock { $0.ways[gateway] = way }
            return way
        } catch {
            let until = now + Self.gatewayPause.nanoseconds
            if state.withLock({ $0.queue.block(gateway, untilNs: until) }) { Log.error("relay: \(error.description)") }
            return nil
        }
    }

    // MARK: What an answer without results says of the way

    private func event(for answer: BatchAnswer, _ gateway: GatewayID, _ way: DevicesUplink) -> UplinkHealth.Event {
        switch answer {
        case .results, .brokerAccepted: return .success
        case .later, .tooLarge, .refused, .compressionRefused, .cancelled: return .nothing
        case .unreadable(let text), .unreachable(let text), .failure(let text, _): return .failure(text)
        case .slowDown(let text, let after):
            let delay = after ?? Backoff.delay(after: 1, random: random)
            return .slowDown(text, untilNs: now + delay.nanoseconds)
        case .unauthorized(let text), .forbidden(let text):
            way.reloadCredential()
            guard own == nil else { return .block(.paused, text, untilNs: now + UplinkHealth.askAgain.nanoseconds) }
            // It is about this gateway's key, and the others' are as good as before.
            let until = now + Self.gatewayPause.nanoseconds
            if state.withLock({ $0.queue.block(gateway, untilNs: until) }) {
                Log.error("relay: gateway \(gateway): the backend does not let it in: \(text)")
            }
            return .nothing
        case .misconfigured(let text):
            return .block(.misconfigured, text, untilNs: now + UplinkHealth.askAgain.nanoseconds)
        }
    }
}
