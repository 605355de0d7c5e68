import JSON
import TestSupport
import Testing

/// Kills in a row must not eat the backend's login budget: 20 requests an hour, after which nobody behind the address
/// can log in.
@Suite(.timeLimit(.minutes(3))) struct SessionKillTests {
    @Test func `a daemon that is killed again and again logs in once`() async throws {
        let (logins, scans) = try await offPool {
            try withTemporaryDirectory { directory -> (Int64, Int) in
                let dock = try Dock(Dock.Setup(directory, "tracetrack-web"))
                try dock.start()
                try dock.startWorkers()
                try dock.waitUntilAccepted()
                for _ in 0..<12 {
                    try dock.kill(.daemon)
                    pause(milliseconds: 300)
                }
                dock.stopWorkers()
                try dock.waitUntilEverythingIsJudged()
                _ = dock.stopDaemon()
                let logins = try dock.backendJSON("/sim/state")["logins"]?.integer ?? -1
                return (logins, try dock.backendScans().count)
            }
        }
        #expect(logins == 1)
        #expect(scans > 12)
    }
}
