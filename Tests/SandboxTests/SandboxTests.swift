import Glibc
import Posix
import Testing

@testable import Sandbox

/// Each body runs in a process of its own.
struct SandboxTests {
    @Test func `it works on in memory and with what is open`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            let (one, other) = try MessageSocket.pair()
            try Sandbox.enter()
            var numbers = (0..<100_000).map { $0 * 3 }
            numbers.shuffle()
            numbers.sort()
            guard one.send(Array("code".utf8)) == .taken, other.receive(atMost: 10) == .message(Array("code".utf8)),
                numbers[99_999] == 299_997
            else { _exit(1) }
            _exit(7)
        }
    }

    @Test func `no file can be opened or looked at, and it goes on`() async {
        await #expect(processExitsWith: .exitCode(7)) {
            try Sandbox.enter()
            guard open("/etc/passwd", O_RDONLY) < 0, Glibc.errno == EACCES else { _exit(1) }
            guard open("/dev/null", O_WRONLY | O_CREAT, 0o600) < 0, Glibc.errno == EACCES else { _exit(2) }
            var status = stat()
            guard stat("/etc", &status) < 0, Glibc.errno == EACCES else { _exit(3) }
            _exit(7)
        }
    }

    @Test func `a socket is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try Sandbox.enter()
            _ = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            _exit(0)
        }
    }

    @Test func `another program is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
            try Sandbox.enter()
            _ = execv("/bin/true", &words)
            _exit(0)
        }
    }

    @Test func `another process is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            var words: [UnsafeMutablePointer<CChar>?] = [strdup("/bin/true"), nil]
            try Sandbox.enter()
            var process = pid_t()
            _ = posix_spawn(&process, "/bin/true", nil, nil, &words, nil)
            _exit(0)
        }
    }

    @Test func `a signal to another process is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try Sandbox.enter()
            _ = kill(getppid(), 0)
            _exit(0)
        }
    }

    @Test func `memory that can be run is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            try Sandbox.enter()
            _ = mmap(nil, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            _exit(0)
        }
    }

    @Test func `memory that becomes one that can be run is the end`() async {
        await #expect(processExitsWith: .signal(SIGSYS)) {
            let page = mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            try Sandbox.enter()
            _ = mprotect(page, 4096, PROT_READ | PROT_EXEC)
            _exit(0)
        }
    }
}
