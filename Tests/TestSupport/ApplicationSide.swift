public import Crypto
internal import Gzip
internal import HTTPClient
public import MQTTClient
internal import Model
internal import Synchronization
internal import Wire

/// The other end of the broker: takes batches, has the reference backend judge them over HTTP, and publishes acks, as a
/// rule and a function behind it would; or does what a test tells it to instead.
public final class ApplicationSide: Sendable {
    /// What becomes of one batch, told in the order of arrival from 0.
    public enum Plan: Sendable {
        /// The backend judges it, and its reply is published.
        case answer
        /// The reply is published so often.
        case repeated(Int)
        /// The backend judges it, and nobody hears of it.
        case swallow
        /// The backend never sees it.
        case drop
        /// The backend judges it; the message with its reply goes out as this function leaves it, and nothing else.
        case spoil(@Sendable (inout MQTTMessage) -> Void)
        /// The reply is kept until the next batch has been answered.
        case afterNext
    }

    /// A batch as it arrived.
    public struct Batch: Sendable, Equatable {
        /// Its id.
        public var id: String
        /// As sent.
        public var payload: [UInt8]
        /// With its properties.
        public var message: MQTTMessage
    }

    private struct State {
        var batches: [Batch] = []
        var kept: [MQTTMessage] = []
    }

    /// What acks are made by.
    public let key: HMACKey
    private let client: MQTTClient
    private let http = HTTPClient()
    private let backend: String
    private let bearer: String?
    private let plan: @Sendable (Int) -> Plan
    private let state = Mutex(State())
    private let arrivals: AsyncStream<MQTTMessage>
    private let task: Mutex<Task<Void, Never>?> = Mutex(nil)

    /// Connects, subscribes and begins.
    ///
    /// - Parameters:
    ///   - backend: the url of a `tracetrack-sim`.
    ///   - bearer: the token for it, where it wants one.
    public init(
        _ settings: MQTTSettings, backend: String, gatewayKey: [UInt8], bearer: String? = nil,
        plan: @escaping @Sendable (Int) -> Plan = { _ in .answer }
    ) async throws {
        key = MessageMAC.ackKey(of: HMACKey(gatewayKey))
        self.backend = backend
        self.bearer = bearer
        self.plan = plan
        let (stream, continuation) = AsyncStream.makeStream(of: MQTTMessage.self)
        arrivals = stream
        client = try MQTTClient(settings, onMessage: { continuation.yield($0) })
        await client.subscribe("scan/v1/+/batch")
        await client.connect()
        if let failure = await client.connected(within: .seconds(15)) { throw failure }
        task.withLock { $0 = Task { await self.work() } }
    }

    /// Ends it.
    public func stop() async {
        let task = task.withLock { $0 }
        task?.cancel()
        await client.close()
        await task?.value
        http.close()
    }

    /// Every batch that arrived, repeats too.
    public var batches: [Batch] { state.withLock { $0.batches } }

    /// Publishes something of the test's own.
    public func publish(_ message: MQTTMessage) async -> PublishOutcome { await client.publish(message) }

    private func work() async {
        await withDiscardingTaskGroup { group in
            for await arrived in arrivals {
                let message = completed(arrived)
                let id = String(decoding: message.correlationData ?? [], as: UTF8.self)
                let number = state.withLock { state in
                    state.batches.append(Batch(id: id, payload: message.payload, message: message))
                    return state.batches.count - 1
                }
                let plan = plan(number)
                if case .drop = plan { continue }
                group.addTask { await self.judge(message, id, plan) }
            }
        }
    }

    // A batch that came without properties (MQTT 3.1.1): what they would say is in the payload.
    private func completed(_ message: MQTTMessage) -> MQTTMessage {
        guard message.correlationData == nil else { return message }
        var message = message
        let isCompressed = message.payload.starts(with: [0x1F, 0x8B])
        let body = isCompressed ? try? Gzip.decompress(message.payload, limit: 1 << 20) : message.payload
        let id = try? ReceivedBatch.decode(body ?? []).batchID.description
        message.contentType = Wire.Batch.contentType
        message.correlationData = Array((id ?? "").utf8)
        message.responseTopic = "scan/v1/dock-7/ack"
        if isCompressed { message.userProperties = [.init("content-encoding", "gzip")] }
        return message
    }

    private func judge(_ message: MQTTMessage, _ id: String, _ plan: Plan) async {
        guard let payload = await post(message, id) else { return }
        var ack = ack(to: message, id, payload)
        switch plan {
        case .drop, .swallow: return
        case .answer: await send([ack])
        case .repeated(let count): await send(Array(repeating: ack, count: count))
        case .spoil(let change):
            change(&ack)
            await send([ack])
        case .afterNext: state.withLock { $0.kept.append(ack) }
        }
        guard case .answer = plan else { return }
        let kept = state.withLock { state in
            defer { state.kept = [] }
            return state.kept
        }
        await send(kept)
    }

    private func send(_ messages: [MQTTMessage]) async {
        for message in messages { _ = await client.publish(message) }
    }

    /// An ack as it should be.
    public func ack(to message: MQTTMessage, _ id: String, _ reply: [UInt8]) -> MQTTMessage {
        let isLarge = reply.count >= 1024
        let payload = isLarge ? Gzip.compress(reply) : reply
        let gateway = GatewayID(message.topic.split(separator: "/").dropLast().last.map(String.init) ?? "")
        var properties: [MQTTMessage.UserProperty] = isLarge ? [.init("content-encoding", "gzip")] : []
        if let gateway, let batch = UUID(id) {
            properties.append(
                .init("mac", MessageMAC.ack.code(gateway: gateway, batchID: batch, payload: payload, key: key)))
        }
        return MQTTMessage(
            message.responseTopic ?? "", payload, correlationData: message.correlationData, userProperties: properties)
    }

    private func post(_ message: MQTTMessage, _ id: String) async -> [UInt8]? {
        var headers: [(name: String, value: String)] = [
            ("Content-Type", message.contentType ?? ""), ("Idempotency-Key", "\"\(id)\""),
        ]
        if let encoding = message.userProperty("content-encoding") { headers.append(("Content-Encoding", encoding)) }
        if let bearer { headers.append(("Authorization", "Bearer \(bearer)")) }
        let request = HTTPRequest(
            .post, "\(backend)/api/fast_parent_scan", headers: headers, body: message.payload, policy: HTTPPolicy(),
            mayRepeat: true)
        guard let response = try? await http.send(request), response.status == 200 else { return nil }
        return response.body
    }
}
