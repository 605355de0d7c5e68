import Glibc
import JSON
import Posix
import Simulator
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct DoctorOfflineTests {
    @Test func `without a daemon the doctor makes nothing, and says what is not there`() async throws {
        try await withBench(.devices) { bench in
            let configuration = try bench.configure()
            let (directory, file) = (bench.directory, bench.file)
            let before = Set(Files.names(in: directory))
            let findings = await Doctor.examine(configuration) { _ async throws(CommandError) in
                try CommandSession(configurationAt: file).ask(ControlRequest("device list"))
            }
            #expect(findings.contains { $0.check == "state directory" && !$0.isGood })
            if geteuid() == 0 {
                let devices = findings.first { $0.check == "devices" }
                let text = "\(bench.stateDirectory)/identity.db is not there: no scanner was ever registered"
                #expect(devices?.text == text)
            }
            let exit = try await onThread {
                try ChildProcess("scangate", ["doctor", "--config", file], output: directory + "/said").wait()
            }
            #expect(exit == 5)
            #expect(Set(Files.names(in: directory)) == before.union(["said"]))
        }
    }

    @Test func `a daemon's question alone opens nothing where none runs`() async throws {
        try await withBench { bench in
            try bench.configure()
            let error = #expect(throws: CommandError.self) {
                _ = try CommandSession(configurationAt: bench.file).ask(ControlRequest("device list"))
            }
            #expect(error?.exit == .daemonNotRunning)
            #expect(Files.status(bench.stateDirectory) == nil)
        }
    }
}
