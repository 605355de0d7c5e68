internal import Glibc

/// A program of this package as a process of its own, its output in a file. Killed when the value goes.
public final class ChildProcess {
    /// Its number.
    public let id: Int32
    private var hasEnded = false

    /// Starts a program that was built beside the tests, or, with a `/` in its name, one of the system's.
    ///
    /// - Parameters:
    ///   - environment: variables besides this process's own; one of the same name goes before it.
    ///   - output: a file that standard output and error are appended to.
    public init(
        _ program: String, _ arguments: [String], environment: [(name: String, value: String)] = [], output: String
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Another test's connection would stay open for as long as this process lives.
        for descriptor in Int32(3)..<1024 { posix_spawn_file_actions_addclose(&actions, descriptor) }
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        // getenv takes the first of a name.
        let own = environment.map { strdup("\($0.name)=\($0.value)") }
        defer { own.forEach { free($0) } }
        var variables: [UnsafeMutablePointer<CChar>?] = own
        var place = environ
        while let variable = place.pointee {
            variables.append(variable)
            place += 1
        }
        variables.append(nil)
        var process = pid_t()
        let path = program.contains("/") ? program : try Self.built(program)
        let failure = posix_spawn(&process, path, &actions, nil, &words, &variables)
        guard failure == 0 else { throw SetupError("start \(program): \(String(cString: strerror(failure)))") }
        id = process
    }

    deinit { end(SIGKILL) }

    /// Sends a signal and waits for the end; the status of `waitpid`, or nil where it had ended before.
    @discardableResult
    public func end(_ signal: Int32) -> Int32? {
        guard !hasEnded else { return nil }
        hasEnded = true
        kill(id, signal)
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    /// Waits for the end; the exit code, or nil where a signal ended it.
    public func wait() -> Int32? {
        guard !hasEnded else { return nil }
        hasEnded = true
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
    }

    /// The path of one of the package's programs: beside the test bundle.
    public static func built(_ program: String) throws -> String {
        var link = [CChar](repeating: 0, count: 4096)
        let count = readlink("/proc/self/exe", &link, link.count)
        guard count > 0 else { throw SetupError("read /proc/self/exe") }
        let path = String(decoding: link.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return "/" + path.split(separator: "/").dropLast().joined(separator: "/") + "/" + program
    }
}

/// A port of 127.0.0.1 that nobody listens on now; another test may take it the next moment.
public func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    defer { close(descriptor) }
    return try bindToAnyPort(descriptor)
}

/// A port of 127.0.0.1 that refuses connections for as long as this lives: taken, and not listened on.
public final class RefusingPort: Sendable {
    /// The port.
    public let number: Int
    private let descriptor: Int32

    /// Takes a port.
    public init() throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        number = try bindToAnyPort(descriptor)
    }

    deinit { close(descriptor) }
}

func bindToAnyPort(_ descriptor: Int32) throws -> Int {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
            bind(descriptor, place, size) == 0 ? getsockname(descriptor, place, &size) : -1
        }
    }
    guard status == 0 else { throw SetupError("find a free port") }
    return Int(UInt16(bigEndian: address.sin_port))
}
