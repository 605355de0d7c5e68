import Glibc
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct ReloadReportTests {
    @Test func `a reload is reported done when it is done, also where it was refused`() async throws {
        try await withBench(.devices) { bench in
            let (commands, continuation) = AsyncStream.makeStream(of: Gateway.Command.self)
            let (events, report) = AsyncStream.makeStream(of: Void.self)
            let first = try bench.configure()
            let gateway = try await buildGateway(first)
            let running = Task { try await gateway.run(commands) { report.yield() } }
            var steps = events.makeAsyncIterator()
            await steps.next()
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("?") == TestScanner.refused)
            continuation.yield(.reload(try bench.configure("[lane]\nother = \"hold\"\n"), done: { report.yield() }))
            await steps.next()
            // At once: no waiting for the rule to hold.
            #expect(try await scanner.scan("?") == TestScanner.stored)
            let others = """
                [[uplink]]
                name = "second"
                use = "mirror"
                url = "http://127.0.0.1:9"
                contract = "tracetrack-devices"
                auth = { kind = "bearer", token_file = "\(bench.directory)/token" }
                """
            continuation.yield(.reload(try bench.configure(others), done: { report.yield() }))
            await steps.next()
            continuation.yield(.stop)
            try await running.value
        }
    }

    @Test func `each mistake of a configuration that is reloaded is a line of the log`() async throws {
        try await withBench { bench in
            try bench.configure()
            let (directory, file, socket) = (bench.directory, bench.file, bench.socket)
            let daemon = try ChildProcess("scangate", ["run", "--config", file], output: directory + "/log")
            defer { daemon.end(SIGKILL) }
            func log() throws -> String { String(decoding: try read(directory + "/log"), as: UTF8.self) }
            try await eventually("the daemon to listen") { try log().contains("ready:") && Files.status(socket) != nil }
            let text = try read(file)
            try Files.replace(file, with: text + Array("\nnonsense = 1\nmore_nonsense = 2\n".utf8))
            kill(daemon.id, SIGHUP)
            try await eventually("both mistakes in the log") {
                let lines = try log().split(separator: "\n")
                return lines.count { $0.hasPrefix("error: \(file):") } == 2
            }
            #expect(try log().contains("error: reload: the old configuration stays in force:\n"))
            #expect(try !log().contains("\\x0a"))
        }
    }
}
