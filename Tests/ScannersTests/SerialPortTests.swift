import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Scanners

@Suite(.timeLimit(.minutes(4))) struct SerialPortTests {
    @Test func `a port is read raw: no echo, no signals, no line editing, damaged bytes marked`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            try await reading(terminal.path, poll, sink) {
                try await sink.waitForConnection()
                var modes = termios()
                #expect(tcgetattr(terminal.scanner.raw, &modes) == 0)
                #expect(modes.c_lflag & tcflag_t(ECHO | ICANON | ISIG | IEXTEN) == 0)
                #expect(modes.c_oflag & tcflag_t(OPOST) == 0)
                #expect(modes.c_iflag & tcflag_t(IXON | ICRNL | INLCR | ISTRIP | BRKINT | IGNPAR) == 0)
                #expect(modes.c_iflag & tcflag_t(PARMRK) != 0)
                #expect(modes.c_cflag & tcflag_t(HUPCL) == 0)
                try terminal.type("a\u{3}\u{4}\u{11}\u{13}\u{15}\u{7F}\u{1A}b\r")
                #expect(try await sink.nextLabel() == "a\u{3}\u{4}\u{11}\u{13}\u{15}\u{7F}\u{1A}b")
                try terminal.type([0xFF, 0x41, 13])
                #expect(try await sink.nextBytes() == [0xFF, 0x41])
                terminal.expectNoAnswer()
            }
        }
    }

    @Test func `nobody else of good will can read a port that is read, and anybody can afterwards`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let path = terminal.path
            for _ in 0..<3 {
                let sink = TestSink()
                try await reading(path, poll, sink) {
                    try await sink.waitForConnection()
                    #expect(throws: SystemError.self) { _ = try SerialLine.open(path, baud: 9600) }
                }
            }
        }
    }

    /// A terminal that is not of the pseudo kind and that nobody uses, where there is one.
    private static let spareTerminal = ["/dev/tty61", "/dev/ttyS3"].first {
        (try? SerialLine.open($0, baud: 9600)) != nil
    }

    @Test(.enabled(if: spareTerminal != nil, "a terminal that is no pseudo-terminal is needed"))
    func `a real terminal is closed to every other program but root's`() throws {
        let path = try #require(Self.spareTerminal)
        let file = try SerialLine.open(path, baud: 9600)
        var isExclusive: Int32 = 0
        // TIOCGEXCL, which Glibc's module lacks.
        #expect(ioctl(file.raw, 0x8004_5440, &isExclusive) == 0 && isExclusive == 1)
    }

    @Test func `what was typed while nobody read is given up`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            try terminal.type("SB00001\rSB0")
            let sink = TestSink()
            try await reading(terminal.path, poll, sink) {
                try await sink.waitForConnection()
                try terminal.type("SB00002\r")
                #expect(try await sink.nextLabel() == "SB00002")
            }
        }
    }

    @Test func `each scan is answered once, 0x06 when stored and 0x15 when refused or dropped`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink { $0.first == 0x53 ? .stored : .refused("no") }
            try await reading(terminal.path, poll, sink, { $0.acknowledges = true }) {
                try await sink.waitForConnection()
                for (line, answer) in [("SB00001\r", 0x06), ("X\r", 0x15), ("a\0b\r", 0x15), ("SB00002\r", 0x06)] {
                    try terminal.type(line)
                    #expect(try await terminal.answer() == UInt8(answer))
                }
                terminal.expectNoAnswer()
            }
        }
    }

    @Test func `a scanner that wants no answer gets none`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            try await reading(terminal.path, poll, sink) {
                try await sink.waitForConnection()
                try terminal.type("SB00001\ra\0b\rSB00002\r")
                #expect(try await sink.nextLabel() == "SB00001")
                #expect(try await sink.nextEvent() == .dropped(.noise))
                #expect(try await sink.nextLabel() == "SB00002")
            }
            terminal.expectNoAnswer()
        }
    }

    @Test func `a port that is missing is read once it comes, even where its directory was missing`() async throws {
        try await withPoll { directory, poll in
            let terminal = try PseudoTerminal()
            let path = directory + "/serial/by-id/scanner"
            let sink = TestSink()
            try await reading(path, poll, sink) {
                guard case .disconnected(let reason) = try await sink.nextEvent() else {
                    throw SetupError("a port that is not there was opened")
                }
                #expect(reason.contains(path) && reason.contains("No such file"))
                try Files.makeDirectory(directory + "/serial")
                try Files.makeDirectory(directory + "/serial/by-id")
                try link(path, to: terminal.path)
                try await sink.waitForConnection()
                try terminal.type("SB00001\r")
                #expect(try await sink.nextLabel() == "SB00001")
            }
        }
    }

    @Test func `unplugged and plugged in again fifty times, it is read again, as a rule within a second`() async throws
    {
        try await withPoll { directory, poll in
            let path = directory + "/scanner"
            let sink = TestSink()
            let clock = ContinuousClock()
            try await reading(path, poll, sink) {
                var delays: [Duration] = []
                for round in 0..<50 {
                    let scanner = Plug(try PseudoTerminal())
                    let start = clock.now
                    try link(path, to: scanner.path)
                    try await sink.waitForConnection()
                    delays.append(clock.now - start)
                    try scanner.type("SB\(10_000 + round)\r")
                    #expect(try await sink.nextLabel() == "SB\(10_000 + round)")
                    // A link that stays may soon lead to another test's terminal: the kernel gives the numbers again.
                    if round % 2 == 0 { unlink(path) } else { try link(path, to: directory + "/nothing") }
                    scanner.pull()
                }
                // The median: a machine that is busy with other tests may hold any one of them up.
                #expect(delays.sorted()[25] < .seconds(1))
            }
        }
    }

    @Test func `a scanner unplugged in the middle of a scan leaves a fragment that is counted`() async throws {
        try await withPoll { directory, poll in
            let path = directory + "/scanner"
            let sink = TestSink()
            let first = Plug(try PseudoTerminal())
            try link(path, to: first.path)
            try await reading(path, poll, sink) {
                try await sink.waitForConnection()
                try first.type("SB00001\rSB0")
                #expect(try await sink.nextLabel() == "SB00001")
                // It must not lead to another test's terminal of the same number.
                unlink(path)
                first.pull()
                #expect(try await sink.nextEvent() == .dropped(.fragment))
                #expect(try await sink.nextEvent() == .disconnected(reason: "unplugged"))
                let second = try PseudoTerminal()
                try link(path, to: second.path)
                try await sink.waitForConnection()
                try second.type("0002\r")
                #expect(try await sink.nextLabel() == "0002")
            }
        }
    }

    @Test func `a scan that stops in the middle is dropped after two seconds of silence`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            try await reading(terminal.path, poll, sink, { $0.acknowledges = true }) {
                try await sink.waitForConnection()
                try terminal.type("SB0")
                #expect(try await sink.nextEvent() == .dropped(.fragment))
                #expect(try await terminal.answer() == 0x15)
                try terminal.type("SB00001\r")
                #expect(try await sink.nextLabel() == "SB00001")
            }
        }
    }

    /// Reads a port that cannot be opened: it may be tried once a second, and not all the time.
    private func expectFewAttempts(_ path: String, _ poll: PollThread, _ sink: TestSink) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let watch = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        defer { close(watch) }
        #expect(inotify_add_watch(watch, path, UInt32(IN_OPEN)) >= 0)
        guard case .disconnected = try await sink.nextEvent() else { throw SetupError("it could be opened") }
        // Nothing happens in this time, so nothing may be tried.
        try await ContinuousClock().sleep(for: .milliseconds(400))
        var buffer = [UInt8](repeating: 0, count: 65_536)
        // The kernel merges events that are alike, but not across reads: the first tells that it began, more of them
        // that it goes on.
        var rounds = 0
        for _ in 0..<20 {
            if read(watch, &buffer, buffer.count) > 0 { rounds += 1 }
            try await ContinuousClock().sleep(for: .milliseconds(10))
        }
        // One a second, after the first two.
        #expect(rounds <= 3 + Int((clock.now - start).components.seconds))
    }

    @Test func `a port that another program holds is read once that lets go, without asking all the time`() async throws
    {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let path = terminal.path
            let other = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)
            #expect(other >= 0 && flock(other, LOCK_EX | LOCK_NB) == 0)
            let sink = TestSink()
            try await reading(path, poll, sink) {
                try await expectFewAttempts(path, poll, sink)
                close(other)
                try await sink.waitForConnection()
                try terminal.type("SB00001\r")
                #expect(try await sink.nextLabel() == "SB00001")
            }
        }
    }

    @Test func `a file that is no terminal is refused with a sentence, without asking all the time`() async throws {
        try await withPoll { directory, poll in
            try write(Array("SB00001\r".utf8), to: directory + "/scanner")
            let sink = TestSink()
            try await reading(directory + "/scanner", poll, sink) {
                try await expectFewAttempts(directory + "/scanner", poll, sink)
                let terminal = try PseudoTerminal()
                try link(directory + "/scanner", to: terminal.path)
                try await sink.waitForConnection()
            }
        }
    }

    @Test func `silence ends a scan where the scanner sends no terminator`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink()
            try await reading(terminal.path, poll, sink, { ($0.terminator, $0.idleMs) = (.idle, 200) }) {
                try await sink.waitForConnection()
                try terminal.type("SB0")
                try terminal.type("0001")
                #expect(try await sink.nextLabel() == "SB00001")
                try terminal.type("SB00002\r\n")
                #expect(try await sink.nextLabel() == "SB00002\r\n")
            }
        }
    }

    @Test func `the labels of two ports never mix, however their bytes interleave`() async throws {
        try await withPoll { _, poll in
            let left = try PseudoTerminal()
            let right = try PseudoTerminal()
            let (leftSink, rightSink) = (TestSink(), TestSink())
            try await reading(left.path, poll, leftSink, name: "left") {
                try await reading(right.path, poll, rightSink, name: "right") {
                    try await leftSink.waitForConnection()
                    try await rightSink.waitForConnection()
                    for number in 10_000..<10_200 {
                        let (one, two) = ("L\(number)\r", "R\(number)\r")
                        for (l, r) in zip(one.utf8, two.utf8) {
                            try left.type([l])
                            try right.type([r])
                        }
                        #expect(try await leftSink.nextLabel() == "L\(number)")
                        #expect(try await rightSink.nextLabel() == "R\(number)")
                    }
                }
            }
        }
    }

    @Test func `an answer that comes after the port was closed reaches nobody`() async throws {
        try await withPoll { _, poll in
            let terminal = try PseudoTerminal()
            let sink = TestSink { _ in nil }
            try await reading(terminal.path, poll, sink, { $0.acknowledges = true }) {
                try await sink.waitForConnection()
                try terminal.type("SB00001\r")
                #expect(try await sink.nextLabel() == "SB00001")
            }
            // Takes the number that the port had.
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            for reply in sink.takeHeld() { reply(.stored) }
            var ready = pollfd(fd: ends[0], events: Int16(POLLIN), revents: 0)
            #expect(Glibc.poll(&ready, 1, 0) == 0)
            terminal.expectNoAnswer()
            for end in ends { close(end) }
        }
    }

    @Test func `a stopped port is not opened again`() async throws {
        try await withPoll { directory, poll in
            let path = directory + "/scanner"
            let sink = TestSink()
            let first = try PseudoTerminal()
            try link(path, to: first.path)
            try await reading(path, poll, sink) { try await sink.waitForConnection() }
            let second = try PseudoTerminal()
            try link(path, to: second.path)
            // The poll thread has passed over whatever the link's change woke.
            let other = TestSink()
            try await reading(directory + "/other", poll, other) { _ = try await other.nextEvent() }
            _ = try SerialLine.open(second.path, baud: 9600)
        }
    }
}
