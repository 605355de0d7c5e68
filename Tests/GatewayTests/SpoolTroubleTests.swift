import Glibc
import JSON
import Model
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct FullDiskTests {
    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"), arguments: [false, true])
    func `on a full disk a scan is refused with the error signal, and taken again once there is room`(bounded: Bool)
        async throws
    {
        try await withSmallDisk { bench, disk in
            let scanner = try TestScanner()
            // With min_free the bound speaks before the disk does.
            let configuration = try bench.configure(spool: "min_free = \"\(bounded ? 1 : 0) MiB\"")
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                var acknowledged = 1
                try disk.fill()
                for n in 0..<20 {
                    if try await scanner.scan(childLabel(n)) == TestScanner.stored { acknowledged += 1 }
                }
                #expect(acknowledged < 21)
                let status = try await bench.ask("status")
                #expect(status["healthy"]?.bool == false)
                let faults = status["faults"]?.array?.compactMap(\.string) ?? []
                #expect(faults.first?.hasPrefix("the spool refuses scans") == true)
                disk.free()
                try await eventually("a scan to be taken again") {
                    try await scanner.scan(childLabel(100)) == TestScanner.stored
                }
                let stored = try await bench.scans("waiting").compactMap { $0["scan"]?["data"]?.string }
                #expect(stored.count == acknowledged + 1 && stored.last == "1000100")
                #expect(try await bench.ask("status")["faults"]?.array?.count == 1)
            }
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `numbers handed out to commits that failed are never used again`() async throws {
        try await withSmallDisk(.devices) { bench, disk in
            let scanner = try TestScanner()
            try await bench.running(try bench.configure()) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try disk.fill()
                var refused = 0
                for n in 0..<40 where try await scanner.scan(childLabel(n)) == TestScanner.refused { refused += 1 }
                #expect(refused > 0)
                disk.free()
                #expect(try await scanner.scan(childLabel(100)) == TestScanner.stored)
                try await bench.waitUntilDelivered()
                let scans = try await bench.scans("export").compactMap { $0["scan"] }
                let sequence = scans.compactMap { $0["seq"]?.integer }
                #expect(Set(sequence).count == sequence.count)
                // Number 2 went to the commit that failed; while the file could not be opened, none was handed out.
                #expect((sequence.last ?? 0) > Int64(scans.count))
                #expect(try bench.simulator?.count("order_broken") == 0)
            }
        }
    }

    @Test(.enabled(if: mayMount, "a read-only filesystem has to be mounted, which takes root"))
    func `a state directory that cannot be written is refused with a sentence`() async throws {
        try await withSmallDisk { bench, _ in
            let configuration = try bench.configure()
            try await bench.running(configuration) { _ in }
            // A program that another test starts at this moment holds copies of this one's files until its exec.
            try await eventually("nobody to hold a file there") {
                mount("tmpfs", bench.stateDirectory, nil, UInt(MS_REMOUNT | MS_RDONLY), nil) == 0
            }
            let error = await #expect(throws: CommandError.self) { _ = try await RunningGateway(configuration) }
            #expect(error?.description.contains(bench.stateDirectory) == true, "\(error?.description ?? "")")
            #expect(mount("tmpfs", bench.stateDirectory, nil, UInt(MS_REMOUNT), nil) == 0)
            try await bench.running(configuration) { _ in }
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct DamagedSpoolTests {
    /// Overwrites files while others have them open; by another process, whose closing drops no lock of this one's. All
    /// are opened first: a daemon that finds the first one damaged makes others under the same names.
    private func overwrite(_ paths: String...) async throws {
        let opened = paths.enumerated().map { "exec \($0 + 3)<>\($1)" }
        let written = paths.indices.map { index -> String in
            let file = "/proc/$$/fd/\(index + 3)"
            return "dd if=/dev/urandom of=\(file) bs=4096 count=$(( $(stat -Lc %s \(file)) / 4096 )) conv=notrunc 2>&1"
        }
        _ = try await onThread { try shell((opened + written).joined(separator: " && ")) }
    }

    private func log(_ scan: JSONValue?) -> String? { scan?["log"]?.string }

    @Test func `damaged while nothing ran, it is set aside under a dated name and scanning goes on in a new one`()
        async throws
    {
        try await withBench(.devices) { bench in
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            var first: String?
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try await bench.waitUntilDelivered()
                first = log(try await bench.scans("export").first?["scan"])
            }
            try await overwrite(bench.stateDirectory + "/spool.db")
            try await bench.running(configuration) { _ in
                let kept = Files.names(in: bench.stateDirectory).filter { $0.hasPrefix("spool.db.damaged-20") }
                #expect(kept.count >= 1)
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.refused)
                #expect(try await scanner.scan("SB10001") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                try await bench.waitUntilDelivered()
                let scans = try await bench.scans("export")
                #expect(scans.count == 2 && log(scans.first?["scan"]) != first)
            }
            #expect(try bench.simulator?.links().map(\.parent) == ["SB10001"])
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `damaged while it runs, the daemon lives, and what is acknowledged afterwards is durable and delivered`()
        async throws
    {
        try await withSmallDisk(.devices) { bench, disk in
            let simulator = try #require(bench.simulator)
            let scanner = try TestScanner()
            try await bench.running(try bench.configure()) { _ in
                try await bench.add(scanner)
                for n in 0..<30 { #expect(try await scanner.scan("SB\(10_000 + n)") == TestScanner.stored) }
                try await bench.waitUntilDelivered()
                // The file is only read again after a commit that failed.
                try disk.fill()
                var n = 0
                while try await scanner.scan("SB\(20_000 + n)") == TestScanner.stored { n += 1 }
                let path = bench.stateDirectory + "/spool.db"
                try await overwrite(path + "-wal", path)
                disk.free()
                try await eventually("a new file") {
                    _ = try await scanner.scan(childLabel(1))
                    return Files.names(in: bench.stateDirectory).contains { $0.hasPrefix("spool.db.damaged-20") }
                }
                var acknowledged: [String] = []
                for n in 0..<20 {
                    let label = "SB\(30_000 + n)"
                    if try await scanner.scan(label) == TestScanner.stored { acknowledged.append(label) }
                }
                #expect(acknowledged.count >= 19)
                try await eventually("the new scans to be delivered") {
                    let rows = Set(try simulator.scans().map(\.label))
                    return acknowledged.allSatisfy(rows.contains)
                }
                try await bench.waitUntilDelivered()
                // As another process sees the files now: nothing hangs on a deleted one.
                let count = try await onThread { [path = bench.stateDirectory] in
                    try shell(
                        "python3 -c 'import sqlite3; print(sqlite3.connect(\"\(path)/spool.db\")"
                            + ".execute(\"SELECT count(*) FROM scan\").fetchone()[0])' 2>&1")
                }
                #expect((Int(count.filter(\.isNumber)) ?? 0) >= acknowledged.count, "\(count)")
                #expect(try await bench.ask("status")["healthy"]?.bool == true)
            }
            #expect(try simulator.acceptances().values.allSatisfy { $0 == 1 })
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `an answer that was under way when the file was replaced changes nothing in the new one`() async throws {
        try await withSmallDisk(.devices) { bench, disk in
            let simulator = try #require(bench.simulator)
            simulator.change { $0.childrenPerParent = 1 }
            let scanner = try TestScanner()
            try await bench.running(try bench.configure()) { _ in
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10000") == TestScanner.stored)
                try await bench.waitUntilDelivered()
                // The second child is rejected, but the answer takes its time.
                try simulator.addFault(Fault(.latency, count: 2, ms: 1500))
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
                try disk.fill()
                var n = 3
                while try await scanner.scan(childLabel(n)) == TestScanner.stored { n += 1 }
                let path = bench.stateDirectory + "/spool.db"
                try await overwrite(path + "-wal", path)
                disk.free()
                try await eventually("a scan in a new file") {
                    try await scanner.scan("SB10001") == TestScanner.stored
                }
                #expect(Files.names(in: bench.stateDirectory).contains { $0.hasPrefix("spool.db.damaged-20") })
                for n in 0..<9 { #expect(try await scanner.scan("SB\(20_000 + n)") == TestScanner.stored) }
                try await eventually("the new scans to be delivered") {
                    Set(try simulator.scans().map(\.label)).isSuperset(of: (0..<9).map { "SB\(20_000 + $0)" })
                }
                try await bench.waitUntilDelivered()
                #expect(try await bench.count("rejected") == 0)
                #expect(try await bench.scans("rejected").isEmpty)
                #expect(try await bench.scans("export").count == 10)
            }
        }
    }
}
