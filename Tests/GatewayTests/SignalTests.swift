import Glibc
import JSON
import Model
import Posix
import Scanners
import Signals
import Simulator
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// A light on a pseudo-terminal with a colour for each signal, as a table of the configuration.
private final class Light: Sendable {
    private let terminal: PseudoTerminal
    private let seen = Mutex("")

    init() throws { terminal = try PseudoTerminal() }

    private static let letters: [Signal: String] = [
        .stored: "s", .storedOffline: "o", .duplicate: "d", .bagComplete: "b", .refused: "r",
    ]

    /// With bags of three children, so that a test can fill one.
    var configuration: String {
        let colours = Self.letters.values.map { "{ name = \"\($0)\", on = '+\($0)', off = '-' }" }
        let patterns = Self.letters.map { "\($0.key.rawValue) = \"\($0.value):10\"" }
        return """
            [lane]
            # On a busy machine the default is over before a label comes again.
            debounce = "60 s"
            children_per_parent = 3
            [[signal]]
            name = "tower"
            kind = "light"
            device = "\(terminal.path)"
            colours = [\(colours.joined(separator: ", "))]
            pattern = { \(patterns.joined(separator: ", ")) }

            """
    }

    /// Waits for the next signal, and says which it was.
    func signal() async throws -> Signal? {
        try await eventually("a signal at the light") {
            let more = try take()
            return seen.withLock { seen in
                seen += more
                return seen.utf8.count >= 3
            }
        }
        let text = seen.withLock { seen in
            defer { seen.removeFirst(3) }
            return String(seen.prefix(3))
        }
        return Self.letters.first { "+\($0.value)-" == text }?.key
    }

    private func take() throws -> String {
        var text = ""
        var ready = pollfd(fd: terminal.scanner.raw, events: Int16(POLLIN), revents: 0)
        while poll(&ready, 1, 0) > 0, ready.revents & Int16(POLLIN) != 0 {
            var bytes = [UInt8](repeating: 0, count: 256)
            guard let count = try terminal.scanner.read(into: &bytes, subject: "light"), count > 0 else { break }
            text += String(decoding: bytes[..<count], as: UTF8.self)
        }
        return text
    }
}

@Suite(.timeLimit(.minutes(5))) struct SignalTests {
    @Test func `each signal reaches the light of the lane when it is due`() async throws {
        let (light, scanner) = (try Light(), try TestScanner())
        try await withGateway(.devices, light.configuration) { bench, _ in
            try await bench.add(scanner)
            for (label, signal) in [
                (childLabel(1), Signal.refused), ("SB10000", .stored), ("SB10000", .duplicate),
                (childLabel(1), .stored),
                (childLabel(1), .duplicate), (childLabel(2), .stored), (childLabel(1), .duplicate),
                (childLabel(3), .bagComplete), (childLabel(4), .refused), (childLabel(2), .duplicate),
                ("SB10001", .stored), (childLabel(4), .stored),
                ("what is this", .refused),
            ] {
                let answer = try await scanner.scan(label)
                #expect(answer == (signal == .refused ? TestScanner.refused : TestScanner.stored))
                #expect(try await light.signal() == signal, "\(label)")
            }
            try await bench.waitUntilDelivered()
            // A child that comes again later is stored again: it is the backend that says what becomes of it.
            #expect(try await bench.scans("export").count == 8)
        }
    }

    @Test func `bytes that are no scan give the signal of a refusal`() async throws {
        let (light, scanner) = (try Light(), try TestScanner())
        try await withGateway(.devices, light.configuration) { bench, _ in
            try await bench.add(scanner)
            try scanner.type([0x53, 0x42, 0x00, 0x31])
            #expect(try await scanner.answer() == TestScanner.refused)
            #expect(try await light.signal() == .refused)
        }
    }

    @Test(arguments: [SimulatorSettings.Contract.devices, .web])
    func `while the backend is away the signal says so, and after that no more`(
        contract: SimulatorSettings.Contract
    ) async throws {
        let (light, scanner) = (try Light(), try TestScanner())
        try await withGateway(contract, light.configuration) { bench, _ in
            let simulator = try #require(bench.simulator)
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await light.signal() == .stored)
            try await bench.waitUntilDelivered()
            try simulator.addFault(Fault(.close))
            // Nobody knows yet.
            var bag = 10_001
            func next() async throws -> Signal? {
                bag += 1
                #expect(try await scanner.scan("SB\(bag)") == TestScanner.stored)
                return try await light.signal()
            }
            try await eventually("the first to be stored offline") { try await next() == .storedOffline }
            simulator.clearFaults()
            try await eventually("the first to be sent again", within: .seconds(60)) { try await next() == .stored }
        }
    }

    @Test func `without an uplink every scan waits, and the signal says so`() async throws {
        let (light, scanner) = (try Light(), try TestScanner())
        try await withGateway(nil, light.configuration) { bench, _ in
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await light.signal() == .storedOffline)
        }
    }

    @Test func `a watcher sees which signal was given`() async throws {
        let (light, scanner) = (try Light(), try TestScanner())
        try await withGateway(nil, light.configuration) { bench, _ in
            try await bench.add(scanner)
            let seen = Mutex<[String]>([])
            let socket = bench.socket
            let watching = Task {
                try await onThread {
                    _ = try ControlClient(path: socket).stream(ControlRequest("watch")) { event in
                        seen.withLock { seen in
                            seen.append("\(event["event"]?.string ?? "") \(event["signal"]?.string ?? "")")
                            return event["label"]?.string != "NOREAD"
                        }
                    }
                }
            }
            try await eventually("somebody to watch") {
                try scanner.type(Array("SB10000".utf8))
                _ = try await scanner.answer()
                return seen.withLock { !$0.isEmpty }
            }
            for label in [childLabel(1), childLabel(1), "NOREAD"] { _ = try await scanner.scan(label) }
            try await watching.value
            #expect(
                seen.withLock { Array($0.suffix(3)) } == [
                    "stored stored-offline", "repeated duplicate", "refused refused",
                ]
            )
        }
    }

    @Test func `a reload brings another light`() async throws {
        let (first, second, scanner) = (try Light(), try Light(), try TestScanner())
        try await withBench { bench in
            let next = try bench.configure(second.configuration)
            try await bench.running(try bench.configure(first.configuration)) { gateway in
                try await bench.add(scanner)
                _ = try await scanner.scan("SB10000")
                #expect(try await first.signal() == .storedOffline)
                gateway.reload(next)
                var bag = 20_000
                try await eventually("the second light") {
                    bag += 1
                    _ = try await scanner.scan("SB\(bag)")
                    let before = try await bench.ask("signal list")["signals"]?.array ?? []
                    return before.first?["device"]?.string.map { second.configuration.contains($0) } == true
                        && before.first?["given"]?.integer != 0
                }
                #expect(try await second.signal() == .storedOffline)
            }
        }
    }

    @Test func `the command gives every signal by lights and scanners, and says what came of it`() async throws {
        let (light, answering) = (try Light(), try TestScanner("answering"))
        let more =
            light.configuration + """
                [[signal]]
                name = "horn"
                kind = "sound"
                device = "plughw:31,0"
                lane = "table-2"

                """
        try await withGateway(nil, more) { bench, _ in
            try await bench.add(answering)
            let silent = try TestScanner("silent")
            _ = try await bench.ask(
                "device add",
                [
                    ("name", .string("silent")), ("lane", .string("table-2")), ("roles", .string("parent")),
                    ("options", .object([("port", .string(silent.path))])),
                ])
            try await bench.waitUntilRead("silent")
            for signal in Signal.allCases {
                let result = try await bench.ask("signal test", [("signal", .string(signal.rawValue))])
                #expect(
                    outcomes(result) == [
                        "scanner answering given", "scanner silent cannot be told", "signal tower given",
                        "signal horn failed",
                    ])
                #expect(result["ok"]?.bool == false)
                #expect(try await light.signal() == signal)
                #expect(
                    try await answering.answer() == (signal == .refused ? TestScanner.refused : TestScanner.stored))
            }
            let one = try await bench.ask(
                "signal test", [("signal", .string("refused")), ("lane", .string("table-1"))])
            #expect(outcomes(one) == ["scanner answering given", "signal tower given"] && one["ok"]?.bool == true)
            let device = try await bench.ask(
                "signal test", [("signal", .string("refused")), ("device", .string("answering"))])
            #expect(outcomes(device) == ["scanner answering given"])
            await #expect(throws: CommandError.self) { try await bench.ask("signal test", [("signal", .string("x"))]) }
            let mistyped: [(key: String, value: JSONValue)] = [
                ("signal", .string("stored")), ("lane", .string("tabel")),
            ]
            await #expect(throws: CommandError.self) { try await bench.ask("signal test", mistyped) }
            // Nothing was stored by any of it, and the one that fails is known.
            #expect(try await bench.count("waiting") == 0)
            let listed = try await bench.ask("status")["signals"]?.array ?? []
            #expect(listed.map { $0["state"]?.string } == ["works", "fails"])
            #expect(listed.last?["fault"]?.string?.contains("plughw:31,0") == true)
        }
    }

    private func outcomes(_ result: JSONValue) -> [String] {
        (result["results"]?.array ?? []).map { row in
            ["by", "name", "outcome"].map { row[$0]?.string ?? "" }.joined(separator: " ")
        }
    }
}
