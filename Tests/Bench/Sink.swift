internal import CBareLoop
internal import Gzip
internal import HTTPServer
internal import JSON
internal import Synchronization

/// A backend of tracetrack-devices that accepts everything and stores nothing: what is measured is the gateway. Takes
/// batches of bare lines as well, as a log shipper sends them.
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
    private let isOpen = Atomic(true)
    private let onLabel: (@Sendable (String) -> Void)?

    /// - Parameters:
    ///   - isOpen: while false every batch is answered with 503.
    ///   - onLabel: hears of each label that comes, which costs far more than counting.
    init(delay: Duration = .zero, isOpen: Bool = true, onLabel: (@Sendable (String) -> Void)? = nil) throws {
        self.onLabel = onLabel
        self.isOpen.store(isOpen, ordering: .relaxed)
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

    func open() { isOpen.store(true, ordering: .relaxed) }

    func close() { isOpen.store(false, ordering: .relaxed) }

    func stop() { server.withLock { $0 }?.stop() }

    private func answer(_ request: ServerRequest) -> ServerResponse {
        guard request.method == "POST" else { return .text(200, "ok") }
        guard isOpen.load(ordering: .relaxed) else { return .text(503, "closed") }
        let came = nowMs()
        var scans: Int32 = 0
        if request.header("content-type") == "text/plain" {
            // One line a scan, the last without its end.
            let lines = request.body.split(separator: 10)
            if let onLabel { for line in lines { onLabel(Labels.data(Array(line))) } }
            count(lines.count, from: came)
            return .text(200, "ok")
        }
        let isCompressed: Int32 = request.header("content-encoding") == "gzip" ? 1 : 0
        let reply = [UInt8](unsafeUninitializedCapacity: 1 << 17) { buffer, count in
            count = bare_sink_answer(
                request.body, request.body.count, isCompressed, buffer.baseAddress, buffer.count, &scans)
        }
        guard !reply.isEmpty else { return .text(400, "no batch") }
        if let onLabel { Self.labels(request.body, isCompressed == 1).forEach(onLabel) }
        count(Int(scans), from: came)
        return .json(200, reply)
    }

    private func count(_ scans: Int, from came: Double) {
        state.withLock { state in
            if state.scans == 0 { state.firstMs = came }
            state.scans += scans
            state.lastMs = nowMs()
        }
    }

    /// The labels of a batch of tracetrack-devices.
    static func labels(_ body: [UInt8], _ isCompressed: Bool) -> [String] {
        let plain = isCompressed ? try? Gzip.decompress(body, limit: 1 << 20) : body
        let batch = plain.flatMap { try? JSONValue.parse($0) }
        return (batch?["scans"]?.array ?? []).compactMap { $0["data"]?.string }
    }
}
