import JSON
import TestSupport
import Testing

/// Kills in a row must not eat the backend's login budget: 20 requests an hour, after which nobody behind the address
/// can log in.
@Suite(.timeLimit(.minutes(3))) struct SessionKillTests {
    @Test func `a daemon that is killed again and again logs in once`() async throws {
        let (logins, scans) = try await offPool {
            try withTemporaryDirectory { directory -> (Int64, Int) in
                let bench = try KillBench(directory: directory, contract: "tracetrack-web")
                try bench.startBackend()
                try bench.provision()
                try bench.startDaemon()
                try bench.startWorkers()
                try bench.waitUntilAccepted()
                for _ in 0..<12 {
                    try bench.kill(daemon: true, backend: false)
                    pause(milliseconds: 300)
                }
                bench.stopWorkers()
                try bench.waitUntilEverythingIsJudged()
                _ = bench.stopDaemon()
                let logins = try bench.backendJSON("/sim/state")["logins"]?.integer ?? -1
                return (logins, try bench.backendScans().count)
            }
        }
        #expect(logins == 1)
        #expect(scans > 12)
    }
}
