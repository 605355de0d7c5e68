import Model
import Simulator
import TestSupport
import Testing
import Wire

@testable import Uplinks

/// The one request that goes out while a site's breaker is open.
@Suite(.timeLimit(.minutes(2))) struct WebProbeTests {
    @Test func `a probe's turn that falls to a bag which has to wait goes to another`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory)
            defer { bench.simulator.stop() }
            // The first bag's child runs out of time at 0, 15, 30, 45 and 60 s, which opens the breaker until 90 s, and
            // may be acted on until 120 s. The second bag, which was to wait for that until 60 s, comes first then.
            try bench.simulator.addFault(
                Fault(.status, path: "/process_child_scan_fast", count: 5, status: 504, retryAfter: "15"))
            for table in 1...2 { bench.log.add(bag(table, 1, children: 2), to: lane("table-\(table)")) }
            try await bench.run { await bench.log.waitForSettled(6) }
            #expect(bench.relay.states.contains(.open))
            try expectAllLinked(bench, children: 4)
        }
    }
}
