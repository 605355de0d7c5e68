internal import CMosquitto
internal import Glibc
internal import Model
public import Posix
internal import Synchronization

/// One connection to an MQTT broker over libmosquitto, made again whenever it breaks.
///
/// An actor on a thread of its own (`mqtt`), on which every call of the library and every callback runs: a PUBACK can
/// therefore never overtake the bookkeeping of its publish, and nothing else waits for the library. Each attempt gets a
/// new library handle, so that replaced certificates are read, and nothing of an old connection is sent again behind
/// the caller's back: what was not acknowledged is the caller's, who has it on disk.
///
/// Received messages of QoS 1 are acknowledged by the library when `onMessage` returns; it has no other way. A receiver
/// that dies with a message has lost it, unless the sender sends again for want of an answer (gateways do).
///
/// Bounds: publishes without PUBACK are as many as callers wait in `publish`; each caller keeps a window. Attempts come
/// as `AttemptPace` says. Close it, or the connection stays.
public actor MQTTClient {
    static let handshakeLimit: Duration = .seconds(15)
    static let flushLimit: Duration = .seconds(1)
    // A caller in need does not make attempts come faster than this.
    static let hurry: Duration = .seconds(5)
    static let soon: Duration = .seconds(3)
    // A PUBACK may come behind the backend's ack, but not this long.
    static let latePuback: Duration = .seconds(2)
    // A connection that ends sooner is no proof that the next one will last.
    static let lasting: Duration = .seconds(30)

    enum Phase: Equatable {
        case idle, waiting, connecting, up, closed
    }

    private let poll: PollThread
    private nonisolated let place: String
    /// What it connects by.
    public private(set) var settings: MQTTSettings
    let onMessage: @Sendable (MQTTMessage) -> Void
    private let onEvent: @Sendable (MQTTEvent) -> Void

    var phase = Phase.idle
    var handle: OpaquePointer?
    private var watch: PollThread.Token?
    private var watchedEvents: PollThread.Events = []
    private var timer: PollThread.Token?
    private var beat: PollThread.Token?
    var isVersion5: Bool
    private var pace = AttemptPace()
    private var lastAttemptNs: Int64 = 0
    private var nextAttemptNs: Int64 = 0
    private var upSinceNs: Int64 = 0
    private var failure: MQTTFailure?
    private var shortLived = 0
    // What is known of the attempt under way.
    var trouble = MQTTTrouble()
    var session: MQTTEvent.Session?
    /// Why the connection has to end, found in a callback: the handle may only be freed outside of one.
    var ending: MQTTFailure?

    var filters: [String] = []
    var unconfirmed: [Int32: String] = [:]
    var publishes: [Int32: (id: UInt64, continuation: CheckedContinuation<PublishOutcome, Never>)] = [:]
    /// Those that nobody waits for any more and whose PUBACK has not come, since when: each keeps its place at the broker.
    var unanswered: [Int32: Int64] = [:]
    // Outside the actor: whoever is cancelled must not wait for a name server that holds the thread.
    private nonisolated let waiters = Mutex<[UInt64: CheckedContinuation<MQTTFailure?, Never>]>([:])
    private nonisolated let lastWaiter = Atomic<UInt64>(0)
    private var waiterTimers: [UInt64: PollThread.Token] = [:]
    private nonisolated let isUp = Atomic(false)
    private var lastID: UInt64 = 0
    private var closers: [CheckedContinuation<Void, Never>] = []

    /// A client that does nothing until `connect()`. Both closures are called on the client's thread and must return
    /// at once; `onEvent` hears of every failed attempt, the same words again included.
    public init(
        _ settings: MQTTSettings, onMessage: @escaping @Sendable (MQTTMessage) -> Void = { _ in },
        onEvent: @escaping @Sendable (MQTTEvent) -> Void = { _ in }
    ) throws(SystemError) {
        _ = Self.library
        poll = try PollThread(name: "mqtt")
        self.settings = settings
        place = settings.place
        self.onMessage = onMessage
        self.onEvent = onEvent
        isVersion5 = settings.version != .v311
    }

    // Not in `close()`: whoever asks later, a test for instance, would wait for a thread that has gone.
    deinit { poll.stop() }

    /// Called by the runtime.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    // mosquitto_lib_init is not thread-safe: once in the process.
    private static let library: Void = { _ = mosquitto_lib_init() }()

    // MARK: Connection

    /// Starts connecting; from now on the client connects again whenever it is not. Does not wait.
    public func connect() {
        guard phase == .idle else { return }
        // OpenSSL writes without MSG_NOSIGNAL.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        phase = .waiting
        schedule(.zero)
    }

    /// Adds a filter, which is subscribed with QoS 1 at each connection from now on. A broker that refuses one has
    /// refused the connection: `.disconnected` with `.notAuthorised`.
    public func subscribe(_ filter: String) {
        guard !filters.contains(filter) else { return }
        filters.append(filter)
        guard phase == .up || session != nil else { return }
        subscribeNow(filter)
        settle(0)
    }

    /// Nil once connected and subscribed; else why not, after the attempt under way has failed, or `limit`.
    ///
    /// Where the next attempt is still to come it comes now, if the last one is 5 s ago and another client has not
    /// taken our place; else it is waited for where it comes within 3 s, and otherwise the last failure returned at once.
    ///
    /// Cancelling the task ends the wait, even while a name server holds the client's thread; that ends it 1 s after
    /// `limit` at the latest.
    public nonisolated func connected(within limit: Duration) async -> MQTTFailure? {
        if isUp.load(ordering: .acquiring) { return nil }
        let id = lastWaiter.wrappingAdd(1, ordering: .relaxed).newValue
        // Unstructured: cancelled as soon as there is an answer. The timer of `consider` is the held thread's own.
        let overdue = Task { [place] in
            guard (try? await Task.sleep(for: limit + .seconds(1))) != nil else { return }
            answer(
                id,
                MQTTFailure(
                    .network, "\(place): no connection in time, and the client still looks for the host's address",
                    hint: "check this machine's DNS"))
        }
        defer { overdue.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isWaiting = waiters.withLock { waiters in
                    guard !Task.isCancelled else { return false }
                    waiters[id] = continuation
                    return true
                }
                guard isWaiting else { return continuation.resume(returning: Self.gaveUp) }
                // Unstructured: the caller waits for the answer, not for the client's thread.
                Task { await consider(id, limit) }
            }
        } onCancel: {
            answer(id, Self.gaveUp)
        }
    }

    private static let gaveUp = MQTTFailure(.network, "the wait for a connection was cancelled")

    private func consider(_ id: UInt64, _ limit: Duration) {
        if phase == .up { return answer(id, nil) }
        if phase == .waiting, failure?.kind != .takenOver || now - lastAttemptNs >= AttemptPace.attention.nanoseconds,
            now - lastAttemptNs >= Self.hurry.nanoseconds
        {
            schedule(.zero)
        }
        let isSoon = phase == .waiting && nextAttemptNs - now <= Self.soon.nanoseconds
        guard phase == .connecting || isSoon else {
            return answer(
                id, failure ?? MQTTFailure(.network, "\(settings.place): not connected yet"))
        }
        waiterTimers[id] = poll.after(limit) { [weak self] in self?.assumeIsolated { $0.giveUpWaiting(id) } }
    }

    private nonisolated func answer(_ id: UInt64, _ outcome: MQTTFailure?) {
        let waiter = waiters.withLock { $0.removeValue(forKey: id) }
        waiter?.resume(returning: outcome)
    }

    /// Attempts to connect now where a wait of the backoff is on: credentials or certificates were replaced.
    public func connectNow() {
        pace.renewed()
        guard phase == .waiting else { return }
        schedule(.nanoseconds(max(0, lastAttemptNs + 1_000_000_000 - now)))
    }

    /// Asks the broker for MQTT 5 anew where it has refused that before: it may have been brought up to date.
    public func askForVersion5() {
        guard phase == .up, !isVersion5, settings.version == .automatic else { return }
        finish(MQTTFailure(.network, "\(settings.place): asking for MQTT 5 anew"))
    }

    /// Takes over another user or password, from the next connection on; where there is none now, that comes at once.
    public func use(username: String?, password: String?) {
        (settings.username, settings.password) = (username, password)
        connectNow()
    }

    /// Why there is no connection; nil while there is one, and before the first attempt has failed.
    public var lastFailure: MQTTFailure? { phase == .up ? nil : failure }

    /// Disconnects in good order, within 1 s, so that the broker does not publish the last will. Publishes under way end
    /// as lost. The thread ends with the client.
    public func close() async {
        guard phase != .closed else { return }
        let closed = MQTTFailure(.closed, "\(settings.place): the MQTT client is closed")
        if phase == .up, let handle {
            phase = .closed
            let status = mosquitto_disconnect(handle)
            if status == 0, mosquitto_socket(handle) >= 0 {
                setTimer(Self.flushLimit) { $0.finish(closed) }
                updateWatch()
                await withCheckedContinuation { closers.append($0) }
            }
        }
        phase = .closed
        finish(closed)
    }

    private var now: Int64 { TimeSource.system.now().uptimeNs }

    private func giveUpWaiting(_ id: UInt64) {
        waiterTimers[id] = nil
        answer(id, failure ?? MQTTFailure(.network, "\(settings.place): no connection in time"))
    }

    private func attempt() {
        cancelTimer()
        pace.attempted()
        lastAttemptNs = now
        phase = .connecting
        trouble = MQTTTrouble()
        // Nothing of the library's is tried again within this time, a name server's silence not counted.
        setTimer(Self.handshakeLimit) { client in
            client.finish(
                MQTTFailure(
                    .network, "\(client.settings.place): no answer within \(Self.handshakeLimit)",
                    hint: "check that the broker runs, and the port and firewall between"))
        }
        do throws(MQTTFailure) {
            handle = try makeHandle(attempt: pace.attempts)
        } catch { return finish(error) }
        guard let handle else { return }
        let events: PollThread.Events = [.readable, .writable]
        watchedEvents = events
        do throws(SystemError) {
            watch = try poll.watch(mosquitto_socket(handle), for: events, named: "the broker's connection") {
                [weak self] events in self?.assumeIsolated { $0.ready(events) }
            }
        } catch { finish(MQTTFailure(.network, error.description)) }
    }

    private func ready(_ events: PollThread.Events) {
        guard let handle else { return }
        let isNew = session == nil
        if isNew, !events.isDisjoint(with: .hungUp) { trouble.readSocketError(mosquitto_socket(handle)) }
        // While the handshake is on, reading is what moves it, whatever the socket is ready for.
        errno = 0
        var status = MOSQ_ERR_SUCCESS.rawValue
        if isNew || !events.isDisjoint(with: [.readable, .hungUp]) { status = mosquitto_loop_read(handle, 1) }
        if status == 0, ending == nil, mosquitto_socket(handle) >= 0, mosquitto_want_write(handle) {
            errno = 0
            status = mosquitto_loop_write(handle, 1)
        }
        settle(status)
    }

    /// After every call of the library that may have changed the connection.
    private func settle(_ status: Int32) {
        let code = errno
        guard let handle else { return }
        if let ending { return finish(ending) }
        guard status == 0, mosquitto_socket(handle) >= 0 else {
            let shortLived = phase == .up ? shortLived + 1 : 0
            return finish(trouble.failure(status, errno: code, settings, shortLived: shortLived))
        }
        updateWatch()
    }

    private func updateWatch() {
        guard let handle, let watch else { return }
        var events: PollThread.Events = [.readable]
        if mosquitto_want_write(handle) { events.insert(.writable) }
        guard events != watchedEvents else { return }
        watchedEvents = events
        poll.change(watch, to: events)
    }

    // Ends the attempt or the connection, and says when the next one comes.
    private func finish(_ why: MQTTFailure) {
        isUp.store(false, ordering: .releasing)
        cancelTimer()
        if let beat { poll.cancel(beat) }
        beat = nil
        if let watch { poll.unwatch(watch) }
        watch = nil
        if let handle {
            self.handle = nil
            if phase != .closed, mosquitto_socket(handle) >= 0 { mosquitto_disconnect(handle) }
            mosquitto_destroy(handle)
        }
        if phase == .up {
            let isShort = now - upSinceNs < Self.lasting.nanoseconds
            shortLived = isShort ? shortLived + 1 : 0
            if !isShort { pace.lasted() }
            // One refusal, of a broker that is changed just then for instance, must not hold for ever.
            if settings.version == .automatic { isVersion5 = true }
        }
        unanswered = [:]
        (session, ending, unconfirmed, failure) = (nil, nil, [:], why)
        if phase != .closed { phase = .waiting }
        let lost = publishes.values
        publishes = [:]
        for publish in lost { publish.continuation.resume(returning: .lost(why)) }
        release(why)
        let closing = closers
        closers = []
        for closer in closing { closer.resume() }
        onEvent(.disconnected(why))
        if phase == .waiting { schedule(delay(after: why)) }
    }

    private func release(_ outcome: MQTTFailure?) {
        for timer in waiterTimers.values { poll.cancel(timer) }
        waiterTimers = [:]
        let waiting = waiters.withLock { waiters in
            defer { waiters = [:] }
            return waiters.values
        }
        for waiter in waiting { waiter.resume(returning: outcome) }
    }

    private func delay(after why: MQTTFailure) -> Duration {
        if why.reason == .unsupportedVersion, settings.version == .automatic, isVersion5 {
            isVersion5 = false
            return .seconds(1)
        }
        return pace.delay(after: why.kind, random: Random.word())
    }

    private func schedule(_ delay: Duration) {
        nextAttemptNs = now + delay.nanoseconds
        setTimer(delay) { $0.attempt() }
    }

    private func setTimer(_ delay: Duration, _ body: @escaping @Sendable (isolated MQTTClient) -> Void) {
        cancelTimer()
        timer = poll.after(delay) { [weak self] in self?.assumeIsolated { body($0) } }
    }

    private func cancelTimer() {
        if let timer { poll.cancel(timer) }
        timer = nil
    }

    // The library pings and notices silence only when it is asked to; four times in a keep-alive is often enough.
    private func startBeat() {
        let period = Duration.milliseconds(settings.keepAliveSeconds * 250)
        beat = poll.after(period) { [weak self] in
            self?.assumeIsolated { client in
                guard let handle = client.handle else { return }
                client.startBeat()
                errno = 0
                client.settle(mosquitto_loop_misc(handle))
            }
        }
    }

    /// Connected, and every filter is subscribed.
    func becomeUp() {
        guard let session else { return }
        phase = .up
        failure = nil
        upSinceNs = now
        cancelTimer()
        startBeat()
        onEvent(.connected(session))
        isUp.store(true, ordering: .releasing)
        release(nil)
    }

    // MARK: Publishing

    /// Publishes with QoS 1 and returns at PUBACK, or when it is certain that none will come. The caller has its own
    /// timer: a broker may swallow a message (AWS IoT Core does above its quota). Cancelling the task ends the wait.
    public func publish(_ message: MQTTMessage) async -> PublishOutcome {
        lastID += 1
        let id = lastID
        return await withTaskCancellationHandler {
            await withCheckedContinuation { start(id, message, $0) }
        } onCancel: {
            // Unstructured: the way to the actor from a handler that cannot wait; it comes after `start`.
            Task { await self.abandon(id) }
        }
    }

    private func start(_ id: UInt64, _ message: MQTTMessage, _ continuation: CheckedContinuation<PublishOutcome, Never>)
    {
        guard phase == .up, let handle else { return continuation.resume(returning: .notConnected(failure)) }
        var mid: Int32 = 0
        errno = 0
        let status = MQTTPublish.send(message, over: handle, isVersion5: isVersion5, &mid)
        switch status {
        case MOSQ_ERR_SUCCESS.rawValue: publishes[mid] = (id, continuation)
        case MOSQ_ERR_OVERSIZE_PACKET.rawValue, MOSQ_ERR_PAYLOAD_SIZE.rawValue:
            return continuation.resume(returning: .tooLarge)
        case MOSQ_ERR_NO_CONN.rawValue, MOSQ_ERR_CONN_LOST.rawValue, MOSQ_ERR_ERRNO.rawValue, MOSQ_ERR_TLS.rawValue:
            // It may be half written: the connection's end says so to all.
            publishes[mid] = (id, continuation)
            return settle(status)
        default:
            return continuation.resume(
                returning: .invalid("\(message.topic): \(String(cString: mosquitto_strerror(status)))"))
        }
        settle(0)
    }

    private func abandon(_ id: UInt64) {
        guard let place = publishes.first(where: { $0.value.id == id }) else { return }
        publishes[place.key] = nil
        place.value.continuation.resume(returning: .cancelled)
        unanswered[place.key] = now
        // A broker that swallows what is over its quota never gives their places back: nothing more would go out.
        let limit = min(Int(settings.sendMaximum), session?.receiveMaximum ?? .max)
        guard unanswered.count >= limit else { return }
        let lost = unanswered.values.count { now - $0 >= Self.latePuback.nanoseconds }
        guard lost >= limit else { return }
        finish(
            MQTTFailure(
                .network, "\(settings.place): the broker has acknowledged none of the last \(lost) publishes",
                hint: "see its log and its quota for one client (mqtt.max_messages_per_s)"))
    }
}
