internal import Model
internal import Wire

/// A way out for batches of tracetrack-devices: HTTPS or MQTT.
///
/// It carries bytes and reads answers; what an answer means for the scans is the lane's business, whatever the way.
protocol Uplink: Sendable {
    /// One attempt. Never throws: trouble is an answer too. Cancelling the task gives the attempt up. Off the caller's
    /// actor: signing and reading replies are most of the work of a batch.
    @concurrent func deliver(_ batch: EncodedBatch) async -> BatchAnswer
    /// Whether this way seems to work again; asked while another way is used, and never with scans.
    @concurrent func probe() async -> Bool
    /// Tries the way step by step, without scans.
    @concurrent func test(_ context: DeliveryContext) async -> [UplinkTestStep]
    /// Reads the credential anew from its file, once after a 401.
    func reloadCredential()
    /// Begins what it needs to stand, such as a connection; once, before the first batch. Does not wait for it.
    func start() async
    /// Ends that in good order, within 2 s; after the last batch.
    func close() async
    /// Whether its connection stands; always, where it makes one for each batch. Any thread; never waits.
    var isConnected: Bool { get }
    /// Answers so far that were for nothing that was asked, or did not prove themselves.
    var foreignAnswers: Int { get }
}

extension Uplink {
    /// Where there is nothing to ask, the next batch tells.
    @concurrent func probe() async -> Bool { true }

    @concurrent func test(_ context: DeliveryContext) async -> [UplinkTestStep] { [] }

    func start() async {}

    func close() async {}

    var isConnected: Bool { true }

    var foreignAnswers: Int { 0 }
}

/// One batch as it goes out: its bytes never change under its id.
struct EncodedBatch: Sendable, Equatable {
    let id: UUID
    let lane: LaneID
    let traceparent: String
    /// As sent, compressed where `isCompressed`.
    let body: [UInt8]
    let isCompressed: Bool
    /// How many bytes it was before compression.
    var plainBytes = 0
}

/// What one attempt came to: the rows of "What the gateway does with each answer".
enum BatchAnswer: Equatable {
    /// 200 or 207 with results.
    case results(BatchReply)
    /// MQTT with `ack = "broker"`: the broker has the batch, which is to count as accepted for all its scans.
    case brokerAccepted
    /// 202: taken, not judged.
    case later(Duration?)
    /// 2xx without readable results.
    case unreadable(String)
    /// No connection: nothing can have arrived, so that another way may be tried at once.
    case unreachable(String)
    /// Network error, timeout, 408 409 425 500 502 503 504.
    case failure(String, retryAfter: Duration?)
    /// 429.
    case slowDown(String, retryAfter: Duration?)
    /// 401.
    case unauthorized(String)
    /// 403.
    case forbidden(String)
    /// 404 405 501 3xx.
    case misconfigured(String)
    /// 413.
    case tooLarge(String)
    /// 400 or 422: something in the batch, or in between, is not liked.
    case refused(String)
    /// 415: as 400, but it may be the compression.
    case compressionRefused(String)
    /// The attempt was given up.
    case cancelled

    /// Whether the scans have arrived where they are to be judged.
    var isVerdict: Bool {
        switch self {
        case .results, .brokerAccepted: true
        default: false
        }
    }

    /// Whether it is about the way and not about the scans, so that another way may do better.
    var isUplinksTrouble: Bool {
        switch self {
        case .unreadable, .unreachable, .failure, .slowDown, .unauthorized, .forbidden, .misconfigured: true
        case .results, .brokerAccepted, .later, .tooLarge, .refused, .compressionRefused, .cancelled: false
        }
    }
}
