internal import CLinux
internal import Glibc

/// Another process of this program, with nothing of this one's but the descriptors that it is given.
public final class OwnProgram: Sendable {
    /// Its number, valid until `end`.
    public let process: Int32

    /// Starts a program: no environment, no signal blocked, /dev/null as its standard files, and of descriptors only
    /// these, as 3, 4, ….
    ///
    /// - Parameter descriptors: at most 8.
    public init(_ path: String, _ words: [String], descriptors: [Int32]) throws(SystemError) {
        var arguments: [UnsafeMutablePointer<CChar>?] = ([path] + words).map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var process: pid_t = 0
        let failure = scangate_spawn(path, &arguments, descriptors, Int32(descriptors.count), &process)
        guard failure == 0 else { throw SystemError("start", path, code: failure) }
        self.process = process
    }

    /// Kills it and waits for its end, which takes a moment; how it had ended where it had: "signal 6", "exit 1".
    /// Once.
    public func end() -> String {
        kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 {
            guard errno == EINTR else { return "unknown" }
        }
        return status & 0x7F == 0 ? "exit \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
    }

    /// In the new process, first of all: ends with the thread that started it, dumps no core, hides its memory from its
    /// user's other processes.
    public static func tieToParent() throws(SystemError) {
        guard scangate_tie_to_parent() == 0 else { throw SystemError("tie to its parent", "a process") }
    }

    /// Lowers a limit of this process for good (setrlimit(2)).
    public static func limit(_ resource: Limit, to value: UInt64) throws(SystemError) {
        guard scangate_limit(resource.number, value) == 0 else { throw SystemError("limit", "\(resource)") }
    }

    /// What is limited.
    public enum Limit: Sendable {
        /// Bytes of address space.
        case memory
        /// The lowest descriptor that may not be opened.
        case files
        /// Bytes of a core file.
        case core
        /// Bytes of a file that is written.
        case fileSize
        /// Processes and threads of the user; starting one more fails.
        case processes

        var number: Int32 {
            switch self {
            case .memory: Int32(RLIMIT_AS.rawValue)
            case .files: Int32(RLIMIT_NOFILE.rawValue)
            case .core: Int32(RLIMIT_CORE.rawValue)
            case .fileSize: Int32(RLIMIT_FSIZE.rawValue)
            case .processes: Int32(__RLIMIT_NPROC.rawValue)
            }
        }
    }
}
