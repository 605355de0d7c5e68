import JSON
import Model
import Simulator
import TestSupport
import Testing

/// A machine that sleeps: CLOCK_BOOTTIME goes on, and so do all the daemon's times.
@Suite(.timeLimit(.minutes(4))) struct SuspendTests {
    @Test func `after a sleep longer than a bag is remembered, the lane asks for the bag`() async throws {
        try await withClockBench(.devices) { clocks in
            try clocks.configure()
            try clocks.set()
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
            try clocks.set(wall: .seconds(900), asleep: .seconds(900))
            #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
            try clocks.set(wall: .seconds(2400), asleep: .seconds(2400))
            #expect(try await scanner.scan(childLabel(3)) == TestScanner.refused)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await scanner.scan(childLabel(3)) == TestScanner.stored)
            try await clocks.expectDelivered()
            #expect(try clocks.simulator.links().map(\.parent) == ["SB10000", "SB10000", "SB10000"])
            #expect(try clocks.faults() == [:])
            #expect(clocks.stop() == 0)
        }
    }

    @Test func `a pause before the next try ends with the sleep that is longer`() async throws {
        try await withClockBench(.devices) { clocks in
            try clocks.configure()
            try clocks.set()
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            let fault = try clocks.simulator.addFault(Fault(.rateLimit, retryAfter: "3000"))
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await eventually("a request to be put off") { try clocks.simulator.count("requests") > 0 }
            clocks.simulator.clearFaults(fault)
            // Nothing comes by itself: the backend has asked for fifty minutes.
            try await Task.sleep(for: .seconds(1))
            #expect(try await clocks.bench.count("waiting") == 1)
            try clocks.set(wall: .seconds(3600), asleep: .seconds(3600))
            try await clocks.expectDelivered()
        }
    }

    @Test func `scans that have become old while the machine slept go`() async throws {
        try await withClockBench(.devices) { clocks in
            try clocks.configure("[spool]\nkeep_accepted = \"30 d\"\n")
            try clocks.set()
            try await clocks.start()
            let scanner = try TestScanner()
            try await clocks.bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            try await clocks.expectDelivered()
            let month = Duration.seconds(31 * 86_400)
            try clocks.set(wall: month, asleep: month)
            try await clocks.scanUntilUpkeep(scanner)
            try await eventually("the old scan to go") { try await clocks.oldestKept() == 2 }
        }
    }
}
