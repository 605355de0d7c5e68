import Glibc
import JSON
import Model
import Posix
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct ControlSocketTests {
    private final class Peer: Sendable {
        let socket: FileDescriptor
        init(_ path: String) throws { socket = try UnixSocket.connect(path) }
    }

    /// What the daemon answers to bytes; stops sending where it hangs up.
    private func exchange(_ bench: GatewayBench, _ bytes: [UInt8]) async throws -> [UInt8] {
        let path = bench.socket
        return try await onThread {
            let peer = try Peer(path)
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    send(peer.socket.raw, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
            var reply: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while case let count = receive(peer.socket.raw, &buffer), count > 0 { reply += buffer[..<count] }
            return reply
        }
    }

    @Test(
        arguments: [
            "\n", "garbage\n", "{}\n", "{\"command\":1}\n", "[]\n", "null\n", "\0\n", "{\"command\":\"status\"\n",
            "{\"command\":\"status\",\"command\":\"device list\"}\n", "GET / HTTP/1.1\r\n\r\n",
            "{\"command\":\"\u{1B}[2J\"}\n", "{\"command\":\"device add\",\"arguments\":{\"name\":\"../x\"}}\n",
            "{\"command\":\"device add\",\"arguments\":[1]}\n",
            "{\"command\":\"scans export\",\"arguments\":{\"state\":\"x\",\"limit\":-1,\"after\":1e3}}\n",
            "{\"command\":\"scans discard\",\"arguments\":{\"scans\":[\"1; DROP\"]}}\n",
        ])
    func `whatever is asked, the answer is an error in one line of JSON`(request: String) async throws {
        try await withGateway { bench, _ in
            let reply = try await exchange(bench, Array(request.utf8))
            #expect(reply.last == 10 && !reply.dropLast().contains { $0 < 32 })
            let error = try JSONValue.parse(reply)["error"]
            #expect(error?["message"]?.string?.isEmpty == false && error?["exit"]?.integer != nil)
        }
    }

    @Test func `a request of more than 64 KiB ends the connection, one of almost 64 KiB is read`() async throws {
        try await withGateway { bench, _ in
            let filler = String(repeating: "x", count: 65_536)
            let tooLong = try await exchange(bench, Array("{\"command\":\"\(filler)\"}\n".utf8))
            #expect(tooLong.isEmpty)
            let long = Array("{\"command\":\"status\",\"x\":\"\(filler.prefix(65_000))\"}\n".utf8)
            #expect(try JSONValue.parse(try await exchange(bench, long))["result"] != nil)
            #expect(try await bench.ask("status")["gateway"]?.string == "dock-7")
        }
    }

    @Test func `peers that vanish, early, late or while they watch, leave nothing behind`() async throws {
        try await withGateway { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            for _ in 0..<40 {
                _ = try Peer(bench.socket)
                // Those beyond the bound of connections are closed: their writing fails.
                for request in [
                    Array("{\"command\":".utf8), ControlRequest("scans export").encode(),
                    ControlRequest("watch").encode(),
                ] {
                    let peer = try Peer(bench.socket)
                    try? peer.socket.write(request, subject: "peer")
                }
            }
            try await eventually("room for another connection") {
                (try? await bench.ask("status")["gateway"]?.string) == "dock-7"
            }
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            #expect(try await bench.ask("status")["gateway"]?.string == "dock-7")
        }
    }

    @Test func `forty connections at once are too many, and room comes back as they end`() async throws {
        try await withGateway { bench, _ in
            var peers: [Peer] = []
            for _ in 0..<40 { peers.append(try Peer(bench.socket)) }
            // Those beyond the bound are closed, the first ones go on.
            let descriptors = peers.suffix(8).map { $0.socket.raw }
            try await onThread {
                var buffer = [UInt8](repeating: 0, count: 16)
                for descriptor in descriptors { #expect(receive(descriptor, &buffer) <= 0) }
            }
            try peers[0].socket.write(ControlRequest("lane list").encode(), subject: "peer")
            let first = peers[0].socket.raw
            let reply = try await onThread {
                var buffer = [UInt8](repeating: 0, count: 4096)
                let count = receive(first, &buffer)
                return Array(buffer.prefix(max(count, 0)))
            }
            #expect(try JSONValue.parse(reply)["result"] != nil)
            peers.removeAll()
            try await eventually("room for another connection") {
                (try? await bench.ask("status")["gateway"]?.string) == "dock-7"
            }
        }
    }

    @Test func `a watcher that does not read costs a bound of memory, and nobody else anything`() async throws {
        try await withGateway(nil, HostileLabelTests.anything) { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            let watching = try Peer(bench.socket)
            try watching.socket.write(ControlRequest("watch").encode(), subject: "peer")
            let label = [UInt8](repeating: 0x41, count: 8000)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            for _ in 0..<250 { #expect(try await scanner.scan(label) == TestScanner.stored) }
            // Let go for not reading: what was buffered comes, then the end.
            let descriptor = watching.socket.raw
            let total = try await onThread {
                var buffer = [UInt8](repeating: 0, count: 65_536)
                var total = 0
                while case let count = receive(descriptor, &buffer), count > 0 { total += count }
                return total
            }
            #expect(total < 1_900_000)
        }
    }

    @Test func `replies that nobody reads cost a bound of memory, and no short answer`() async throws {
        try await withGateway(nil, HostileLabelTests.anything) { bench, _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            #expect(try await scanner.scan("SB10000") == TestScanner.stored)
            let label = [UInt8](repeating: 0x41, count: 8000)
            for _ in 0..<320 { #expect(try await scanner.scan(label) == TestScanner.stored) }
            let list = ControlRequest("scans export", [("limit", .integer(10_000))])
            let size = try await exchange(bench, list.encode()).count
            #expect(size > 2_500_000)
            // Thirty of them are more than the bound, and the kernel takes a part of each.
            var peers: [Peer] = []
            for _ in 0..<30 {
                let peer = try Peer(bench.socket)
                try peer.socket.write(list.encode(), subject: "peer")
                peers.append(peer)
            }
            try await eventually("a long reply to find no room") {
                let reply = try await exchange(bench, list.encode())
                return reply.count < size && String(decoding: reply, as: UTF8.self).contains("64 MiB of earlier")
            }
            #expect(try await bench.ask("status")["gateway"]?.string == "dock-7")
            // Those that wait get theirs, whole.
            let first = peers[0].socket.raw
            let whole = try await onThread {
                var buffer = [UInt8](repeating: 0, count: 1 << 18)
                var total = 0
                while case let count = receive(first, &buffer), count > 0 { total += count }
                return total
            }
            #expect(whole == size)
            peers.removeAll()
            try await eventually("room for a long reply") { try await exchange(bench, list.encode()).count == size }
        }
    }

    @Test(.enabled(if: geteuid() == 0, "another user is needed, which only root can become"))
    func `a user who is no admin is refused with what to do about it, even where the socket's mode lets him in`()
        async throws
    {
        try await withGateway { bench, _ in
            chmod(bench.directory, 0o711)
            let nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups "
            let ask = """
                perl -MIO::Socket::UNIX -e '
                    $s = IO::Socket::UNIX->new(Peer => "\(bench.socket)") or die "$!";
                    print $s "{\\"command\\":\\"status\\"}\\n"; print <$s>;' 2>&1; true
                """
            #expect(Files.status(bench.socket)?.mode == 0o660)
            #expect(try await onThread { try shell(nobody + ask) }.contains("Permission denied"))
            chmod(bench.socket, 0o666)
            let said = try await onThread { try shell(nobody + ask) }
            #expect(said.contains("may not control scangate") && said.contains("usermod -aG root"), "\(said)")
            #expect(!said.contains("result"))
        }
    }
}
