internal import Glibc
internal import JSON

/// TraceTrack's half (`docs/tracetrack`): the stand-in for TraceTrack with the devices way, under gunicorn with two
/// workers, on a PostgreSQL database of its own. Both go with the value.
public final class FlaskBackend: Sendable {
    /// The port of 127.0.0.1 that gunicorn listens on.
    public let port: Int
    /// The process of gunicorn's master; the workers are its children.
    public let master: Int32
    /// The cluster that has the database.
    public let cluster: PostgresCluster
    /// How libpq gets at the database.
    public let database: String
    private let process: LocalProgram

    /// Starts gunicorn on a new database with one account, `dock7`.
    ///
    /// - Parameter cluster: nil takes the one that all tests share.
    public init(on cluster: PostgresCluster? = nil) throws {
        let cluster = try cluster ?? PostgresCluster.shared.get()
        process = try LocalProgram(["serve", cluster.socket])
        guard let port = process.told["port"]?.integer.flatMap(Int.init(exactly:)),
            let master = process.told["master"]?.integer.flatMap(Int32.init(exactly:)),
            let database = process.told["dsn"]?.string
        else { throw SetupError("local.py serve told \(process.told)") }
        (self.port, self.master, self.database, self.cluster) = (port, master, database, cluster)
    }

    /// What SQL returns: a line a row, `|` between columns.
    public func sql(_ text: String) throws -> String {
        let output = try shell(
            "\(cluster.psql) -qAtX '\(database)' -v ON_ERROR_STOP=1 2>&1 <<'END OF SQL' || echo FAILED\n\(text)\nEND OF SQL\n"
        )
        guard !output.hasSuffix("FAILED\n") else { throw SetupError("\(text): \(output)") }
        return String(output.dropLast(output.hasSuffix("\n") ? 1 : 0))
    }

    /// A number that SQL returns.
    public func number(_ text: String) throws -> Int {
        let output = try sql(text)
        guard let number = Int(output) else { throw SetupError("\(text): \(output)") }
        return number
    }

    /// Runs `body` while nobody can write to a table, as somebody's long transaction does.
    public func withLocked<T>(
        _ table: String, isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> T
    ) async throws -> T {
        _ = try shell(
            "\(cluster.psql) -qX '\(database)' -c 'BEGIN; LOCK TABLE \(table) IN EXCLUSIVE MODE; SELECT pg_sleep(60)' "
                + ">/dev/null 2>&1 </dev/null &")
        let holds =
            "FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE relation = '\(table)'::regclass AND granted "
            + "AND mode = 'ExclusiveLock'"
        try await eventually("the lock of \(table)") { try number("SELECT count(*) \(holds)") == 1 }
        let result: Result<T, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        // A server that was killed meanwhile has let go of it.
        _ = try? sql("SELECT pg_terminate_backend(pid) \(holds)")
        return try result.get()
    }

    /// Runs `body` while somebody's transaction has done `work` and not committed; `body` calls its argument to let it.
    public func withUncommitted<T>(
        _ work: String, isolation: isolated (any Actor)? = #isolation, _ body: (_ commit: () -> Void) async throws -> T
    ) async throws -> T {
        try await withTemporaryDirectory { directory in
            let (gate, done) = (directory + "/gate", directory + "/done")
            try write([], to: gate)
            _ = try shell(
                """
                \(cluster.psql) -qX '\(database)' -v ON_ERROR_STOP=1 >/dev/null 2>&1 <<'END OF SQL' &
                BEGIN;
                \(work);
                \\! touch '\(done)'; while [ -e '\(gate)' ]; do sleep 0.02; done
                COMMIT;
                END OF SQL
                """)
            defer { removeTree(gate) }
            try await eventually("\(work)") { (try? read(done)) != nil }
            return try await body { removeTree(gate) }
        }
    }

    /// How many transactions wait for a row or an index entry of somebody else's transaction.
    public func waitingForOthers() throws -> Int {
        try number("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'")
    }

    /// How many transactions wait for a table.
    public func waiting(for table: String) throws -> Int {
        try number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '\(table)'::regclass")
    }

    /// The processes of gunicorn's workers.
    public var workers: [Int32] {
        get throws {
            let children = try read("/proc/\(master)/task/\(master)/children")
            return String(decoding: children, as: UTF8.self).split(separator: " ").compactMap { Int32($0) }
        }
    }
}

/// A PostgreSQL cluster in a temporary directory, on a unix socket alone. It goes with the value, or with the process.
public final class PostgresCluster: Sendable {
    /// The one that tests share, each with a database of its own.
    public static let shared = Result { try PostgresCluster() }
    /// The directory of its socket.
    public let socket: String
    /// The client of the cluster's version.
    public let psql: String
    private let process: LocalProgram

    /// Makes and starts a cluster.
    public init() throws {
        process = try LocalProgram(["cluster"])
        guard let socket = process.told["socket"]?.string else {
            throw SetupError("local.py cluster told \(process.told)")
        }
        self.socket = socket
        psql = process.told["psql"]?.string ?? "psql"
    }

    /// Kills the server in the middle of what it does; it starts again by itself.
    public func crash() { kill(process.id, SIGUSR1) }
}

/// `docs/tracetrack/local.py`, which runs until its standard input ends: with this value, or with this process.
private final class LocalProgram: Sendable {
    let id: Int32
    let told: JSONValue
    private let input: Int32

    init(_ arguments: [String]) throws {
        // Both directions in one. Closed on exec: a child of another test must not keep this one's input open.
        var pair: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &pair) == 0 else { throw SetupError("socketpair") }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, pair[1], 0)
        posix_spawn_file_actions_adddup2(&actions, pair[1], 1)
        // Another test's connection or terminal would stay open for as long as this program runs.
        for descriptor in Int32(3)..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        // A thread of this process may block signals, and what it starts would too: gunicorn lives by them.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let script = try packageDirectory() + "/docs/tracetrack/local.py"
        let words = ["/usr/bin/python3", script] + arguments
        var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        var process = pid_t()
        let failure = posix_spawn(&process, words[0], &actions, &attributes, &pointers, environ)
        close(pair[1])
        (id, input) = (process, pair[0])
        guard failure == 0 else {
            close(pair[0])
            throw SetupError("start \(words[0]): \(String(cString: strerror(failure)))")
        }
        told = (try? JSONValue.parse(Self.line(pair[0]))) ?? .null
    }

    deinit {
        close(input)
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
    }

    private static func line(_ descriptor: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while Glibc.read(descriptor, &byte, 1) == 1, byte != 10 { bytes.append(byte) }
        return bytes
    }
}

/// Where the package's sources are.
public func packageDirectory() throws -> String {
    let here = #filePath
    guard let end = here.firstRange(of: "/Tests/TestSupport/") else {
        throw SetupError("the sources are not at \(here)")
    }
    return String(here[..<end.lowerBound])
}
