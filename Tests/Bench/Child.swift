internal import Glibc
internal import Posix

/// A program of this build as its own process; ended with the value.
final class Child: Sendable {
    let id: pid_t
    private let output: FileDescriptor

    /// Starts a program; its standard output is kept, what it says on standard error goes to a file.
    init(_ words: [String], environment: [String] = [], log: String = "/dev/null") throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw SystemError("make", "a pipe") }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        output = FileDescriptor(owning: ends[0])
        let input = FileDescriptor(owning: ends[1])
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input.raw, 1)
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        var arguments = words.map { strdup($0) } + [nil]
        var inherited: [String] = []
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH"] {
            if let value = getenv(name) { inherited.append("\(name)=\(String(cString: value))") }
        }
        var variables = (inherited + environment).map { strdup($0) } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var process = pid_t()
        let failure = posix_spawnp(&process, words[0], &actions, nil, &arguments, &variables)
        guard failure == 0 else { throw SystemError("start", words[0], code: failure) }
        id = process
    }

    deinit { end() }

    /// Ends the process in order and waits for it.
    func end() {
        guard kill(id, SIGTERM) == 0 else { return }
        _ = wait()
    }

    /// Waits for the process to end by itself; its exit status.
    @discardableResult
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0 && errno == EINTR {}
        return status
    }

    /// The first line of its output, or what there is of it when it ends.
    func firstLine() throws -> String {
        var line: [UInt8] = []
        var byte = [UInt8](repeating: 0, count: 1)
        while try output.read(into: &byte, subject: "a pipe") == 1, byte[0] != 10 { line.append(byte[0]) }
        return String(decoding: line, as: UTF8.self)
    }

    /// Everything that it prints until it ends.
    func allOutput() throws -> String {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while let count = try output.read(into: &chunk, subject: "a pipe"), count > 0 { all += chunk[..<count] }
        wait()
        return String(decoding: all, as: UTF8.self)
    }
}

/// What a process costs, from /proc (proc(5)).
enum ProcessCost {
    /// CPU seconds since its start, in ticks of the kernel's clock; threads that have ended count.
    static func cpu(_ process: pid_t) throws -> (total: Double, kernel: Double) {
        let text = String(decoding: try Files.read("/proc/\(process)/stat"), as: UTF8.self)
        let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
        guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return (0, 0) }
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        return ((user + system) / ticks, system / ticks)
    }

    /// What each thread that lives has used: nanoseconds on a CPU, and how often it went to sleep of its own accord,
    /// which is how often it was woken. Kept by thread: one that ends takes its counts along.
    static func threads(_ process: pid_t, named wanted: String? = nil) -> [String: (cpu: Double, wakeUps: Double)] {
        var threads: [String: (cpu: Double, wakeUps: Double)] = [:]
        for name in Files.names(in: "/proc/\(process)/task") {
            let task = "/proc/\(process)/task/\(name)"
            if let wanted, (try? Files.read(task + "/comm")) != Array((wanted + "\n").utf8) { continue }
            // A thread may end meanwhile.
            guard let times = try? Files.read(task + "/schedstat"), let status = try? Files.read(task + "/status")
            else {
                continue
            }
            let cpu = String(decoding: times, as: UTF8.self).split(separator: " ").first.flatMap { Double($0) }
            threads[name] = (cpu ?? 0, value("voluntary_ctxt_switches", status))
        }
        return threads
    }

    /// MiB of anonymous memory and of PSS.
    static func memory(_ process: pid_t) throws -> (anonymous: Double, pss: Double) {
        let rollup = try Files.read("/proc/\(process)/smaps_rollup")
        return (value("Anonymous", rollup) / 1024, value("Pss", rollup) / 1024)
    }

    private static func value(_ key: String, _ bytes: [UInt8]) -> Double {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") where line.hasPrefix(key + ":") {
            return Double(line.dropFirst(key.count + 1).split { $0 == " " || $0 == "\t" }.first ?? "0") ?? 0
        }
        return 0
    }
}
