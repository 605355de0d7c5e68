internal import Crypto
internal import Database
internal import Glibc
internal import Model

/// The backend's tables. One thread at a time: `Simulator` holds the lock.
///
/// With `synchronous = OFF` in WAL mode a commit is in the page cache when it returns: a killed process loses
/// nothing, a machine that loses power may lose the last commits.
final class Store {
    let connection: Connection
    /// Milliseconds that the simulator's clock is ahead of the machine's.
    private(set) var clockOffsetMs: Int64 = 0
    /// Signs cookies; made once a file, so that sessions survive a restart.
    private(set) var secret = HMACKey([])
    /// Sessions of an earlier generation are expired.
    private(set) var generation: Int64 = 0
    private var counters: [String: Int64] = [:]
    private var dirty: Set<String> = []

    init(path: String, isDurable: Bool) throws {
        connection = try Connection(path: path)
        try connection.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = \(isDurable ? "FULL" : "OFF")")
        try Migrations([Self.schema]).apply(to: connection)
        clockOffsetMs = try meta("clock_offset_ms").flatMap(Int64.init) ?? 0
        generation = try meta("generation").flatMap(Int64.init) ?? 0
        if let kept = try meta("secret").flatMap(Hex.decode) {
            secret = HMACKey(kept)
        } else {
            let made = SecretBytes.random(32)
            try setMeta("secret", Hex.encode(made))
            secret = HMACKey(made)
        }
        let kept = try connection.rows("SELECT name, value FROM counter") { ($0.text(0), $0.integer(1)) }
        counters = Dictionary(kept) { first, _ in first }
    }

    /// The simulator's wall clock, milliseconds since 1970.
    var nowMs: Int64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000 + clockOffsetMs
    }

    func moveClock(byMs ms: Int64) throws {
        clockOffsetMs += ms
        try setMeta("clock_offset_ms", String(clockOffsetMs))
    }

    func expireSessions() throws {
        generation += 1
        try setMeta("generation", String(generation))
    }

    /// How long answers are kept for replays, and sessions that nobody uses: the contract wants 24 h at least.
    static let keptMs: Int64 = 25 * 3600 * 1000

    /// Forgets the answers and sessions that are older; called before a new one is added.
    func forgetOld(_ table: StaticString) throws {
        try connection.run("DELETE FROM \(table) WHERE at_ms < ?", .integer(nowMs - Self.keptMs))
    }

    /// Counts something; written with the next `saveCounters`.
    func count(_ name: String, _ by: Int64 = 1) {
        counters[name, default: 0] += by
        dirty.insert(name)
    }

    var allCounters: [String: Int64] { counters }

    func saveCounters() throws {
        for name in dirty {
            try connection.run(
                "INSERT OR REPLACE INTO counter(name, value) VALUES(?, ?)", .text(name),
                .integer(counters[name] ?? 0))
        }
        dirty.removeAll()
    }

    /// Counters as they were, for a transaction that is rolled back.
    func restoreCounters(_ earlier: [String: Int64]) {
        counters = earlier
        dirty.removeAll()
    }

    func meta(_ key: String) throws -> String? {
        try connection.first("SELECT value FROM meta WHERE key = ?", .text(key)) { $0.text(0) }
    }

    func setMeta(_ key: String, _ value: String) throws {
        try connection.run("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)", .text(key), .text(value))
    }

    private static let schema = """
        CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE account(username TEXT PRIMARY KEY, password TEXT NOT NULL, failures INTEGER NOT NULL DEFAULT 0,
            locked_until_ms INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
        CREATE TABLE session(sid TEXT PRIMARY KEY, state TEXT NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX session_at ON session(at_ms);
        CREATE TABLE device_key(kid TEXT PRIMARY KEY, gateway TEXT NOT NULL, dev TEXT NOT NULL, alg TEXT NOT NULL,
            key BLOB NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE gateway_key(keyid TEXT PRIMARY KEY, gateway TEXT NOT NULL, key BLOB NOT NULL) WITHOUT ROWID;
        CREATE TABLE bearer(token TEXT PRIMARY KEY, gateway TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE bag(label TEXT PRIMARY KEY, role TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE link(child TEXT PRIMARY KEY, parent TEXT NOT NULL, scan INTEGER NOT NULL) WITHOUT ROWID;
        CREATE INDEX link_parent ON link(parent, scan);
        CREATE TABLE scan(n INTEGER PRIMARY KEY, contract TEXT NOT NULL, at_ms INTEGER NOT NULL, action TEXT NOT NULL,
            role TEXT NOT NULL, label TEXT NOT NULL, parent TEXT NOT NULL, gateway TEXT NOT NULL, dev TEXT NOT NULL,
            lane TEXT NOT NULL, log TEXT NOT NULL, seq INTEGER NOT NULL, lane_seq INTEGER NOT NULL, id TEXT NOT NULL,
            username TEXT NOT NULL, sig BLOB NOT NULL);
        CREATE UNIQUE INDEX scan_id ON scan(id) WHERE contract = 'devices';
        CREATE UNIQUE INDEX scan_seq ON scan(gateway, dev, log, seq) WHERE contract = 'devices';
        CREATE TABLE lane_order(gateway TEXT, lane TEXT, log TEXT, lane_seq INTEGER NOT NULL,
            PRIMARY KEY(gateway, lane, log)) WITHOUT ROWID;
        CREATE TABLE answer(key TEXT PRIMARY KEY, digest BLOB NOT NULL, reply BLOB NOT NULL, at_ms INTEGER NOT NULL)
            WITHOUT ROWID;
        CREATE INDEX answer_at ON answer(at_ms);
        """
}
