import Model
import Simulator
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// Answers that are none of tracetrack-web's: a portal's page, a proxy's, an empty one.
@Suite(.timeLimit(.minutes(2))) struct WebForeignAnswerTests {
    @Test(arguments: [
        Fault(.garbage), Fault(.html), Fault(.redirect), Fault(.status, status: 404), Fault(.status, status: 200),
    ])
    func `a scan is asked about again, and nothing behind it overtakes it`(fault: Fault) async throws {
        try await withTemporaryDirectory { directory in
            for path in ["/process_child_scan_fast", "/api/fast_parent_scan"] {
                let bench = try WebBench(directory)
                defer { bench.simulator.stop() }
                var fault = fault
                (fault.path, fault.count) = (path, 3)
                try bench.simulator.addFault(fault)
                bench.log.add(bag(1, 1, children: 3), to: lane("table-1"))
                try await bench.run { await bench.log.waitForSettled(4) }
                #expect(bench.log.order == [10_100, 10_101, 10_102, 10_103])
                try expectAllLinked(bench, children: 3)
            }
        }
    }

    @Test func `a portal that stands there for three hours has no scan held, and all go out when it is gone`()
        async throws
    {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            for table in 1...4 { bench.log.add(bag(table, 1, children: 1), to: lane("table-\(table)")) }
            try await bench.run {
                await bench.log.waitForSettled(8)
                bench.clock.setAutomatic(false)
                let portal = try bench.simulator.addFault(Fault(.status, status: 200))
                for table in 1...4 {
                    let scans = bag(table, 2, children: 2)
                    bench.log.add(scans, to: lane("table-\(table)"))
                }
                bench.delivery.scansArrived(in: (1...4).map { lane("table-\($0)") })
                let start = bench.clock.now.uptimeNs
                while bench.clock.now.uptimeNs - start < Duration.seconds(3 * 3600).nanoseconds {
                    _ = await bench.clock.advanceToNextSleeper()
                }
                #expect(bench.log.settled.count == 8 && bench.relay.states.contains(.open))
                #expect(!bench.relay.states.contains(.loginFailed))
                #expect(await bench.delivery.status().lastError?.contains("login page") == true)
                bench.simulator.clearFaults(portal)
                // The last of it, where the backend's pages are there already.
                try bench.simulator.addFault(
                    Fault(.status, path: "/process_child_scan_fast", count: 4, status: 404))
                try bench.simulator.addFault(Fault(.status, path: "/api/fast_parent_scan", count: 4, status: 404))
                bench.clock.setAutomatic(true)
                // Who sleeps already sleeps on.
                bench.clock.advance(by: .seconds(600))
                await bench.log.waitForSettled(20)
            }
            try expectAllLinked(bench, children: 12)
        }
    }

    @Test func `a portal in the place of the login page gets no password, and is no refusal`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.status, path: "/login", count: 5, status: 200))
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            try await bench.run { await bench.log.waitForSettled(2) }
            #expect(!bench.relay.states.contains(.loginFailed))
            #expect(try bench.simulator.count("login_failures") == 0 && bench.simulator.count("logins") == 1)
            try expectAllLinked(bench, children: 1)
        }
    }

    @Test func `a scan that alone gets such answers is held with the reply`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.status, path: "/process_child_scan_fast", status: 403))
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(1)
                var others = 0
                while bench.log.settled[10_101] == nil {
                    // One bag of another table's between two of its answers.
                    let before = await bench.delivery.status().retries
                    others += 1
                    bench.log.add([parentScan(others, "SB\(20_000 + others)", lane: "table-2")], to: lane("table-2"))
                    bench.delivery.scansArrived(in: [lane("table-2")])
                    await bench.log.waitForSettled(1 + others)
                    await bench.wait { $0.retries > before || bench.log.settled[10_101] != nil }
                }
                #expect(8...60 ~= others)
            }
            guard case .held(let reason) = bench.log.settled[10_101] else {
                Issue.record("\(String(describing: bench.log.settled[10_101]))")
                return
            }
            #expect(reason.hasPrefix("failed again and again while other scans passed: unknown answer 403"))
        }
    }

    @Test func `where there is no other scan to pass, it is held after an hour of such answers`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.status, path: "/process_child_scan_fast", status: 403))
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            let start = bench.clock.now.uptimeNs
            try await bench.run { await bench.log.waitForSettled(2) }
            guard case .held(let reason) = bench.log.settled[10_101] else {
                Issue.record("\(String(describing: bench.log.settled[10_101]))")
                return
            }
            #expect(reason.contains("times in ") && reason.contains("unknown answer 403"))
            #expect(bench.relay.states.contains(.misconfigured))
            #expect(bench.clock.now.uptimeNs - start >= Duration.seconds(3600).nanoseconds)
        }
    }
}
