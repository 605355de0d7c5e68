import Glibc
import JSON
import TestSupport
import Testing

/// What people do to a state directory: start a second daemon on it, put an older copy of it back.
@Suite(.timeLimit(.minutes(4))) struct StateDirectoryTests {
    @Test func `a second daemon on a state directory says who has it, and ends with 1`() async throws {
        try await offPool {
            try withTemporaryDirectory { directory in
                let dock = try Dock(Dock.Setup(directory, "tracetrack-devices"))
                try dock.start()
                try dock.wait("the daemon to answer") { try dock.status() != nil }
                let second = try ChildProcess(
                    "scangate", ["run", "--config", directory + "/scangate.toml"], output: directory + "/second.log")
                #expect(second.wait() == 1)
                let said = String(decoding: try read(directory + "/second.log"), as: UTF8.self)
                #expect(said.contains("state/lock is locked by process \(dock.daemonProcess)"))
                // The first one works on.
                #expect(try dock.status() != nil)
                #expect(dock.stopDaemon() == 0)
            }
        }
    }

    @Test func `after an older copy of the state was put back, no number means two scans to the backend`() async throws
    {
        try await offPool {
            try withTemporaryDirectory { directory in
                let dock = try Dock(Dock.Setup(directory, "tracetrack-devices"))
                try dock.start()
                try dock.scan(first: 1000)
                #expect(dock.stopDaemon() == 0)
                try dock.copyState(to: "copy")
                try dock.start(.daemon)
                try dock.scan(first: 2000)
                #expect(dock.stopDaemon() == 0)
                try dock.restoreState(from: "copy")
                try dock.start(.daemon)
                try dock.scan(first: 3000)
                #expect(try dock.status()?["uplinks"]?.array?.first?["rejected"]?.integer == 0)
                #expect(try dock.backendJSON("/sim/state")["rejected"]?.integer == 0)
                // A busy machine may have the worker scan a label again.
                #expect(Set(try dock.backendScans().map { $0["label"]?.string ?? "" }).count == 36)
                #expect(dock.stopDaemon() == 0)
            }
        }
    }
}

extension Dock {
    /// Two bags with five children each at the first table; returns when all is judged.
    fileprivate func scan(first: Int) throws {
        let worker = try ChildProcess(
            "scangate",
            [
                "simulate", "--port", "\(setup.directory)/scanner-1", "--bags", "2", "--children", "5", "--rate", "100",
                "--first", String(first),
            ], output: setup.directory + "/worker.log")
        guard worker.wait() == 0 else { throw SetupError("the worker failed") }
        try waitUntilEverythingIsJudged()
    }

    fileprivate func copyState(to name: String) throws {
        try Self.copy(from: setup.directory + "/state", to: setup.directory + "/" + name)
    }

    fileprivate func restoreState(from name: String) throws {
        removeTree(setup.directory + "/state")
        try Self.copy(from: setup.directory + "/" + name, to: setup.directory + "/state")
    }

    private static func copy(from: String, to: String) throws {
        let program = try ChildProcess("/bin/cp", ["-a", from, to], output: "/dev/null")
        guard program.wait() == 0 else { throw SetupError("cp -a \(from) \(to)") }
    }
}
