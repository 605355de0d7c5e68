import Database
import Glibc
import JSON
import Model
import Posix
import Scenes
import Simulator
import TestSupport
import Testing

@testable import Gateway

/// A state directory as an earlier version left it (`Tests/Data/state-schema-1`, whose README says what is in it).
@Suite(.timeLimit(.minutes(4))) struct UpgradeTests {
    @Test func `a state directory of the schema before goes on where it stood`() async throws {
        try await withBench(.devices) { bench in
            try Self.unpack("state-schema-1", into: bench.stateDirectory)
            let simulator = try #require(bench.simulator)
            #expect(try simulator.addDeviceKeys(jsonLines: Self.bytes("state-schema-1/keys.jsonl")) == 2)
            // Not the boot that the fixture was made in, on whatever machine that was.
            let clock = TimeSource(
                bootID: "7a1f2c9e-5b1d-4a53-9f3e-2d8c6b0e4f11", now: TimeSource.system.now,
                sleep: TimeSource.system.sleep)
            try await bench.running(try bench.configure(), clock: clock) { _ in
                try await bench.waitUntilDelivered()
                #expect(
                    try Set(simulator.links().map { [$0.parent, $0.child] })
                        == [["SB10001", "1000003"], ["SB20001", "2000004"]])
                let rejected = try await bench.scans("rejected").first
                #expect(rejected?["scan"]?["data"]?.string == "1000001")
                #expect(rejected?["reason"]?.string?.contains("already linked to parent bag SB10000") == true)
                #expect(try await bench.scans("held").first?["scan"]?["data"]?.string == "2000003")
                #expect(try await bench.ask("audit verify")["ok"]?.bool == true)

                let scanner = try TestScanner("scanner-3")
                try await bench.add(scanner)
                #expect(try await scanner.scan("SB10002") == TestScanner.stored)
                try await bench.waitUntilDelivered()
                let scans = try await bench.scans("export")
                let last = try #require(scans.last?["scan"])
                #expect(last["data"]?.string == "SB10002" && last["lane_seq"]?.integer == 6)
                #expect(scans.count == 12)
            }
            let file = try Connection(path: bench.stateDirectory + "/spool.db", mode: .readOnly)
            defer { file.close() }
            #expect(try file.first("PRAGMA user_version") { $0.integer(0) } == 2)
        }
    }

    private static func bytes(_ path: String) -> [UInt8] { TestData.bytes(TestData.folder + "/" + path) }

    private static func unpack(_ fixture: String, into directory: String) throws {
        try Files.makeDirectory(directory)
        for name in ["spool", "identity"] {
            let path = "\(directory)/\(name).db"
            try Files.replace(path, with: [], mode: 0o600)
            let file = try Connection(path: path)
            defer { file.close() }
            try file.execute(String(decoding: bytes("\(fixture)/\(name).sql"), as: UTF8.self))
        }
        let digits = Array(bytes("\(fixture)/sealing-key.hex").prefix { $0 > 32 })
        let key = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(decoding: digits[$0..<($0 + 2)], as: UTF8.self), radix: 16)
        }
        try Files.replace(directory + "/sealing-key", with: key, mode: 0o600)
    }
}
