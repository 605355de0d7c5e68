import Glibc
import JSON
import Posix
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct ControlPeerTests {
    @Test func `a peer that reads no more is hung up on, and not written to for ever`() async throws {
        try await withGateway { bench, _ in
            let socket = try UnixSocket.connect(bench.socket)
            shutdown(socket.raw, Int32(SHUT_RD))
            try socket.write(ControlRequest("status").encode(), subject: "peer")
            let raw = socket.raw
            try await eventually("the daemon to hang up") {
                var peer = pollfd(fd: raw, events: 0, revents: 0)
                return poll(&peer, 1, 0) > 0 && peer.revents & Int16(POLLHUP) != 0
            }
            #expect(try await bench.ask("status")["gateway"]?.string == "dock-7")
            _ = consume socket
        }
    }
}
