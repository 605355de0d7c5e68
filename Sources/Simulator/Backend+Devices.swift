internal import Crypto
internal import Database
internal import Gzip
internal import HTTPServer
internal import JSON
internal import Model
internal import Wire

/// Contract `tracetrack-devices`: the request around a batch.
extension Backend {
    /// The media type of a batch, without its version.
    static let batchType = "application/vnd.scan-batch+json"
    /// How far the time of a request's signature may be off.
    private static let signatureWindowSeconds: Int64 = 300

    /// A request that is refused as a whole.
    private struct Refusal: Error {
        let status: Int
        let message: String
        init(_ status: Int, _ message: String) {
            self.status = status
            self.message = message
        }
    }

    func answerDevices(_ request: ServerRequest, fault: Fault?) throws -> ServerResponse {
        do {
            return .json(200, try reply(to: request, fault: fault))
        } catch let refusal as Refusal {
            store.count("refused_\(refusal.status)")
            return .json(refusal.status, json { $0.member("error", refusal.message) })
        }
    }

    private func reply(to request: ServerRequest, fault: Fault?) throws -> [UInt8] {
        guard request.path == "/api/fast_parent_scan" else { throw Refusal(404, "no such path") }
        guard request.method == "POST" else { throw Refusal(405, "only POST is taken") }
        guard request.mediaType == Self.batchType, hasVersion1(request) else {
            throw Refusal(415, "Content-Type must be \(Batch.contentType)")
        }
        let digest = request.header("content-digest")
        if let digest, !ContentDigest.isValid(digest, for: request.body) {
            throw Refusal(400, "Content-Digest is not that of the body")
        }
        let sender = try authenticate(request)
        let key = try idempotencyKey(request)
        let sent = SHA256.digest(request.body)
        if let key, let earlier = try earlierAnswer("\(sender ?? "")\n\(key)") {
            guard earlier.digest == sent else {
                throw Refusal(422, "this Idempotency-Key was used for other bytes")
            }
            store.count("replayed")
            return earlier.reply
        }
        let batch: ReceivedBatch
        do {
            batch = try ReceivedBatch.decode(try body(request))
        } catch let error as WireError {
            throw Refusal(400, error.description)
        }
        if let key, key != batch.batchID.description {
            throw Refusal(400, "Idempotency-Key must be the batch_id in quotes")
        }
        if let sender, sender != batch.gateway { throw Refusal(403, "\(sender) may not send for another gateway") }
        let reply = BatchReply(
            batchID: batch.batchID, serverTime: Timestamp.text(store.nowMs), results: try judge(batch, fault: fault)
        ).encode()
        // What a fault made up is not what a retry is to be told.
        if let key, fault?.kind != .deferred, fault?.kind != .unknownStatus, fault?.kind != .missing,
            fault?.kind != .twice
        {
            try store.forgetOld("answer")
            try store.connection.run(
                "INSERT OR REPLACE INTO answer(key, digest, reply, at_ms) VALUES(?, ?, ?, ?)",
                .text("\(sender ?? "")\n\(key)"),
                .blob(sent), .blob(reply), .integer(store.nowMs))
        }
        return reply
    }

    private func hasVersion1(_ request: ServerRequest) -> Bool {
        let parameters = (request.header("content-type") ?? "").split(separator: ";").dropFirst()
        return parameters.contains { $0.filter { $0 != " " && $0 != "\"" }.lowercased() == "v=1" }
    }

    private func body(_ request: ServerRequest) throws -> [UInt8] {
        switch request.header("content-encoding")?.lowercased() {
        case nil, "identity":
            guard request.body.count <= settings.maxBatchBytes else { throw Refusal(413, "the batch is too large") }
            return request.body
        case "gzip":
            do { return try Gzip.decompress(request.body, limit: settings.maxBatchBytes) } catch {
                throw error == .damaged
                    ? Refusal(400, "the body is no gzip") : Refusal(413, "the batch is too large")
            }
        default: throw Refusal(415, "Content-Encoding must be gzip or absent")
        }
    }

    private func idempotencyKey(_ request: ServerRequest) throws -> String? {
        guard let header = request.header("idempotency-key") else { return nil }
        guard header.count > 2, header.first == "\"", header.last == "\"" else {
            throw Refusal(400, "Idempotency-Key must be a string in quotes")
        }
        return String(header.dropFirst().dropLast())
    }

    private func earlierAnswer(_ key: String) throws -> (digest: [UInt8], reply: [UInt8])? {
        try store.connection.first(
            "SELECT digest, reply FROM answer WHERE key = ? AND at_ms >= ?", .text(key),
            .integer(store.nowMs - Store.keptMs)
        ) {
            ($0.blob(0), $0.blob(1))
        }
    }

    /// The gateway that sends, or nil where nobody is asked.
    private func authenticate(_ request: ServerRequest) throws -> String? {
        switch settings.authentication {
        case .none: return nil
        case .bearer:
            let words = (request.header("authorization") ?? "").split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer",
                let gateway = try store.connection.first(
                    "SELECT gateway FROM bearer WHERE token = ?", .text(String(words[1])), row: { $0.text(0) })
            else { throw Refusal(401, "the bearer token is missing or unknown") }
            return gateway
        case .signature: return try verifySignature(request)
        }
    }

    private func verifySignature(_ request: ServerRequest) throws -> String {
        guard let input = request.header("signature-input"), let signature = request.header("signature") else {
            throw Refusal(401, "the request is not signed")
        }
        var required = ["@method", "@path", "@authority", "content-digest", "content-type"]
        required += ["content-encoding", "idempotency-key"].filter { request.header($0) != nil }
        let keys = try store.connection.rows("SELECT keyid, gateway, key FROM gateway_key") {
            (id: $0.text(0), gateway: $0.text(1), key: $0.blob(2))
        }
        let verified = RequestSignature.verify(
            input: input, signature: signature, required: required,
            key: { id in keys.first { $0.id == id }.map { HMACKey($0.key) } },
            value: { component in
                switch component {
                case "@method": request.method
                case "@path": request.path
                case "@authority": request.header("host")?.lowercased()
                default: request.header(component)
                }
            })
        guard let verified, let gateway = keys.first(where: { $0.id == verified.keyID })?.gateway else {
            throw Refusal(401, "the request's signature is wrong, or its key is unknown")
        }
        guard abs(store.nowMs / 1000 - verified.created) <= Self.signatureWindowSeconds else {
            throw Refusal(401, "the request was signed more than 5 minutes from now")
        }
        return gateway
    }
}
