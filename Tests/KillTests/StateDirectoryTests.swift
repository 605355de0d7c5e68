import Glibc
import JSON
import TestSupport
import Testing

/// What people do to a state directory: start a second daemon on it, put an older copy of it back.
@Suite(.timeLimit(.minutes(4))) struct StateDirectoryTests {
    @Test func `a second daemon on a state directory says who has it, and ends with 1`() async throws {
        try await offPool {
            try withTemporaryDirectory { directory in
                let bench = try KillBench(directory: directory, contract: "tracetrack-devices")
                try bench.startDaemon()
                try bench.waitUntilDaemonAnswers()
                let second = try ChildProcess(
                    "scangate", ["run", "--config", directory + "/scangate.toml"], output: directory + "/second.log")
                #expect(second.wait() == 1)
                let said = String(decoding: try read(directory + "/second.log"), as: UTF8.self)
                #expect(said.contains("state/lock is locked by process \(bench.daemonID ?? 0)"))
                // The first one works on.
                #expect(try bench.status() != nil)
                #expect(bench.stopDaemon() == 0)
            }
        }
    }

    @Test func `after an older copy of the state was put back, no number means two scans to the backend`() async throws
    {
        try await offPool {
            try withTemporaryDirectory { directory in
                let bench = try KillBench(directory: directory, contract: "tracetrack-devices")
                try bench.startBackend()
                try bench.provision()
                try bench.startDaemon()
                try bench.scan(first: 1000)
                #expect(bench.stopDaemon() == 0)
                try bench.copyState(to: "copy")
                try bench.startDaemon()
                try bench.scan(first: 2000)
                #expect(bench.stopDaemon() == 0)
                try bench.restoreState(from: "copy")
                try bench.startDaemon()
                try bench.scan(first: 3000)
                #expect(try bench.status()?["uplinks"]?.array?.first?["rejected"]?.integer == 0)
                #expect(try bench.backendJSON("/sim/state")["rejected"]?.integer == 0)
                // A busy machine may have the worker scan a label again.
                #expect(Set(try bench.backendScans().map { $0["label"]?.string ?? "" }).count == 36)
                #expect(bench.stopDaemon() == 0)
            }
        }
    }
}

extension KillBench {
    /// Two bags with five children each at the first table; returns when all is judged.
    fileprivate func scan(first: Int) throws {
        let worker = try ChildProcess(
            "scangate",
            [
                "simulate", "--port", "\(directory)/scanner-1", "--bags", "2", "--children", "5", "--rate", "100",
                "--first", String(first),
            ], output: directory + "/worker.log")
        guard worker.wait() == 0 else { throw SetupError("the worker failed") }
        try waitUntilEverythingIsJudged()
    }

    fileprivate func copyState(to name: String) throws {
        try Self.copy(from: directory + "/state", to: directory + "/" + name)
    }

    fileprivate func restoreState(from name: String) throws {
        removeTree(directory + "/state")
        try Self.copy(from: directory + "/" + name, to: directory + "/state")
    }

    private static func copy(from: String, to: String) throws {
        let program = try ChildProcess("/bin/cp", ["-a", from, to], output: "/dev/null")
        guard program.wait() == 0 else { throw SetupError("cp -a \(from) \(to)") }
    }
}
