import Glibc
import JSON
import Model
import Posix
import Scenes
import TestSupport
import Testing

@testable import Gateway

/// A camera's lane with the daemon as a process of its own: which bag children are stored for when a bag may have gone by
/// unseen. A worker's scanner at the same lane gives the children.
@Suite(.timeLimit(.minutes(4))) struct CameraDoubtTests {
    private static func lane(_ bench: GatewayBench) async throws -> JSONValue {
        try await bench.ask("lane show", [("name", .string("belt-1"))])["lanes"]?.array?.first ?? .null
    }

    private static func isInDoubt(_ bench: GatewayBench) async throws -> Bool {
        try await lane(bench)["in_doubt"]?.bool == true
    }

    /// Has the camera see a bag, and waits until the lane has it.
    private static func show(_ rows: [UInt32], _ bag: String, _ table: CameraTable, _ bench: GatewayBench) async throws
    {
        try table.show(rows)
        try await eventually("\(bag) is the lane's") { try await lane(bench)["parent"]?.string == bag }
    }

    /// Each stored child with its bag, in order.
    private static func children(_ bench: GatewayBench) async throws -> [String] {
        try await bench.scans("waiting").compactMap { $0["scan"] }.filter { $0["role"]?.string == "child" }
            .map { "\($0["data"]?.string ?? "") in \($0["parent"]?.string ?? "")" }
    }

    @Test func `while a camera is away no child goes into the bag of before, nor when it is back`() async throws {
        try await withBench { bench in
            try bench.configure()
            let scanner = try TestScanner()
            try await bench.withCamera { table in
                try await bench.add(scanner, lane: "belt-1")
                try await Self.show(Codes.first, "SB00001", table, bench)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                unlink(table.path)
                try await eventually("it is missed") { try await Self.isInDoubt(bench) }
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.refused)
                let lane = try await Self.lane(bench)
                #expect(lane["parent"]?.string == "" && lane["children"]?.integer == 0)
                #expect(lane["doubt"]?["parent"]?.string == "SB00001" && lane["doubt"]?["children"]?.integer == 1)
                #expect(lane["doubt"]?["reason"]?.string?.hasPrefix("belt-1: ") == true, "\(lane)")
                #expect(lane["doubt"]?["since"]?.string?.isEmpty == false)
                let status = try await bench.ask("status")["lanes"]?.array?.first
                #expect(status?["in_doubt"]?.bool == true && status?["parent"]?.string == "")
                let said = try await bench.command(["lane", "show", "belt-1"]).said
                #expect(said.contains("lane belt-1 is in doubt since "), "\(said)")
                #expect(said.contains("whether its bag is still SB00001: belt-1: "), "\(said)")
                let refused = try await bench.ask("device show", [("name", .string(scanner.name))])["device"]
                #expect(refused?["refused_by_reason"]?["no_parent"]?.integer == 1)

                // A bag by hand; what passes before the camera sees again is not known for that.
                #expect(try await scanner.scan("SB00009") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(3)) == TestScanner.stored)
                try table.show(nil)
                try await eventually("it is back, and in doubt") { try await Self.isInDoubt(bench) }
                #expect(try await scanner.scan(childLabel(4)) == TestScanner.refused)
                try await Self.show(Codes.second, "SB00002", table, bench)
                #expect(try await scanner.scan(childLabel(5)) == TestScanner.stored)
                #expect(
                    try await Self.children(bench) == [
                        "1000001 in SB00001", "1000003 in SB00009", "1000005 in SB00002",
                    ])
            }
        }
    }

    @Test func `a camera whose frames cannot be looked at for seconds is one that may have missed a bag`() async throws
    {
        try await withBench { bench in
            try bench.configure()
            let scanner = try TestScanner()
            try await bench.withCamera { table in
                try await bench.add(scanner, lane: "belt-1")
                try await Self.show(Codes.first, "SB00001", table, bench)
                try Files.replace(table.path, with: [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3])
                try await eventually("it is noticed") { try await Self.isInDoubt(bench) }
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.refused)
                let reason = try await Self.lane(bench)["doubt"]?["reason"]?.string ?? ""
                #expect(reason.hasPrefix("belt-1: no frame could be looked at for "), "\(reason)")
                #expect(try await scanner.scan("SB00009") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.stored)
                try table.show(nil)
                try await eventually("it sees, and knows that it did not") { try await Self.isInDoubt(bench) }
                #expect(try await Self.children(bench) == ["1000002 in SB00009"])
            }
        }
    }

    @Test func `after a restart no child goes into the bag of before, until it is scanned or named`() async throws {
        try await withBench { bench in
            try bench.configure()
            let scanner = try TestScanner()
            let other = try TestScanner("scanner-2")
            try await bench.withCamera { table in
                try await bench.add(scanner, lane: "belt-1")
                try await bench.add(other, lane: "table-2")
                try await Self.show(Codes.first, "SB00001", table, bench)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                #expect(try await other.scan("SB00007") == TestScanner.stored)
            }
            try await bench.withCamera(isNew: false) { table in
                try await bench.waitUntilRead(scanner.name)
                try await bench.waitUntilRead(other.name)
                #expect(try await Self.isInDoubt(bench))
                #expect(try await scanner.scan(childLabel(2)) == TestScanner.refused)
                // Nobody but its worker scans there.
                #expect(try await other.scan(childLabel(3)) == TestScanner.stored)
                // The bag that it had goes on, with its children.
                try await Self.show(Codes.first, "SB00001", table, bench)
                #expect(try await Self.lane(bench)["children"]?.integer == 1)
                #expect(try await scanner.scan(childLabel(4)) == TestScanner.stored)
            }
            try await bench.withCamera(isNew: false) { _ in
                try await bench.waitUntilRead(scanner.name)
                #expect(try await Self.isInDoubt(bench))
                try await bench.ask("lane set-parent", [("name", .string("belt-1")), ("parent", .string("SB00001"))])
                #expect(try await Self.lane(bench)["doubt"] == .null)
                #expect(try await scanner.scan(childLabel(5)) == TestScanner.stored)
            }
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `a bag that a full disk refused and that went with its camera gets no child into the bag before it`()
        async throws
    {
        try await withSmallDisk { bench, disk in
            try bench.configure(spool: "min_free = \"1 MiB\"")
            let scanner = try TestScanner()
            try await bench.withCamera { table in
                try await bench.add(scanner, lane: "belt-1")
                try await Self.show(Codes.first, "SB00001", table, bench)
                try disk.fill()
                try table.show(Codes.second)
                try await eventually("it is refused") {
                    let device = try await bench.ask("device show", [("name", .string("belt-1"))])["device"]
                    return device?["refused_by_reason"]?["spool_full"]?.integer ?? 0 >= 1
                }
                // Seen, and not stored: from here on the bag is not the one before.
                #expect(try await Self.isInDoubt(bench))
                unlink(table.path)
                try await eventually("it is lost") {
                    let device = try await bench.ask("device show", [("name", .string("belt-1"))])["device"]
                    return device?["dropped_by_reason"]?["unstored"]?.integer == 1
                }
                disk.free()
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.refused)
                #expect(try await scanner.scan("SB00002") == TestScanner.stored)
                #expect(try await scanner.scan(childLabel(1)) == TestScanner.stored)
                #expect(try await Self.children(bench) == ["1000001 in SB00002"])
            }
        }
    }
}
