internal import Glibc
internal import Posix

/// Debian's syslog-ng as somebody would set it up for scanners: a TCP line in, batches of 100 lines by HTTP out, a
/// reliable disk buffer between.
///
/// "Reliable" means that a killed process loses nothing; it writes without fsync, so that power loss does.
final class SyslogNG: Sendable {
    private static let program = "/usr/sbin/syslog-ng"
    let process: Child
    private let port: Int

    init(_ directory: String, to url: String) throws {
        guard Files.status(Self.program) != nil else {
            throw BenchError("needs Debian's packages syslog-ng-core and syslog-ng-mod-http")
        }
        port = try Loopback.freePort()
        try Files.makeDirectory(directory)
        let text = """
            @version: 3.38
            options { flush-lines(100); stats-freq(0); time-reopen(1); keep-hostname(yes); use-dns(no); };
            source scanners {
              network(transport("tcp") ip("127.0.0.1") port(\(port)) flags(no-parse) log-iw-size(10000)
                max-connections(10));
            };
            destination backend {
              http(url("\(url)/scan") method("POST") headers("Content-Type: text/plain") body("${MSG}") delimiter("\\n")
                batch-lines(100) batch-timeout(50) workers(1) timeout(10) retries(1000000) time-reopen(1)
                disk-buffer(reliable(yes) disk-buf-size(268435456) mem-buf-size(16777216) dir("\(directory)")));
            };
            log { source(scanners); destination(backend); flags(flow-control); };

            """
        try Files.replace(directory + "/syslog-ng.conf", with: Array(text.utf8))
        process = try Child(
            [
                Self.program, "--foreground", "--no-caps", "--cfgfile", directory + "/syslog-ng.conf", "--persist-file",
                directory + "/persist", "--pidfile", directory + "/pid", "--control", directory + "/control",
            ], log: directory + "/log")
    }

    /// A scanner's connection, once it listens.
    func connect() throws -> FileDescriptor {
        let patience = nowMs() + 10_000
        while nowMs() < patience {
            if let connection = try? Loopback.connect(port) { return connection }
            pause(ms: 20)
        }
        throw BenchError("syslog-ng does not start")
    }

    func end() {
        // It does not end by SIGTERM while a connection is open.
        kill(process.id, SIGKILL)
        process.wait()
    }
}

/// Debian's mosquitto with a bridge to another broker, keeping what waits in its persistence file.
enum Bridge {
    /// How often the file is written.
    enum Saving: String {
        /// Every half hour: what came since is lost with the process.
        case seldom = "its default saving"
        /// At each message; the PUBACK still comes before.
        case eachMessage = "saving each message"
    }

    static func start(_ directory: String, to port: Int, _ saving: Saving) throws -> BrokerProcess {
        try Files.makeDirectory(directory)
        return try BrokerProcess(
            directory,
            more: """
                persistence true
                persistence_location \(directory)/
                \(saving == .eachMessage ? "autosave_on_changes true\nautosave_interval 1" : "autosave_interval 1800")
                connection far
                address 127.0.0.1:\(port)
                topic scan out 1
                cleansession false
                restart_timeout 1
                try_private true
                """)
    }
}
