import JSON
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct MovedScansTests {
    private func lastAudit(_ bench: GatewayBench) async throws -> JSONValue? {
        try await bench.ask("audit show", [("limit", .integer(1))])["audit"]?.array?.last
    }

    @Test(arguments: ["release", "discard"])
    func `a scan that is named twice is moved once, and the audit log says what was asked`(command: String)
        async throws
    {
        try await withGateway(.devices, "[lane]\nother = \"hold\"\n") { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("?") == TestScanner.stored)
            try await eventually("the scan to be held") { try await bench.count("held") == 1 }
            let number = try #require(try await bench.scans("held").first?["number"]?.integer)
            let asked = JSONValue.array([.string("999"), .string("\(number)"), .string("\(number)")])
            let reply = try await bench.ask("scans \(command)", [("scans", asked)])
            #expect(reply["scans"]?.array?.map(\.integer) == [number])
            #expect(reply["not_changed"]?.array?.map(\.integer) == [999])
            let row = try await lastAudit(bench)
            #expect(row?["action"]?.string == "scans \(command)")
            #expect(row?["subject"]?.string == "\(number) 999")
            #expect(row?["detail"]?.string == "asked uplink=tracetrack")
        }
    }

    @Test func `what is asked is in the audit log also where the move does not come to pass`() async throws {
        try await withGateway(.devices) { bench, _ in
            let reply = try await bench.ask("scans discard", [("scans", .array([.string("7")]))])
            #expect(reply["scans"]?.array?.isEmpty == true)
            #expect(try await lastAudit(bench)?["subject"]?.string == "7")
        }
    }
}
