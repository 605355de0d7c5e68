internal import Crypto
internal import MQTTClient
internal import Model
internal import Posix
internal import Synchronization
internal import Wire

/// tracetrack-devices over MQTT: one PUBLISH a batch on `{prefix}/{gateway}/batch`, and the backend's reply on `…/ack`.
///
/// PUBACK says that the broker has the batch, not that the backend has judged it: a batch is answered by its ack only, for
/// which it has a timer of its own (`timeout`), and after which it goes out again, byte by byte the same. With `ack =
/// "broker"` PUBACK is the answer, which trusts the broker to lose nothing; that is said at the start.
///
/// Batches carry, and acks must carry, a code by the gateway's ack key (`MessageMAC`, HKDF info `scangate mqtt ack v1`),
/// unless `ack_auth = "broker-acl"`. Bounds: a packet holds at most 130,000 bytes of payload and no more than the broker
/// takes; publishes are spread by `max_messages_per_s` and `max_bytes_per_s`; in flight are as many as lanes deliver.
final class MQTTUplink: Uplink {
    /// AWS IoT Core's cap, with room for topic and properties.
    static let maxPayloadBytes = 130_000
    static let statusPeriod: Duration = .seconds(60)
    static let longestConnect: Duration = .seconds(10)

    private struct State {
        var ackKey: HMACKey?
        var session: MQTTEvent.Session?
        /// How often it has connected.
        var connections = 0
        var statusTask: Task<Void, Never>?
        var tickTask: Task<Void, Never>?
    }

    let settings: UplinkSettings
    private let gateway: GatewayID
    private let time: TimeSource
    private let gatewayStatus: (@Sendable () async -> GatewayStatus?)?
    private let place: String
    private let acks: AckTable
    private let bucket: TokenBucket
    let client: MQTTClient
    private let state: Mutex<State>
    private let wakeUps: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// One of the gateway's topics: `batch`, `ack` or `status`.
    func topic(_ leaf: String) -> String { "\(settings.mqtt.topicPrefix)/\(gateway.text)/\(leaf)" }

    /// Reads the credential's files; connects in `start`.
    init(_ settings: UplinkSettings, url: String, context: DeliveryContext) throws(UplinkError) {
        self.settings = settings
        gateway = context.gateway
        time = context.time
        gatewayStatus = context.gatewayStatus
        let credential = try MQTTCredential.load(settings)
        var broker = try MQTTSettings(settings, url: url, gateway: context.gateway)
        (broker.username, broker.password) = (credential.username, credential.password)
        let prefix = "\(settings.mqtt.topicPrefix)/\(context.gateway.text)"
        broker.will = MQTTMessage(
            "\(prefix)/status", GatewayStatus.offline(context.gateway, reason: "the connection was lost"),
            isRetained: true)
        place = "\(settings.name) (\(broker.place))"
        acks = AckTable(settings.name, gateway: context.gateway, topic: "\(prefix)/ack")
        bucket = TokenBucket(
            messagesPerSecond: settings.mqtt.maxMessagesPerSecond, bytesPerSecond: settings.mqtt.maxBytesPerSecond)
        (wakeUps, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        let box = Box()
        do {
            client = try MQTTClient(
                broker, onMessage: { box.uplink?.received($0) }, onEvent: { box.uplink?.happened($0) })
        } catch { throw UplinkError("uplink \(settings.name): \(error)") }
        state = Mutex(State(ackKey: credential.ackKey))
        box.set(self)
    }

    // The client's closures are made before the uplink is.
    private final class Box: Sendable {
        private let held = Mutex<WeakUplink>(WeakUplink())
        var uplink: MQTTUplink? { held.withLock { $0.uplink } }
        func set(_ uplink: MQTTUplink) { held.withLock { $0.uplink = uplink } }
    }

    private struct WeakUplink {
        weak var uplink: MQTTUplink?
    }

    // MARK: Life

    func start() async {
        if settings.mqtt.ack == .broker {
            Log.notice(
                "uplink \(settings.name): ack = \"broker\": a scan counts as accepted when the broker has it, whatever "
                    + "the backend says of it later")
        } else {
            await client.subscribe(topic("ack"))
        }
        await client.connect()
        // Unstructured: both live until close(), which ends them.
        let statusTask = Task { await self.publishStatus() }
        let (sleep, wake) = (time.sleep, wake)
        let tickTask = Task {
            while (try? await sleep(Self.statusPeriod)) != nil { wake.yield() }
        }
        state.withLock { ($0.statusTask, $0.tickTask) = (statusTask, tickTask) }
    }

    /// Connects for a test where nobody has started the uplink: true, and the caller closes the client.
    func beginTest() async -> Bool {
        guard state.withLock({ $0.statusTask == nil }) else { return false }
        if settings.mqtt.ack == .application { await client.subscribe(topic("ack")) }
        await client.connect()
        return true
    }

    func close() async {
        wake.finish()
        let (statusTask, tickTask) = state.withLock { ($0.statusTask, $0.tickTask) }
        tickTask?.cancel()
        statusTask?.cancel()
        await statusTask?.value
        if state.withLock({ $0.session != nil }) {
            let farewell = MQTTMessage(
                topic("status"), GatewayStatus.offline(gateway, reason: "the gateway was stopped"), isRetained: true)
            _ = await time.within(.seconds(1)) { await self.client.publish(farewell) }
        }
        await closeClient()
    }

    // A name server that is silent may hold the client's thread for longer than a stop may take.
    func closeClient() async {
        let (ended, end) = AsyncStream.makeStream(of: Void.self)
        let (client, sleep) = (client, time.sleep)
        // Unstructured: a group would wait for both.
        Task {
            await client.close()
            end.finish()
        }
        let limit = Task {
            try? await sleep(.milliseconds(1500))
            end.finish()
        }
        for await _ in ended {}
        limit.cancel()
    }

    func reloadCredential() {
        do {
            let credential = try MQTTCredential.load(settings)
            state.withLock { $0.ackKey = credential.ackKey }
            // Unstructured: the client's own thread takes it over; nobody waits for it.
            Task { await client.use(username: credential.username, password: credential.password) }
        } catch { Log.error(error.description) }
    }

    @concurrent func probe() async -> Bool {
        await client.connected(within: min(settings.timeout, Self.longestConnect)) == nil
    }

    var isConnected: Bool { state.withLock { $0.session != nil } }

    /// Acks that counted for nothing.
    var foreignAnswers: Int { acks.refused }

    // MARK: What the client tells, on its thread

    private func received(_ message: MQTTMessage) {
        let key = settings.mqtt.ackProof == .key ? state.withLock { $0.ackKey } : nil
        acks.take(message, key: key, at: time.now().uptimeNs)
    }

    private func happened(_ event: MQTTEvent) {
        switch event {
        case .connected(let session):
            state.withLock {
                $0.session = session
                $0.connections += 1
            }
            wake.yield()
        case .disconnected: state.withLock { $0.session = nil }
        }
    }

    // MARK: One batch

    @concurrent func deliver(_ batch: EncodedBatch) async -> BatchAnswer {
        if let failure = await client.connected(within: min(settings.timeout, Self.longestConnect)) {
            return Task.isCancelled ? .cancelled : MQTTAnswer.classify(failure)
        }
        let (session, key) = state.withLock { ($0.session, $0.ackKey) }
        guard session?.isVersion5 != false || settings.mqtt.ackProof == .brokerRules || settings.mqtt.ack == .broker
        else {
            await client.askForVersion5()
            return .misconfigured(
                "\(place): the broker speaks MQTT 3.1.1, which has no room for the code of ack_auth = \"key\"; use a "
                    + "broker with MQTT 5, or write mqtt = { ack_auth = \"broker-acl\" } and see to its rules")
        }
        let message = message(for: batch, key)
        guard batch.body.count <= Self.maxPayloadBytes,
            message.packetBytes <= session?.maximumPacketBytes ?? .max
        else { return .tooLarge("\(place): the batch is larger than the broker takes") }
        let delay = bucket.take(bytes: message.packetBytes, at: time.now().uptimeNs)
        if delay > .zero, (try? await time.sleep(delay)) == nil { return .cancelled }
        guard settings.mqtt.ack == .application else { return await brokersAnswer(message) }
        acks.expect(batch.id)
        defer { acks.forget(batch.id) }
        return await backendsAnswer(message, to: batch)
    }

    private func message(for batch: EncodedBatch, _ key: HMACKey?) -> MQTTMessage {
        var properties: [MQTTMessage.UserProperty] = []
        if batch.isCompressed { properties.append(.init("content-encoding", "gzip")) }
        properties.append(.init("traceparent", batch.traceparent))
        if let key {
            let code = MessageMAC.batch.code(gateway: gateway, batchID: batch.id, payload: batch.body, key: key)
            properties.append(.init(MessageMAC.property, code))
        }
        return MQTTMessage(
            topic("batch"), batch.body, contentType: Batch.contentType,
            correlationData: Array(batch.id.description.utf8), responseTopic: topic("ack"), userProperties: properties)
    }

    private func brokersAnswer(_ message: MQTTMessage) async -> BatchAnswer {
        let outcome = await time.within(settings.timeout) { await self.client.publish(message) }
        guard let outcome else {
            return Task.isCancelled
                ? .cancelled
                : .failure("\(place): no PUBACK within \(settings.timeout)", retryAfter: nil)
        }
        // The broker keeps nothing for nobody: what it says so of is gone.
        guard outcome != .acknowledged(.noSubscribers) else {
            return .failure(
                "\(place): nobody is subscribed to \(message.topic), so that the broker has thrown the batch away; see "
                    + "whether its consumer runs", retryAfter: nil)
        }
        return MQTTAnswer.classify(outcome, place, topic: message.topic) ?? .brokerAccepted
    }

    /// The first of: the ack, a publish that came to nothing, the end of the time.
    private func backendsAnswer(_ message: MQTTMessage, to batch: EncodedBatch) async -> BatchAnswer {
        let answer = await withTaskGroup(of: BatchAnswer?.self) { group in
            group.addTask {
                guard let ack = await self.acks.wait(for: batch.id) else { return .cancelled }
                return MQTTAnswer.classify(ack, batchID: batch.id, place: self.place)
            }
            group.addTask {
                let outcome = await self.client.publish(message)
                return MQTTAnswer.classify(outcome, self.place, topic: message.topic)
            }
            group.addTask {
                guard (try? await self.time.sleep(self.settings.timeout)) != nil else { return .cancelled }
                return .failure(
                    "\(self.place): no ack within \(self.settings.timeout); see whether the backend takes "
                        + "\(message.topic) and answers on \(self.topic("ack"))", retryAfter: nil)
            }
            while let first = await group.next() {
                // PUBACK alone is no answer.
                guard let first else { continue }
                group.cancelAll()
                return first
            }
            return .cancelled
        }
        return Task.isCancelled ? .cancelled : answer
    }

    // MARK: Status

    // At each connection, and each minute where something has changed.
    private func publishStatus() async {
        // The broker has published the last will meanwhile, so that each connection says it anew.
        var last: (connections: Int, status: GatewayStatus?) = (0, nil)
        for await _ in wakeUps {
            let (session, connections) = state.withLock { ($0.session, $0.connections) }
            guard session != nil else { continue }
            let status = await gatewayStatus?()
            guard connections != last.connections || status != last.status else { continue }
            let payload = GatewayStatus.online(gateway, status, atMs: time.now().wallMs)
            let message = MQTTMessage(topic("status"), payload, isRetained: true, contentType: "application/json")
            let outcome = await time.within(settings.timeout) { await self.client.publish(message) }
            if case .acknowledged? = outcome { last = (connections, status) }
        }
    }
}
