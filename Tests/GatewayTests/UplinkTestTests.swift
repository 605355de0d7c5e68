import JSON
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4)))
struct UplinkTestTests {
    /// The steps of the only url as `name outcome`, and the texts of those that failed.
    private func test(_ bench: GatewayBench) async throws -> (isOK: Bool, steps: [String], faults: [String]) {
        let result = try await bench.ask("uplink test", [("uplink", .string("tracetrack"))])
        let steps = result["urls"]?.array?.first?["steps"]?.array ?? []
        return (
            result["ok"]?.bool ?? false,
            steps.map { "\($0["name"]?.string ?? "") \($0["outcome"]?.string ?? "")" },
            steps.filter { $0["outcome"]?.string == "failed" }.map { $0["text"]?.string ?? "" }
        )
    }

    @Test func `signed batches: each step passes, and nothing is delivered`() async throws {
        try await withGateway(.devices) { bench, _ in
            let result = try await test(bench)
            #expect(result.isOK)
            #expect(result.steps == ["address ok", "connection ok", "clock ok", "credentials ok"])
            #expect(try bench.simulator?.scans().isEmpty == true)
        }
    }

    @Test func `a wrong token is named as what to mend`() async throws {
        try await withBench(.devices) { bench in
            try TestSupport.write(Array("wrong\n".utf8), to: bench.directory + "/token")
            try await bench.running(try bench.configure()) { _ in
                let result = try await test(bench)
                #expect(!result.isOK && result.steps.last == "credentials failed")
                #expect(result.faults.first?.contains("check the uplink's auth") == true)
            }
        }
    }

    @Test func `the web contract: a login in a session of its own, and the wrong password is named`() async throws {
        try await withGateway(.web) { bench, _ in
            let result = try await test(bench)
            #expect(result.isOK && result.steps.last == "login ok")
            #expect(try bench.simulator?.count("logins") == 1)
        }
        try await withBench(.web) { bench in
            try TestSupport.write(Array("wrong\n".utf8), to: bench.directory + "/password")
            try await bench.running(try bench.configure()) { _ in
                let result = try await test(bench)
                #expect(!result.isOK && result.steps.last == "login failed")
                #expect(result.faults.first?.contains("password file") == true)
            }
        }
    }

    @Test func `a backend that is down fails at the connection, and the rest is skipped`() async throws {
        try await withGateway(.devices) { bench, _ in
            bench.simulator?.stop()
            let result = try await test(bench)
            #expect(
                result.steps == ["address ok", "connection failed", "clock skipped", "credentials skipped"])
            #expect(result.faults.first?.contains("check that the backend runs") == true)
        }
    }
}
