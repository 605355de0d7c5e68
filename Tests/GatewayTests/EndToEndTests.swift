import JSON
import Model
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct EndToEndTests {
    @Test(arguments: [SimulatorSettings.Contract.devices, .web])
    func `scans of two tables reach the backend, each child in its own bag`(contract: SimulatorSettings.Contract)
        async throws
    {
        try await withGateway(contract) { bench, _ in
            let simulator = try #require(bench.simulator)
            let scanners = [try TestScanner("scanner-1"), try TestScanner("scanner-2")]
            for (index, scanner) in scanners.enumerated() { try await bench.add(scanner, lane: "table-\(index)") }
            for bag in 0..<2 {
                for (table, scanner) in scanners.enumerated() {
                    #expect(try await scanner.scan("SB\(10_000 + table * 100 + bag)") == TestScanner.stored)
                }
                for child in 0..<5 {
                    for (table, scanner) in scanners.enumerated() {
                        let label = childLabel(table * 1000 + bag * 100 + child)
                        #expect(try await scanner.scan(label) == TestScanner.stored)
                    }
                }
            }
            try await bench.waitUntilDelivered()
            let links = try simulator.links()
            #expect(links.count == 20)
            for link in links {
                let number = (Int(link.child) ?? 0) - 1_000_000
                #expect(link.parent == "SB\(10_000 + number / 1000 * 100 + number / 100 % 10)")
            }
            // A web session that serves two tables posts a bag again when it comes back to it.
            let isOnce = try simulator.acceptances().values.allSatisfy { $0 == 1 }
            #expect(isOnce || contract == .web)
            #expect(try await bench.ask("status")["healthy"]?.bool == true)
            // Verdicts ride the next commit, or go a moment later.
            try await eventually("the verdicts to be stored") { try await bench.scans("waiting").isEmpty }
        }
    }

    @Test func `a scan stored while the backend is away is delivered after a restart, byte for byte`() async throws {
        try await withBench(.devices) { bench in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            try simulator.addFault(Fault(.close))
            var before: [JSONValue] = []
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                for label in ["SB10000", childLabel(1), childLabel(2)] {
                    #expect(try await scanner.scan(label) == TestScanner.stored)
                }
                before = try await bench.scans("waiting").compactMap { $0["scan"] }
            }
            #expect(before.count == 3)
            simulator.clearFaults()
            try await bench.running(configuration) { _ in
                try await bench.waitUntilDelivered()
                #expect(try await bench.scans("export").compactMap { $0["scan"] } == before)
            }
            #expect(try simulator.links().count == 2)
        }
    }

    @Test func `the same label again is acknowledged and not stored twice, across a restart too`() async throws {
        try await withBench { bench in
            let clock = ManualClock()
            let scanner = try TestScanner()
            let configuration = try bench.configure("[lane]\ndebounce = \"1500 ms\"\n")
            try await bench.running(configuration, clock: clock.source) { _ in
                try await bench.add(scanner)
                for _ in 0..<3 { #expect(try await scanner.scan("SB10000") == TestScanner.stored) }
                for _ in 0..<3 { #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored) }
                #expect(try await bench.scans("waiting").count == 2)
            }
            clock.advance(by: .milliseconds(1400))
            try await bench.running(configuration, clock: clock.source) { _ in
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                #expect(try await bench.scans("waiting").count == 2)
                let devices = try await bench.ask("device list")["devices"]?.array ?? []
                #expect(devices.first?["repeated"]?.integer == 1)
                clock.advance(by: .milliseconds(100))
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                #expect(try await bench.scans("waiting").count == 3)
            }
        }
    }

    @Test func `a label that no rule knows is refused, or held for a person who releases it`() async throws {
        try await withBench(.devices) { bench in
            let scanner = try TestScanner()
            try await bench.running(try bench.configure()) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("what is this") == TestScanner.refused)
            }
            try await bench.running(try bench.configure("[lane]\nother = \"hold\"\n")) { _ in
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan("what is this") == TestScanner.stored)
                let held = try await bench.scans("held")
                #expect(held.count == 1 && held.first?["scan"]?["role"]?.string == "other")
                #expect(try await bench.count("held") == 1)
                // The next scans pass it by.
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try await bench.waitUntilDelivered()
                #expect(try bench.simulator?.scans().map(\.label) == ["SB10000"])
                let released = try await bench.ask("scans release", [("scans", .array([.string("1")]))])
                #expect(released["scans"]?.array == [.integer(1)])
                try await bench.waitUntilDelivered()
                #expect(try await bench.count("held") == 0)
                try await eventually("the released scan to be judged") {
                    try await bench.scans("find", [("label", .string("what is this"))]).first?["state"]?.string
                        != "waiting"
                }
            }
        }
    }

    @Test func `a lane asks for the bag again when it is forgotten, cleared, or after a reboot`() async throws {
        try await withBench { bench in
            let clock = ManualClock()
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            try await bench.running(configuration, clock: clock.source) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.refused)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                clock.advance(by: .seconds(20 * 60))
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.refused)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
                let lanes = try await bench.ask("lane clear", [("name", .string("table-1"))])["lanes"]?.array
                #expect(lanes?.first?["parent"]?.string == "")
                #expect(try await scanner.scan(childLabel(3)) == TestScanner.refused)
                let set = try await bench.ask(
                    "lane set-parent", [("name", .string("table-1")), ("parent", .string("sb10001"))])
                #expect(set["lanes"]?.array?.first?["parent"]?.string == "SB10001")
                #expect(try await scanner.scan(childLabel(3)) == TestScanner.stored)
            }
            let source = clock.source
            let rebooted = TimeSource(
                bootID: "2f0e8a52-6c1b-4b8e-9a53-2f1f6f0f7a11", now: source.now, sleep: source.sleep)
            try await bench.running(configuration, clock: rebooted) { _ in
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan(childLabel(4)) == TestScanner.refused)
                let scans = try await bench.scans("export").compactMap { $0["scan"] }
                #expect(scans.last?["parent"]?.string == "SB10001")
            }
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct DevicesWhileScanningTests {
    @Test func `disabled, enabled, rotated and removed take effect before the command answers`() async throws {
        try await withGateway { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            let name: [(key: String, value: JSONValue)] = [("name", .string(scanner.name))]
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await bench.ask("device disable", name)
            try scanner.type(Array(childLabel(1).utf8))
            try await bench.ask("device enable", name)
            try await bench.waitUntilRead(scanner.name)
            // What was typed meanwhile is given up with the opening of the port.
            #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
            let rotated = try await bench.ask("device rotate-key", name)
            #expect(try await scanner.scan(childLabel(3)) == TestScanner.stored)
            let scans = try await bench.scans("waiting").compactMap { $0["scan"] }
            #expect(scans.compactMap { $0["data"]?.string } == ["SB10000", "1000002", "1000003"])
            #expect(scans.last?["kid"] == rotated["kid"] && scans.first?["kid"] != rotated["kid"])
            try await bench.ask("device remove", name)
            try scanner.type(Array(childLabel(4).utf8))
            try await bench.ask("device list")
            #expect(!scanner.hasAnswer)
            #expect(try await bench.scans("waiting").count == 3)
            // Whoever comes back under the name gets another key.
            try await bench.add(scanner)
            #expect(try await scanner.scan(childLabel(5)) == TestScanner.stored)
            let last = try await bench.scans("waiting").last?["scan"]
            #expect(last?["kid"] != rotated["kid"])
            #expect(try await bench.ask("audit verify")["ok"]?.bool == true)
        }
    }

    @Test func `only registered ports are read, each for its own roles`() async throws {
        try await withGateway { bench, _ in
            let (stranger, parents, children) = (
                try TestScanner("stranger"), try TestScanner("parents"), try TestScanner("children")
            )
            try await bench.add(parents, roles: "parent")
            try await bench.add(children, roles: "child")
            try stranger.type(Array("SB99999".utf8))
            #expect(try await parents.scan("SB10000") == TestScanner.stored)
            #expect(try await children.scan(childLabel(1)) == TestScanner.stored)
            #expect(try await children.scan("SB10001") == TestScanner.refused)
            #expect(try await parents.scan(childLabel(2)) == TestScanner.refused)
            _ = try SerialLine.open(stranger.path, baud: 9600)
            let scans = try await bench.scans("waiting").compactMap { $0["scan"] }
            #expect(scans.compactMap { $0["dev"]?.string } == ["parents", "children"])
            #expect(scans.last?["parent"]?.string == "SB10000")
            for (name, port) in [("other", parents.path), ("parents", stranger.path)] {
                await #expect(throws: CommandError.self) { try await bench.add(name, port: port) }
            }
        }
    }

    @Test func `changed fifty times while it scans, a device ends as the last command says`() async throws {
        try await withGateway { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            let name: [(key: String, value: JSONValue)] = [("name", .string(scanner.name))]
            for _ in 0..<25 {
                async let off = bench.ask("device disable", name)
                async let on = bench.ask("device enable", name)
                _ = try await (off, on)
            }
            try await bench.ask("device disable", name)
            #expect(try await bench.ask("device list")["devices"]?.array?.first?["state"]?.string == "disabled")
            try scanner.type(Array("SB10000".utf8))
            try await bench.ask("device enable", name)
            try await bench.waitUntilRead(scanner.name)
            #expect(try await scanner.scan("SB10001") == TestScanner.stored)
            #expect(try await bench.scans("waiting").count == 1)
        }
    }
}
