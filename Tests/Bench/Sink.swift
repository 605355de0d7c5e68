internal import CBareLoop
internal import HTTPServer
internal import Synchronization

/// A backend of tracetrack-devices that accepts everything and stores nothing: what is measured is the gateway.
///
/// On one thread of this process; answers are held back by `delay`, as a long way would.
final class Sink: Sendable {
    private struct State {
        var scans = 0
        var firstMs: Double = 0
        var lastMs: Double = 0
    }

    private let state = Mutex(State())
    private let server = Mutex<WebServer?>(nil)

    init(delay: Duration = .zero) throws {
        let made = try WebServer(WebServerSettings()) { [weak self] request, responder in
            var response = self?.answer(request) ?? ServerResponse(status: 503)
            response.delay = delay
            responder.respond(response)
        }
        server.withLock { $0 = made }
    }

    var url: String { server.withLock { $0?.url ?? "" } }
    var scans: Int { state.withLock { $0.scans } }
    /// Scans a second from the first answer to the last.
    var rate: Double { state.withLock { Double($0.scans) * 1000 / max(1, $0.lastMs - $0.firstMs) } }

    func stop() { server.withLock { $0 }?.stop() }

    private func answer(_ request: ServerRequest) -> ServerResponse {
        guard request.method == "POST" else { return .text(200, "ok") }
        let came = nowMs()
        var scans: Int32 = 0
        let isCompressed: Int32 = request.header("content-encoding") == "gzip" ? 1 : 0
        let reply = [UInt8](unsafeUninitializedCapacity: 1 << 17) { buffer, count in
            count = bare_sink_answer(
                request.body, request.body.count, isCompressed, buffer.baseAddress, buffer.count, &scans)
        }
        guard !reply.isEmpty else { return .text(400, "no batch") }
        state.withLock { state in
            if state.scans == 0 { state.firstMs = came }
            state.scans += Int(scans)
            state.lastMs = nowMs()
        }
        return .json(200, reply)
    }
}
