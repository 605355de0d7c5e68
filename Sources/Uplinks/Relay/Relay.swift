internal import Gzip
public import HTTPClient
internal import MQTTClient
public import Model
internal import Posix
internal import Synchronization
internal import Wire

//  broker ── …/GATEWAY/batch ──► RelayDoor ──► window ──► forwarder ──► backend
//    ▲        (mqtt thread)      code, name    bounded    one POST a batch (devices), or scan by scan (web)
//    └───────── …/GATEWAY/ack ◄── code over the reply ◄──────┘

/// MQTT on one side, the backend's `/api/fast_parent_scan` on the other: takes gateways' batches from a broker, posts
/// them under the contract of its uplink, and publishes the backend's reply as the ack.
///
/// It keeps nothing: libmosquitto has acknowledged a batch to the broker before the backend has it, and whatever is
/// here when the process dies is gone. That loses nothing, since a gateway's spool gives a scan up only for an ack,
/// and asks again when none comes. Any number may run side by side. Bounds: `RelayQueue`, `WebForwarder`.
public final class Relay: Sendable {
    private struct State {
        var keys: RelayKeys
        var session: MQTTEvent.Session?
        var isStopping = false
        var said = ""
        var work: Task<Void, Never>?
        /// Nil where the broker shares the batches out among the relays.
        var members: RelayMembers?
    }

    private static let stopWithin: Duration = .seconds(5)
    private static let publishWithin: Duration = .seconds(5)

    /// The relay's own name at the broker.
    public let id: String
    private let settings: RelaySettings
    private let filter: String
    /// tracetrack-web: where the relays say that they are there. No gateway's name begins with `_`.
    private let presence: String
    private let door: RelayDoor
    private let client: MQTTClient
    private let time: TimeSource
    private let tally = RelayTally()
    private let forwarder: any RelayForwarder
    private let state: Mutex<State>
    private let start: String
    private let wakeUps: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    /// Reads keys and credentials; connects in `run`.
    ///
    /// - Parameters:
    ///   - uplink: the way to the backend: https, either contract.
    ///   - http: closed by its owner after the relay has stopped.
    ///   - random: random words for ids and jitter.
    /// - Throws: `UplinkError` with the setting and the file to mend.
    public init(
        _ settings: RelaySettings, to uplink: UplinkSettings, http: HTTPClient, time: TimeSource,
        random: @escaping @Sendable () -> UInt64
    ) throws(UplinkError) {
        let keys = try RelayKeys.load(settings.keysDirectory)
        let id = settings.id ?? "relay-" + Hex.encode((0..<4).map { UInt8(truncatingIfNeeded: random() >> ($0 * 8)) })
        let isWeb = uplink.contract == .web
        presence = "\(settings.topicPrefix)/_relays/\(settings.share)/"
        var broker = try settings.broker(clientID: id)
        if isWeb { broker.will = MQTTMessage(presence + id, [], isRetained: true) }
        if case .password(let name, let file) = settings.authentication {
            broker.username = name
            broker.password = try Credential.firstLine(of: file, "auth.password_file", "relay")
        }
        let box = Box()
        do {
            client = try MQTTClient(
                broker, onMessage: { box.relay?.received($0) }, onEvent: { box.relay?.happened($0) })
        } catch { throw UplinkError("relay: \(error)") }
        let answer: RelayAnswer = { batch, payload in await box.relay?.acknowledge(batch, payload) ?? false }
        switch uplink.contract {
        case .devices:
            forwarder = try DevicesForwarder(
                settings, uplink, keys: keys, client: http, time: time, random: random, tally: tally, answer: answer)
        case .web:
            forwarder = try WebForwarder(
                settings, uplink, client: http, time: time, random: random, tally: tally, answer: answer)
        }
        (self.settings, self.id, self.time) = (settings, id, time)
        filter = isWeb ? "\(settings.topicPrefix)/+/batch" : "$share/\(settings.share)/\(settings.topicPrefix)/+/batch"
        door = RelayDoor(prefix: settings.topicPrefix)
        state = Mutex(State(keys: keys, members: isWeb ? RelayMembers(own: id) : nil))
        (wakeUps, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        start =
            "relay \(id): takes \(filter) from \(broker.place), of \(keys.entries.count) gateways, and posts to "
            + "\(uplink.urls.first ?? "") (\(uplink.contract.rawValue))"
        box.set(self)
    }

    // The client's closures are made before the relay is.
    private final class Box: Sendable {
        private struct Weak { weak var relay: Relay? }
        private let held = Mutex(Weak())
        var relay: Relay? { held.withLock { $0.relay } }
        func set(_ relay: Relay) { held.withLock { $0.relay = relay } }
    }

    /// What it has done so far.
    public var counts: RelayCounts { tally.counts }

    /// Whether the broker has it.
    public var isConnected: Bool { state.withLock { $0.session != nil } }

    /// The relays that share the gateways, this one too; 1 where the broker shares the batches out.
    var members: Int {
        let now = time.now().uptimeNs
        return state.withLock { $0.members?.count(nowNs: now) ?? 1 }
    }

    /// Works until `stop`. Called once.
    public func run() async {
        Log.notice(start)
        let isOneOfMany = state.withLock { $0.members != nil }
        // First: what the broker has kept of the others has to be known before the first batch comes.
        if isOneOfMany { await client.subscribe(presence + "+") }
        await client.subscribe(filter)
        await client.connect()
        // Unstructured: stop() ends it before the connection.
        let announcing = isOneOfMany ? Task { await announce() } : nil
        // Unstructured: stop() cancels it when its time is over, and only then.
        let work = Task { await forwarder.run() }
        state.withLock { $0.work = work }
        await work.value
        wake.finish()
        await announcing?.value
        await client.close()
        Log.notice("relay \(id): stopped; \(counts.text)")
    }

    /// Takes no more; what is under way is answered, if that is done within 5 s. `run` returns after that.
    public func stop() async {
        let work = state.withLock { state in
            state.isStopping = true
            return state.work
        }
        await client.leave(filter)
        wake.yield()
        forwarder.finish()
        let sleep = time.sleep
        // Unstructured: a group would wait for its sleep.
        let deadline = Task { if (try? await sleep(Self.stopWithin)) != nil { work?.cancel() } }
        await work?.value
        deadline.cancel()
    }

    /// Reads keys and credentials anew, and lets what is blocked ask again at once. Where the new keys cannot be used
    /// the old ones stay.
    public func reload() async {
        do throws(UplinkError) {
            let keys = try RelayKeys.load(settings.keysDirectory)
            if case .password(let name, let file) = settings.authentication {
                await client.use(
                    username: name, password: try Credential.firstLine(of: file, "auth.password_file", "relay"))
            }
            state.withLock { $0.keys = keys }
            await forwarder.reload(keys)
            Log.notice("relay \(id): reloaded; \(keys.entries.count) gateways")
        } catch { Log.error("\(error.description); the old keys stay in force") }
    }

    /// Returns once the connection's thread has run a job: what a watchdog may be told.
    public func beat() async { _ = await client.lastFailure }

    // MARK: What the client tells, on its thread

    private func received(_ message: MQTTMessage) {
        if message.topic.hasPrefix(presence) { return heard(message) }
        let now = time.now().uptimeNs
        let gateway = door.gateway(of: message.topic)
        let (keys, isStopping, isOurs) = state.withLock { state in
            let isOurs = gateway.flatMap { state.members?.handles($0, nowNs: now) } ?? true
            return (state.keys, state.isStopping, isOurs)
        }
        guard isOurs else { return tally.count { $0.others += 1 } }
        guard !isStopping else { return tally.count { $0.dropped += 1 } }
        switch door.judge(message, keys, at: now) {
        case .taken(let batch):
            tally.count { $0.admitted += 1 }
            forwarder.offer(batch)
        case .refused(let why, let gateway):
            tally.count { $0.refused += 1 }
            say(why, gateway, message.topic, keys)
        }
    }

    private func say(_ why: RelayDoor.Refusal, _ gateway: GatewayID?, _ topic: String, _ keys: RelayKeys) {
        let known = gateway.flatMap { keys[$0] == nil ? nil : $0 }
        guard tally.isNews(why.rawValue, of: known, nowNs: time.now().uptimeNs) else { return }
        Log.error("relay: a message on \(topic) is refused: \(why.rawValue); see who may publish there, and keys_dir")
    }

    // A relay says that it is there, or has gone.
    private func heard(_ message: MQTTMessage) {
        let other = String(message.topic.dropFirst(presence.count))
        let now = time.now().uptimeNs
        let (members, isNews) = state.withLock { state in
            let before = state.members?.count(nowNs: now)
            if message.payload.isEmpty {
                state.members?.forget(other)
            } else if state.members?.hear(other, isKept: message.isRetained, nowNs: now) == true {
                // It may not know of this one.
                wake.yield()
            }
            return (state.members, state.members?.count(nowNs: now) != before)
        }
        guard isNews, let members else { return }
        Log.notice("relay \(id): \(members.count(nowNs: now)) relays share the gateways")
        forwarder.release { !members.handles($0, nowNs: now) }
    }

    // At each connection, every 10 s, for each relay that is new; and at the end that this one goes.
    private func announce() async {
        // Unstructured: it ends with this function.
        let beat = Task { [time, wake] in
            while (try? await time.sleep(RelayMembers.beat)) != nil { wake.yield() }
        }
        for await _ in wakeUps {
            let (isUp, isStopping) = state.withLock { ($0.session != nil, $0.isStopping) }
            guard isUp else { continue }
            let message = MQTTMessage(presence + id, isStopping ? [] : [UInt8(ascii: "1")], isRetained: true)
            _ = await time.within(Self.publishWithin) { await self.client.publish(message) }
        }
        beat.cancel()
    }

    private func happened(_ event: MQTTEvent) {
        switch event {
        case .connected(let session):
            state.withLock { ($0.session, $0.said) = (session, "") }
            wake.yield()
            Log.notice("relay \(id): connected")
        case .disconnected(let failure):
            let isNews = state.withLock { state in
                let (was, text) = (state.said, failure.description)
                (state.session, state.said) = (nil, text)
                return was != text && !state.isStopping
            }
            if isNews { Log.warning("relay \(id): no broker: \(failure.description)") }
        }
    }

    // MARK: Answers

    /// Publishes a reply as the ack of a batch; false where that is not known to have arrived at the broker.
    private func acknowledge(_ batch: RelayBatch, _ reply: [UInt8]) async -> Bool {
        guard let session = state.withLock({ $0.session }) else { return false }
        var message = message(batch, reply, isCompressed: false)
        if message.packetBytes > session.maximumPacketBytes ?? .max {
            message = self.message(batch, Gzip.compress(reply), isCompressed: true)
        }
        let ready = message
        let outcome = await time.within(Self.publishWithin) { await self.client.publish(ready) }
        switch outcome {
        case .acknowledged?: return true
        case .refused(let reason)?:
            Log.error("relay: the broker refuses \(ready.topic): \(reason); allow it in the broker's rules")
            return false
        case .tooLarge?:
            Log.error("relay: the ack of batch \(batch.id) is larger than the broker takes; lower batch.max_scans")
            return false
        default: return false
        }
    }

    private func message(_ batch: RelayBatch, _ payload: [UInt8], isCompressed: Bool) -> MQTTMessage {
        let code = MessageMAC.ack.code(
            gateway: batch.gateway, batchID: batch.id, payload: payload, key: batch.ackKey)
        var properties = [MQTTMessage.UserProperty(MessageMAC.property, code)]
        if isCompressed { properties.append(.init("content-encoding", "gzip")) }
        return MQTTMessage(
            "\(settings.topicPrefix)/\(batch.gateway)/ack", payload, contentType: "application/json",
            correlationData: Array(batch.id.description.utf8), userProperties: properties)
    }
}
