import Database
import JSON
import Model
import Posix
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct HostileLabelTests {
    static let labels: [[UInt8]] = [
        Array("\u{1B}[2J\u{1B}]0;owned\u{7}".utf8), Array("\",\"state\":\"accepted\",\"x\":\"".utf8),
        Array("=cmd|' /C calc'!A0".utf8), Array("SB\u{202E}00001".utf8), Array("a\tb\u{8}\u{7F}".utf8),
        Array("</script><script>alert(1)</script>".utf8), Array("\\u0000\\".utf8), Array("\u{85}\u{2028}\u{FEFF}".utf8),
        [0xFE, 0x80, 0xC0, 0xAF], [0xED, 0xA0, 0x80, 0x41], [0xE2, 0x82], Array("{\"result\":[".utf8),
        [UInt8](repeating: 0x22, count: 8192), Array("🤖\u{301}\u{E0001}".utf8), [0x20],
        Array("%s%n'; DROP TABLE scan--".utf8),
    ]

    static let anything = """
        [lane]
        debounce = "0 ms"
        [[label]]
        role = "parent"
        match = "^SB[0-9]{5}$"
        [[label]]
        role = "child"
        match = "(?s)."
        """

    /// The bytes of a daemon's answer as they are on the socket.
    private func raw(_ bench: GatewayBench, _ command: String, _ arguments: [(key: String, value: JSONValue)] = [])
        async throws -> [UInt8]
    {
        let (socket, request) = (bench.socket, ControlRequest(command, arguments))
        return try await onThread {
            let connection = try UnixSocket.connect(socket)
            try connection.write(request.encode(), subject: socket)
            var reply: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while let count = try connection.read(into: &buffer, subject: socket), count > 0 {
                reply += buffer[..<count]
            }
            return reply
        }
    }

    /// One line of valid JSON without a byte that could do anything to a terminal.
    private func expectHarmless(_ reply: [UInt8]) throws -> JSONValue {
        #expect(reply.last == 10 && !reply.dropLast().contains { $0 < 32 || $0 == 127 })
        return try JSONValue.parse(reply)
    }

    @Test func `labels come back as they were, in JSON that stays one line and valid`() async throws {
        try await withGateway(nil, Self.anything) { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            for label in Self.labels { #expect(try await scanner.scan(label) == TestScanner.stored, "\(label)") }
            for command in ["scans export", "scans waiting", "status", "device list", "lane list", "audit show"] {
                _ = try expectHarmless(try await raw(bench, command))
            }
            let scans = try expectHarmless(try await raw(bench, "scans export"))["result"]?["scans"]?.array ?? []
            let read = scans.dropFirst().map { entry -> [UInt8] in
                guard let scan = entry["scan"] else { return [] }
                return scan["data"]?.string.map { Array($0.utf8) }
                    ?? scan["data_b64"]?.string.flatMap { Base64URL.decode($0) } ?? []
            }
            #expect(Array(read) == Self.labels)
            for label in Self.labels {
                guard let text = String(validating: label, as: UTF8.self) else { continue }
                let found = try expectHarmless(try await raw(bench, "scans find", [("label", .string(text))]))
                #expect(found["result"]?["scans"]?.array?.count == 1, "\(Safe.text(text))")
            }
        }
    }

    @Test func `who watches gets an event a label, each a harmless line`() async throws {
        try await withGateway(nil, Self.anything) { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            let connection = try UnixSocket.connect(bench.socket)
            try connection.write(ControlRequest("watch").encode(), subject: "watch")
            let lines = AsyncStream.makeStream(of: [UInt8].self)
            let descriptor = connection.raw
            Threads.run(name: "test-watch") {
                var rest: [UInt8] = []
                var buffer = [UInt8](repeating: 0, count: 65_536)
                while case let count = receive(descriptor, &buffer), count > 0 {
                    rest += buffer[..<count]
                    while let end = rest.firstIndex(of: 10) {
                        lines.continuation.yield(Array(rest[...end]))
                        rest.removeFirst(end + 1)
                    }
                }
                lines.continuation.finish()
            }
            // The watch has begun once an event of it is seen.
            var count = 0
            var events = lines.stream.makeAsyncIterator()
            let probing = Task {
                for probe in 10_000..<10_200 where !Task.isCancelled { _ = try await scanner.scan("SB\(probe)") }
            }
            _ = await events.next()
            probing.cancel()
            _ = try? await probing.value
            #expect(try await scanner.scan("SB00001") == TestScanner.stored)
            for label in Self.labels { #expect(try await scanner.scan(label) == TestScanner.stored) }
            var hasBegun = false
            while count < Self.labels.count, let line = await events.next() {
                let event = try expectHarmless(line)["result"]
                if event?["label"]?.string == "SB00001" {
                    hasBegun = true
                } else if hasBegun {
                    #expect(event?["label"]?.string == String(decoding: Self.labels[count], as: UTF8.self))
                    count += 1
                }
            }
            #expect(count == Self.labels.count)
            hangUp(descriptor)
            for await _ in lines.stream {}
        }
    }

    @Test func `bytes in the spool that are no scan any more break no list`() async throws {
        try await withBench { bench in
            let scanner = try TestScanner()
            let configuration = try bench.configure()
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                for label in ["SB10000", childLabel(1), childLabel(2), childLabel(3)] {
                    #expect(try await scanner.scan(label) == TestScanner.stored)
                }
            }
            let spool = try Connection(path: bench.stateDirectory + "/spool.db", mode: .readWrite)
            for (n, bytes) in [(2, [0x7B, 0xFF, 10, 0x22]), (3, []), (4, Array("{\"id\":\"\u{1B}[2J\"}\n".utf8))] {
                try spool.run("UPDATE scan SET wire = ? WHERE n = ?", .blob(bytes), .integer(Int64(n)))
            }
            spool.close()
            try await bench.running(configuration) { _ in
                for command in ["scans export", "scans waiting", "status"] {
                    _ = try expectHarmless(try await raw(bench, command))
                }
                let scans = try await bench.scans("export")
                #expect(scans.compactMap { $0["number"]?.integer } == [1, 2, 3, 4])
                #expect(scans.first?["scan"]?["data"]?.string == "SB10000")
                #expect(scans[1]["scan"] == .null)
                #expect(scans[1]["damaged_b64"]?.string.flatMap { Base64URL.decode($0) } == [0x7B, 0xFF, 10, 0x22])
                #expect(try await bench.scans("find", [("label", .string("SB10000"))]).count == 1)
            }
        }
    }
}
