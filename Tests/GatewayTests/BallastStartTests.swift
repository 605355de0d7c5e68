import Glibc
import JSON
import Posix
import Simulator
import Spool
import TestSupport
import Testing

@testable import Gateway

/// What a test leaves of the daemon before the disk is full.
enum Ending: Sendable { case stopped, killed }

@Suite(.timeLimit(.minutes(4))) struct BallastStartTests {
    private let refusal = "the spool refuses scans: the filesystem of"

    @Test(
        .enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"),
        arguments: [Ending.stopped, .killed], [SimulatorSettings.Contract.devices, .web])
    func `on a disk without a free byte it starts, what waits is sent, and scans are taken again once there is room`(
        _ ending: Ending, _ contract: SimulatorSettings.Contract
    ) async throws {
        try await withSmallDisk(contract, mebibytes: 16) { bench, disk in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            let down = try simulator.addFault(Fault(.close))
            try await leaveWaiting(31, ending, bench, scanner, configuration)
            #expect(ballast(bench) == Ballast.size)
            // As a kill between the two writes of an older version left it: its holder's number finds no room.
            #expect(truncate(bench.stateDirectory + "/lock", 0) == 0)
            try disk.fill()
            try await bench.running(configuration) { _ in
                // Known before anybody scans.
                try await expectRefusing(bench)
                #expect(try await bench.count("waiting") == 31)
                // Whoever filled it goes on, and has got all of it: verdicts are left with the blocks of the WAL.
                #expect(truncate(bench.stateDirectory + "/ballast", 0) == 0)
                try disk.fill()
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan("SB20000") == TestScanner.refused)
                simulator.clearFaults(down)
                try await bench.waitUntilDelivered()
                #expect(try simulator.scans().count == 31)
                try await expectRefusing(bench)
                #expect(try await scanner.scan("SB20000") == TestScanner.refused)
                #expect(ballast(bench) < Ballast.size)
                disk.free()
                // Without a scan.
                try await eventually("a healthy state") { try await bench.ask("status")["healthy"]?.bool == true }
                #expect(ballast(bench) == Ballast.size)
                #expect(try await scanner.scan("SB20000") == TestScanner.stored)
                try await bench.waitUntilDelivered()
            }
            #expect(try simulator.acceptances().values.allSatisfy { $0 == 1 })
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `on a disk that fills up while it runs, what waits is sent, and after a restart too`() async throws {
        try await withSmallDisk(.web, mebibytes: 16) { bench, disk in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            let down = try simulator.addFault(Fault(.close))
            var stored = 0
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                for n in 0..<300 where stored == n {
                    if n == 30 { try disk.fill() }
                    if try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored { stored += 1 }
                }
                #expect(stored >= 30 && stored < 300)
                try await expectRefusing(bench)
                try disk.fill()
            }
            try disk.fill()
            try await bench.running(configuration) { _ in
                try await expectRefusing(bench)
                #expect(try await bench.count("waiting") == Int64(stored))
                simulator.clearFaults(down)
                try await bench.waitUntilDelivered()
            }
            #expect(try simulator.scans().count == stored)
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `where the ballast would take what has to stay free it is not made, and scans are taken`() async throws {
        try await withSmallDisk { bench, _ in
            let scanner = try TestScanner()
            let configuration = try bench.configure(spool: "min_free = \"2 MiB\"")
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                #expect(ballast(bench) == -1)
            }
            #expect(mount("tmpfs", bench.stateDirectory, nil, UInt(MS_REMOUNT), "size=16m") == 0)
            try await bench.running(configuration) { _ in #expect(ballast(bench) == Ballast.size) }
        }
    }

    private func ballast(_ bench: GatewayBench) -> Int64 {
        Files.status(bench.stateDirectory + "/ballast")?.size ?? -1
    }

    private func expectRefusing(_ bench: GatewayBench) async throws {
        let status = try await bench.ask("status")
        #expect(status["healthy"]?.bool == false)
        let fault = status["faults"]?.array?.first?.string ?? ""
        #expect(fault.hasPrefix(refusal), "\(fault)")
    }

    /// Stores scans that nobody takes, and ends: in order, or so that the files are as they were while it ran.
    private func leaveWaiting(
        _ count: Int, _ ending: Ending, _ bench: GatewayBench, _ scanner: TestScanner, _ configuration: Configuration
    ) async throws {
        let (state, kept) = (bench.stateDirectory, bench.directory + "/kept")
        try await bench.running(configuration) { _ in
            try await bench.add(scanner)
            for n in 0..<count {
                let label = n == 0 ? "SB10000" : childLabel(n)
                #expect(try await scanner.scan(label) == TestScanner.stored)
            }
            if ending == .killed {
                _ = try await onThread { try shell("mkdir \(kept) && cp -a \(state)/*.db* \(kept) 2>&1") }
            }
        }
        if ending == .killed { _ = try await onThread { try shell("cp -a \(kept)/*.db* \(state) 2>&1") } }
    }
}
