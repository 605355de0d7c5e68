public import HTTPClient
public import Model
internal import Posix

/// Brings one group's scans to its backend. Made by `buildDeliveries`; any thread may call.
public protocol Delivery: Sendable {
    /// The group whose cursor it moves.
    var group: GroupID { get }
    /// Whether a scan could be on its way now: some way out of the group is connected, and its last answer was no failure.
    /// Before anything was tried over HTTPS nothing speaks against it. Any thread; never waits.
    var canDeliver: Bool { get }
    /// Works until `stop`. Called once.
    func run() async
    /// Lanes have new scans for the group. Returns at once; many calls make one wake-up.
    func scansArrived(in lanes: [LaneID])
    /// Sends nothing more by an uplink, or by any of the group where that is nil, until `resume`; what is under way is
    /// finished. Fallbacks take over.
    func pause(_ uplink: String?) async
    /// Ends a pause, lets what is blocked ask again at once, and thaws frozen lanes.
    func resume(_ uplink: String?) async
    /// Ends the work and returns when it has ended: within 2 s for tracetrack-devices, whose requests may be repeated;
    /// for tracetrack-web once the request under way is answered and its answer recorded, 10 s at most.
    func stop() async
    /// Takes over credentials whose files were replaced; where the old ones were refused, it asks again at once.
    /// Certificates are read with each new connection anyway.
    func reloadCredentials() async
    /// Tries each url of an uplink step by step, without scans: a list of steps for each.
    func test(_ uplink: String) async -> [(url: String, steps: [UplinkTestStep])]
    /// How the group's uplinks do now, the primary or mirror first.
    func statuses() async -> [UplinkStatus]
    /// The cookies of the login sessions by the session's name, secrets: to be sealed and given to `DeliveryContext`
    /// after a restart. Empty for tracetrack-devices.
    func exportSessions() async -> [String: [String]]
    /// When requests of the last hour went to login pages, by host, wall clock in milliseconds: 18 at most a host, to
    /// be given to `DeliveryContext` after a restart. Empty for tracetrack-devices.
    func exportLogins() async -> [String: [Int64]]
}

/// What every delivery needs of its surroundings.
public struct DeliveryContext: Sendable {
    /// The gateway's name.
    public var gateway: GatewayID
    /// The site's name, or empty.
    public var site: String
    /// The spool.
    public var log: any ScanLog
    /// Shared by all uplinks; closed by its owner after the deliveries have stopped.
    public var client: HTTPClient
    /// The clocks.
    public var time: TimeSource
    /// Random words for ids.
    public var random: @Sendable () -> UInt64
    /// Random words for the jitter of backoff; those of `random` unless a test sets them.
    public var jitter: @Sendable () -> UInt64
    /// The wall clock's estimated error in milliseconds, as a batch says it.
    public var clockErrorMs: @Sendable () -> Int64
    /// What the gateway tells of itself over MQTT; nil where there is nothing to tell but that it is there.
    public var gatewayStatus: (@Sendable () async -> GatewayStatus?)?
    /// Hears of judged scans and of changes, by the uplink's name; must return at once.
    public var observer: @Sendable (_ uplink: String, UplinkEvent) -> Void
    /// Sessions of an earlier run: group's name, session's name, lines.
    public var savedSessions: [String: [String: [String]]] = [:]
    /// What an earlier run has used of the login budgets, by host: wall clock in milliseconds.
    public var savedLogins: [String: [Int64]] = [:]
    /// What this address may ask of each host; the same object for all deliveries of the process.
    public var budgets = WebBudgets()
    /// What `exportSessions` and `exportLogins` give has changed: to be saved lest a kill costs logins. Returns once
    /// that is on disk, or has failed.
    public var sessionsChanged: @Sendable () async -> Void = {}

    /// tracetrack-web: any scan may have been posted before by somebody whose answer nobody knows, not only the first of
    /// a lane: a relay's, which has no memory of what another did before it died.
    public var answersMayBeLost = false

    /// Everything but what an earlier run has saved.
    public init(
        gateway: GatewayID, site: String, log: any ScanLog, client: HTTPClient, time: TimeSource,
        random: @escaping @Sendable () -> UInt64, clockErrorMs: @escaping @Sendable () -> Int64 = { 0 },
        observer: @escaping @Sendable (_ uplink: String, UplinkEvent) -> Void = { _, _ in }
    ) {
        self.gateway = gateway
        self.site = site
        self.log = log
        self.client = client
        self.time = time
        self.random = random
        jitter = random
        self.clockErrorMs = clockErrorMs
        self.observer = observer
    }
}

/// Says state changes once: to the log and to the observer.
struct StateReporter {
    private let name: String
    private let observer: @Sendable (String, UplinkEvent) -> Void
    private var said: (state: UplinkState, alarmed: Bool) = (.stopped, false)

    init(_ name: String, _ observer: @escaping @Sendable (String, UplinkEvent) -> Void) {
        self.name = name
        self.observer = observer
    }

    /// Called after anything that may have changed the state.
    mutating func report(_ state: UplinkState, _ lastError: String?) {
        guard state != said.state else { return }
        // A failed attempt is no news; five in a row, or a pause, are, and they last until something passes.
        guard state != .backingOff else { return }
        let text = lastError ?? ""
        switch state {
        case .ok:
            if said.alarmed { Log.notice("uplink \(name): works again") }
        case .stopped, .backingOff: break
        case .open: Log.warning("uplink \(name): \(state.rawValue): \(text)")
        case .paused, .misconfigured, .loginFailed: Log.error("uplink \(name): \(state.rawValue): \(text)")
        }
        said = (state, state != .ok && state != .stopped)
        observer(name, .stateChanged(state, text: text))
    }
}
