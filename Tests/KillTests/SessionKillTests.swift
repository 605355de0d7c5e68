import JSON
import TestSupport
import Testing

/// Kills in a row must not eat the backend's login budget: 20 requests an hour, after which nobody behind the address
/// can log in.
@Suite(.timeLimit(.minutes(3))) struct SessionKillTests {
    @Test func `a daemon that is killed again and again logs in once`() async throws {
        let logins = try await offPool {
            try withTemporaryDirectory { directory -> Int64 in
                let dock = try Dock(Dock.Setup(directory, "tracetrack-web"))
                try dock.start()
                try dock.startWorkers()
                try dock.waitUntilAccepted()
                for _ in 0..<12 {
                    let before = try dock.backendScans().count
                    try dock.kill(.daemon)
                    try dock.wait("scans to be accepted after a kill") { try dock.backendScans().count > before }
                }
                dock.stopWorkers()
                try dock.waitUntilEverythingIsJudged()
                _ = dock.stopDaemon()
                return try dock.backendJSON("/sim/state")["logins"]?.integer ?? -1
            }
        }
        #expect(logins == 1)
    }
}
