internal import Database
internal import Glibc
internal import HTTPServer
internal import JSON
internal import Synchronization

/// The reference backend: both TraceTrack contracts over HTTP and HTTPS, with faults on demand.
///
/// Requests are done one after the other on the backend's thread, each in one SQLite transaction; latency faults hold
/// back answers, not the thread. Every method may be called from any thread. At most 10,000 requests wait; more are
/// answered 503. Runs until `stop()`.
public final class Simulator: Sendable {
    /// The address of the first listener, without a slash at the end.
    public let url: String
    /// The addresses of all listeners.
    public let urls: [String]
    /// The port of the first listener.
    public let port: Int
    /// The SQLite file.
    public let database: String
    private let servers: [WebServer]
    private let backend: BackendLock
    private let queue: WorkQueue
    private let temporary: String?

    /// Opens the database and listens.
    ///
    /// - Throws: `SimulatorError`, `WebServerError`, `DatabaseError`.
    public init(_ settings: SimulatorSettings = SimulatorSettings()) throws {
        temporary = settings.database == nil ? try Self.makeTemporaryDirectory() : nil
        let database = settings.database ?? "\(temporary ?? "")/sim.db"
        let backend = try BackendLock(settings, database: database)
        let queue = WorkQueue(name: "backend", limit: 10_000)
        let handler: WebServer.Handler = { request, responder in
            let isTaken = queue.add {
                let isControl = request.path.hasPrefix("/sim/")
                responder.respond(backend.with { isControl ? $0.control(request) : $0.answer(request) })
            }
            if !isTaken { responder.respond(.text(503, "too many requests wait\n")) }
        }
        var servers: [WebServer] = []
        do {
            for listener in settings.listeners { servers.append(try WebServer(listener, handler: handler)) }
            guard !servers.isEmpty else { throw SimulatorError("there is no address to listen on") }
        } catch {
            servers.forEach { $0.stop() }
            queue.stop()
            throw error
        }
        (self.database, self.backend, self.queue, self.servers) = (database, backend, queue, servers)
        urls = servers.map(\.url)
        url = servers[0].url
        port = servers[0].port
    }

    /// Stops listening, finishes what was begun, closes the database and removes a temporary one. Call it once.
    public func stop() {
        servers.forEach { $0.stop() }
        queue.stop()
        backend.close()
        guard let temporary else { return }
        for suffix in ["", "-wal", "-shm"] { unlink(database + suffix) }
        rmdir(temporary)
    }

    /// Adds an account of the web contract, or replaces its password.
    public func addAccount(_ username: String, password: String) throws {
        try backend.with { try $0.addAccount(username, password: password) }
    }

    /// Adds a device's key, or replaces the one of the same id.
    public func addDeviceKey(_ key: DeviceKey) throws { try backend.with { try $0.addDeviceKey(key) } }

    /// Adds the keys of lines as `scangate device export --json` prints them; returns how many.
    @discardableResult
    public func addDeviceKeys(jsonLines: [UInt8]) throws -> Int {
        let keys = try jsonLines.split(separator: 10).map { try DeviceKey(json: JSONValue.parse(Array($0))) }
        for key in keys { try addDeviceKey(key) }
        return keys.count
    }

    /// What a registered key may do.
    public enum KeyState: String, Sendable {
        /// Its scans are judged.
        case active
        /// Its scans are `not_permitted`.
        case disabled
        /// Its scans are `revoked_key`.
        case revoked
    }

    /// Sets the state of a device's key; an unknown id is an error.
    public func setDeviceKey(kid: String, _ state: KeyState) throws {
        guard try backend.with({ try $0.setDeviceKey(kid: kid, state: state.rawValue) }) else {
            throw SimulatorError("no key \(kid) is registered")
        }
    }

    /// Registers a key with which a gateway signs requests; returns its `keyid`, `<gateway>:<kid>`.
    @discardableResult
    public func addGatewayKey(gateway: String, key: [UInt8]) throws -> String {
        try backend.with { try $0.addGatewayKey(gateway: gateway, key: key) }
    }

    /// Registers a bearer token of a gateway.
    public func addBearer(gateway: String, token: String) throws {
        try backend.with { try $0.addBearer(gateway: gateway, token: token) }
    }

    /// Sets a fault; returns its id. At most 1,000 are set at a time.
    @discardableResult
    public func addFault(_ fault: Fault) throws -> Int {
        guard let id = backend.with({ $0.faults.add(fault) }) else { throw SimulatorError("too many faults are set") }
        return id
    }

    /// Clears one fault, or all.
    public func clearFaults(_ id: Int? = nil) { backend.with { $0.faults.remove(id) } }

    /// Moves the backend's clock; it goes on from there.
    public func moveClock(by duration: Duration) throws {
        let (seconds, attoseconds) = duration.components
        try backend.with { try $0.store.moveClock(byMs: seconds * 1000 + attoseconds / 1_000_000_000_000_000) }
    }

    /// The backend's clock, milliseconds since 1970.
    public var nowMs: Int64 { backend.with { $0.store.nowMs } }

    /// Ends every session: each next request is answered 302 to `/login`.
    public func expireSessions() throws { try backend.with { try $0.store.expireSessions() } }

    /// Changes what the backend is like from the next request on: variant, limits, authentication, contract.
    public func change(_ body: @Sendable (inout SimulatorSettings) -> Void) { backend.with { body(&$0.settings) } }

    /// Forgets a bag and its links.
    public func forgetBag(_ label: String) throws { try backend.with { try $0.bags.forget(label) } }

    /// The counters: `requests`, `accepted`, `duplicate`, `rejected`, `logins`, `order_broken`, `scan_rows`, `links`,
    /// `accepted_twice`, `wrong_parent` and more; 0 for one that never counted.
    public func counters() throws -> [String: Int64] { try backend.with { try $0.state() } }

    /// One of the counters.
    public func count(_ name: String) throws -> Int { Int(try counters()[name] ?? 0) }

    /// The links in the order they were made, of one bag or of all.
    public func links(parent: String? = nil) throws -> [Link] { try backend.with { try $0.links(parent: parent) } }

    /// The scan rows in order of arrival, from after row `n`.
    public func scans(after n: Int64 = 0, limit: Int = 1_000_000) throws -> [ScanRow] {
        try backend.with { try $0.bags.rows(after: n, limit: limit) }
    }

    /// How often each scan was accepted, by its id (web: `X-Request-ID`).
    public func acceptances() throws -> [String: Int] { try backend.with { try $0.acceptances() } }

    private static func makeTemporaryDirectory() throws -> String {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/tracetrack-sim-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SimulatorError("cannot make a directory in \(base)") }
        return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}

/// The backend behind a lock: requests come on its thread, control calls on any.
final class BackendLock: @unchecked Sendable {
    // @unchecked: `backend` is touched only with `lock` held, and nothing of it leaves `with` but values.
    private let lock = Mutex(())
    private let backend: Backend

    init(_ settings: SimulatorSettings, database: String) throws {
        backend = try Backend(settings, database: database)
    }

    func with<T: Sendable>(_ body: (Backend) throws -> T) rethrows -> T {
        try lock.withLock { _ in try body(backend) }
    }

    func close() { lock.withLock { _ in backend.store.connection.close() } }
}
