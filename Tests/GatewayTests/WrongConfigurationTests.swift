import Glibc
import JSON
import Posix
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct WrongConfigurationTests {
    /// What `status` gives by the configuration of a bench.
    private func status(_ bench: GatewayBench) async throws -> JSONValue {
        let file = bench.file
        return try await onThread { try CommandSession(configurationAt: file).ask(ControlRequest("status")) }
    }

    @Test func `a daemon that is well is asked also while the configuration on disk is wrong`() async throws {
        try await withBench { bench in
            let right = try bench.configure()
            let wrong = try read(bench.file) + Array("\nnonsense = 1\n".utf8)
            try await bench.running(right) { _ in
                try Files.replace(bench.file, with: wrong)
                #expect(try await status(bench)["gateway"]?.string == "dock-7")
                let (file, directory) = (bench.file, bench.directory)
                let program = try ChildProcess("scangate", ["status", "--config", file], output: directory + "/said")
                // No uplink is configured, and that is what the daemon says.
                let exit = try await onThread { [process = program.id] in
                    var status: Int32 = 0
                    waitpid(process, &status, 0)
                    return status >> 8 & 0xFF
                }
                let said = String(decoding: try read(directory + "/said"), as: UTF8.self)
                #expect(exit != 3 && said.hasPrefix("dock-7 "), "\(exit): \(said)")
            }
            // Nobody is there to ask: what is wrong is said, and nothing is done.
            let error = await #expect(throws: CommandError.self) { try await status(bench) }
            #expect(error?.exit == .configuration && error?.message.contains("nonsense") == true)
            let session = try CommandSession(configurationAt: bench.file)
            let offline = await #expect(throws: CommandError.self) {
                _ = try await session.perform(ControlRequest("device list"))
            }
            #expect(offline?.exit == .configuration)
        }
    }

    @Test func `a socket is named by what can be read, and another gateway's is never guessed`() throws {
        let fixture = try ConfigurationFixture()
        func socket(_ text: String) throws -> String? {
            try fixture.write("scangate.toml", text)
            return Configuration.controlSocket(at: fixture.file)
        }
        #expect(try socket("[gateway]\ncontrol_socket = \"/run/a\"\nnonsense = 1\n") == "/run/a")
        #expect(try socket("nonsense = 1\n") == "/run/scangate/control.sock")
        #expect(try socket("[gateway]\ncontrol_socket = 7\n") == "/run/scangate/control.sock")
        #expect(try socket("this is no TOML\n") == nil)
        #expect(throws: CommandError.self) { try CommandSession(configurationAt: fixture.file) }
        try Files.makeDirectory(fixture.directory + "/scangate.d", mode: 0o755)
        try fixture.write("scangate.d/10.toml", "[gateway]\ncontrol_socket = \"/run/b\"\n")
        #expect(try socket("this is no TOML\n") == "/run/b")
    }
}
