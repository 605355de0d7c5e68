import Glibc
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4))) struct SimulateTests {
    @Test func `an answer that comes late is not taken for the next label's`() async throws {
        try await offPool {
            try withTemporaryDirectory { directory in
                let (port, record) = (directory + "/scanner", directory + "/record")
                let worker = try ChildProcess(
                    "scangate",
                    ["simulate", "--port", port, "--bags", "1", "--children", "1", "--rate", "10", "--record", record],
                    output: directory + "/worker.log")
                defer { worker.end(SIGKILL) }
                let terminal = try Self.open(port)
                defer { close(terminal) }
                #expect(try Self.line(terminal) == "SB00001")
                // Not answered within two seconds: scanned again. Then both scans are answered.
                #expect(try Self.line(terminal) == "SB00001")
                Self.answer(terminal)
                pause(milliseconds: 30)
                Self.answer(terminal)
                #expect(try Self.line(terminal).hasPrefix("LABEL NO. "))
                pause(milliseconds: 500)
                worker.end(SIGKILL)
                #expect(String(decoding: try read(record), as: UTF8.self) == "SB00001\tSB00001\n")
            }
        }
    }

    private static func open(_ path: String) throws -> Int32 {
        for _ in 0..<500 {
            let terminal = Glibc.open(path, O_RDWR | O_NOCTTY)
            if terminal >= 0 { return terminal }
            pause(milliseconds: 10)
        }
        throw SetupError("open \(path)")
    }

    private static func answer(_ terminal: Int32) {
        var byte: UInt8 = 0x06
        #expect(write(terminal, &byte, 1) == 1)
    }

    private static func line(_ terminal: Int32) throws -> String {
        var text: [UInt8] = []
        while text.last != 13 {
            var ready = pollfd(fd: terminal, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, 10_000) > 0 else { throw SetupError("no scan came") }
            var byte: UInt8 = 0
            guard Glibc.read(terminal, &byte, 1) == 1 else { throw SetupError("read a scan") }
            text.append(byte)
        }
        return String(decoding: text.dropLast(), as: UTF8.self)
    }
}
