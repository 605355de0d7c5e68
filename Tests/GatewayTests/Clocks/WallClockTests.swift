import JSON
import Model
import Posix
import Simulator
import TestSupport
import Testing

/// Invariant 8 with the real daemon: its wall clock jumps while it scans, and nothing but the clock's own place in the
/// data changes.
@Suite(.timeLimit(.minutes(4))) struct WallClockTests {
    @Test(arguments: [SimulatorSettings.Contract.devices, .web])
    func `scans over jumps of ten years are accepted once, in order, each child in its bag`(
        contract: SimulatorSettings.Contract
    ) async throws {
        try await withClockBench(contract) { clocks in
            try clocks.configure()
            try clocks.set(wall: .zero)
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            // The bag is scanned at the right time, its children while the clock is anywhere.
            for bag in 0..<3 {
                #expect(try await scanner.scan("SB1000\(bag)") == TestScanner.stored)
                var child = bag * 100
                for off in [Duration.zero, ClockBench.tenYears, ClockBench.tenYearsBack, .zero] {
                    try clocks.set(wall: off)
                    for _ in 0..<3 {
                        child += 1
                        #expect(try await scanner.scan(childLabel(child)) == TestScanner.stored)
                    }
                    // On the way too, so that requests and answers meet a jump.
                    if bag > 0 { try await clocks.expectDelivered() }
                }
            }
            try await clocks.expectDelivered()
            let links = try clocks.simulator.links()
            #expect(links.count == 36)
            for link in links { #expect(link.parent == "SB1000\(((Int(link.child) ?? 0) - 1_000_000) / 100)") }
            #expect(try clocks.faults() == [:])
            // No storm: a request a scan, a bag again where sessions take turns, logins.
            #expect(try clocks.simulator.count("requests") < 39 * 3)
            #expect(try await clocks.bench.ask("status")["healthy"]?.bool == true)
            #expect(clocks.stop() == 0)
        }
    }

    @Test(arguments: [SimulatorSettings.Contract.devices, .web])
    func `a board that boots in 1970 scans and delivers, says so in each scan, and goes on when it learns the time`(
        contract: SimulatorSettings.Contract
    ) async throws {
        try await withClockBench(contract) { clocks in
            try clocks.configure()
            let wall = TimeSource.system.now().wallMs
            try clocks.set(wall: .milliseconds(600_000 - wall), synced: false)
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            for child in 1...5 { #expect(try await scanner.scan(childLabel(child)) == TestScanner.stored) }
            try await clocks.expectDelivered()
            try clocks.set(wall: .zero)
            // The kernel is asked once a second whether the clock is synced.
            try await Task.sleep(for: .milliseconds(1100))
            for child in 6...10 { #expect(try await scanner.scan(childLabel(child)) == TestScanner.stored) }
            try await clocks.expectDelivered()
            #expect(try clocks.simulator.links().count == 10)
            #expect(try clocks.simulator.links().allSatisfy { $0.parent == "SB10000" })
            #expect(try clocks.faults() == [:])
            let scans = try await clocks.bench.scans("export").compactMap { $0["scan"] }
            #expect(
                scans.map { $0["clk"]?.string } == [String?](repeating: "u", count: 6)
                    + [String?](repeating: "s", count: 5))
            #expect(scans.prefix(6).allSatisfy { $0["ts"]?.string?.hasPrefix("1970-01-01T00:1") == true })
            #expect(clocks.stop() == 0)
        }
    }

    @Test func `the same label over a jump is the same scan, and no bag is forgotten`() async throws {
        try await withClockBench(.devices) { clocks in
            try clocks.configure("[lane]\ndebounce = \"60 s\"\nforget_parent_after = \"60 s\"\n")
            try clocks.set(wall: .zero)
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            for off in [ClockBench.tenYears, ClockBench.tenYearsBack, .zero] {
                try clocks.set(wall: off)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            }
            #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
            try await clocks.expectDelivered()
            #expect(try clocks.simulator.scans().count == 3)
        }
    }

    @Test(arguments: [SimulatorSettings.Contract.devices, .web])
    func `a backend that comes back after a jump is asked again as soon as without one`(
        contract: SimulatorSettings.Contract
    ) async throws {
        try await withClockBench(contract) { clocks in
            try clocks.configure()
            try clocks.set(wall: .zero)
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await clocks.expectDelivered()
            for off in [ClockBench.tenYearsBack, ClockBench.tenYears] {
                let fault = try clocks.simulator.addFault(Fault(.close))
                let before = try clocks.simulator.count("requests")
                #expect(try await scanner.scan(childLabel(off > .zero ? 1 : 2)) == TestScanner.stored)
                try await eventually("a request to fail") { try clocks.simulator.count("requests") > before }
                try clocks.set(wall: off)
                // Long enough for a storm to show.
                try await Task.sleep(for: .seconds(2))
                #expect(try clocks.simulator.count("requests") - before < 20)
                clocks.simulator.clearFaults(fault)
                try await clocks.expectDelivered()
            }
            #expect(try clocks.faults() == [:])
        }
    }

    @Test func `a session goes on, or is begun again at once, where the time is another after a restart`() async throws
    {
        try await withClockBench(.web) { clocks in
            try clocks.configure()
            try clocks.set()
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await clocks.expectDelivered()
            for (child, wall) in [ClockBench.tenYearsBack, ClockBench.tenYears, .zero].enumerated() {
                #expect(clocks.stop() == 0)
                try clocks.set(wall: wall)
                try await clocks.start()
                try await clocks.bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan(childLabel(child)) == TestScanner.stored)
                try await clocks.expectDelivered()
            }
            #expect(try clocks.simulator.links().count == 3)
            #expect(try clocks.simulator.count("logins") <= 4)
            // Which bag a session is at is not known after a restart: the bag is posted again, with any clock.
            #expect(try clocks.faults().filter { $0.key != "accepted_twice" } == [:])
        }
    }

    @Test func `nothing is thrown away for its age because the clock jumped, nor after a restart with the wrong time`()
        async throws
    {
        try await withClockBench(.devices) { clocks in
            try clocks.configure("[spool]\nkeep_accepted = \"30 d\"\n")
            try clocks.set(wall: .zero)
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            try await clocks.expectDelivered()
            try clocks.set(wall: ClockBench.tenYears)
            try await clocks.scanUntilUpkeep(scanner)
            #expect(try await clocks.oldestKept() == 1)
            // Once, and not with each of its commits.
            #expect(clocks.log.split(separator: "the wall clock has jumped").count == 2)
            #expect(clocks.stop() == 0)
            try await clocks.start()
            try await clocks.bench.waitUntilRead(scanner.name)
            try await clocks.scanUntilUpkeep(scanner)
            #expect(try await clocks.oldestKept() == 1)
        }
    }
}
