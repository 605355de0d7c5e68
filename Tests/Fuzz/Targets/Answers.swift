internal import Crypto
internal import JSON
internal import MQTTClient
internal import Model
internal import Wire

@testable internal import HTTPClient
@testable internal import Uplinks

/// A response as text: status, header lines, an empty line, the body.
private func response(_ choices: inout FuzzChoices, _ bytes: [UInt8]) -> HTTPResponse {
    var script = FuzzBytes(bytes)
    let status = choices.one(of: [200, 202, 207, 301, 302, 400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503])
    var headers = HTTPHeaders()
    while !script.isAtEnd, headers.list.count < 20 {
        let line = String(decoding: script.line(), as: UTF8.self)
        guard let colon = line.firstIndex(of: ":") else { break }
        headers.append(
            name: String(line[..<colon]), value: String(line[line.index(after: colon)...].drop { $0 == " " }))
    }
    return HTTPResponse(status: status, headers: headers, body: Array(script.rest))
}

private let batchID = UUID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0001)

extension FuzzTarget {
    /// An answer of tracetrack-devices, over HTTPS, and the same body as an ack over MQTT.
    static let devicesAnswer = FuzzTarget("devices-answer") { choices, bytes in
        let response = response(&choices, bytes)
        func judge() -> BatchAnswer {
            DevicesAnswer.classify(response, batchID: batchID, place: "fuzz", backendMs: 1_795_233_600_000)
        }
        let answer = judge()
        try require(judge() == answer, "one answer, two meanings")
        switch answer {
        case .results(let reply):
            try require((200..<300).contains(response.status), "results of a status \(response.status)")
            try require(reply.batchID == batchID, "results of another batch")
            let again = try BatchReply.parse(reply.encode())
            try require(again.results == reply.results, "results that are not read as they were written")
            for result in reply.results { try expectSound(ResultVerdict(result)) }
        case .later(let wait): try expectShort(wait)
        case .failure(let text, let wait), .slowDown(let text, let wait):
            try expectShort(wait)
            try require(isPrintable(text), "bytes that are no text: \(text.debugDescription)")
        case .unreadable(let text), .unreachable(let text), .unauthorized(let text), .forbidden(let text),
            .misconfigured(let text), .tooLarge(let text), .refused(let text), .compressionRefused(let text):
            try require(isPrintable(text), "bytes that are no text: \(text.debugDescription)")
        case .brokerAccepted, .cancelled: break
        }
        let ack = AckTable.Ack(payload: response.body, isCompressed: choices.flag())
        _ = MQTTAnswer.classify(ack, batchID: batchID, place: "fuzz")
        var clock = BackendClock()
        clock.learn(response.headers["Date"], at: Moment(uptimeNs: 1_000_000_000, wallMs: 0, synced: false))
        let later = Moment(uptimeNs: 3_000_000_000, wallMs: 4_102_444_800_000, synced: true)
        if clock.ahead(at: later) != nil { try require(clock.milliseconds(at: later) >= 2000, "a clock that stands") }
    }

    private static func expectSound(_ verdict: ResultVerdict) throws {
        switch verdict {
        case .again(_, let wait): try expectShort(wait)
        case .settle(.rejected(let text), _), .settle(.held(let text), _), .identity(let text), .unknown(let text):
            try require(isPrintable(text), "bytes that are no text: \(text.debugDescription)")
        case .settle: break
        }
    }

    private static func expectShort(_ wait: Duration?) throws {
        if let wait { try require((.zero ... .seconds(3600)).contains(wait), "a wait of \(wait)") }
    }

    /// An answer of tracetrack-web to the post of a bag or a child, and to the question what is in a bag.
    static let webAnswer = FuzzTarget("web-answer") { choices, bytes in
        let response = response(&choices, bytes)
        let (answerLost, label) = (choices.flag(), choices.one(of: ["0016586", "SB00042", "not", "message"]))
        let parent = WebTable.parent(response, parent: "SB00042", loginPath: "/login", backendMs: 1_795_233_600_000)
        let child = WebTable.child(
            response, label: label, parent: "SB00042", answerLost: answerLost, loginPath: "/login",
            backendMs: 1_795_233_600_000)
        let named = (try? JSONValue.parse(response.body))?["parent_qr"]?.string
        for answer in [parent, child] {
            switch answer {
            case .accepted(let text, _):
                try require(response.status == 200, "accepted by a status \(response.status)")
                // Invariant 10: the backend must have named this bag.
                try require(named.map(WebTable.normal) == "SB00042", "accepted into \(named ?? "no bag")")
                try require(isPrintable(text), "bytes that are no text: \(text.debugDescription)")
            case .duplicate(let text), .rejected(let text), .held(let text), .foreign(let text), .mismatch(let text),
                .probablyAccepted(let text):
                try require(isPrintable(text), "bytes that are no text: \(text.debugDescription)")
            case .retry(_, let wait, _), .slowDown(_, let wait): try expectShort(wait)
            case .sessionLost, .cancelled: break
            }
        }
        if case .probablyAccepted = child { try require(answerLost, "probably accepted, and no answer was lost") }
        if case .listed = WebReadBack.judge(response, label: label, parent: "SB00042", most: 30) {
            try require(response.status == 200, "listed by a status \(response.status)")
        }
        try require(WebReadBack.childrenOfFullBag(String(decoding: response.body, as: UTF8.self)) > 0, "no children")
    }

    /// A page of tracetrack-web, and the cookies that come with it: the first line's rest is a `Set-Cookie`.
    static let webPage = FuzzTarget("web-page") { choices, bytes in
        let token = WebPage.token(in: bytes)
        try require(token == WebPage.token(in: bytes), "one page, two tokens")
        if let token {
            try require((1...4096).contains(token.utf8.count), "a token of \(token.utf8.count) bytes")
            try require(token.utf8.allSatisfy { (33...126).contains($0) }, "a token that is no header's value")
        }
        let cookie = choices.rest
        if let line = CookieLines.withoutSecure(cookie, host: "tracetrack.example") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false)
            try require(fields.count == 7 && !line.utf8.contains(10), "a cookie of \(fields.count) fields")
            try require(fields[0] == "tracetrack.example" && fields[1] == "FALSE", "a cookie of another host")
            try require(fields[2].hasPrefix("/"), "a cookie of no path")
            try require(Int64(fields[4]) ?? -1 >= 0, "a cookie that ends at \(fields[4])")
        }
        _ = WebTable.path(of: cookie)
    }

    /// A message at a relay's door: topic and traceparent on the lines behind the choices, then the payload; and the
    /// same as an ack at a gateway's.
    static let relay = FuzzTarget("relay") { choices, bytes in
        var script = FuzzBytes(bytes)
        let topic = String(decoding: script.line(), as: UTF8.self)
        let trace = String(decoding: script.line(), as: UTF8.self)
        let payload = Array(script.rest)
        guard let gateway = GatewayID("dock-7"), let other = GatewayID("dock-8") else { return }
        let key = HMACKey([UInt8](0..<32))
        var keys = RelayKeys(directory: "/fuzz")
        keys.entries[gateway] = RelayKeys.Entry(file: "", ackKey: key)
        let hasCode = choices.flag()
        let direction: MessageMAC = choices.one(of: [.batch, .ack])
        let signer = choices.one(of: [gateway, other])
        let code = direction.code(gateway: signer, batchID: batchID, payload: payload, key: key)
        let properties = [
            MQTTMessage.UserProperty("mac", hasCode ? code : trace), .init("traceparent", trace),
            .init("content-encoding", choices.one(of: ["gzip", "br"])),
        ]
        let message = MQTTMessage(
            topic, payload, isRetained: choices.flag(),
            contentType: choices.one(of: [Batch.contentType, "text/plain"]),
            correlationData: choices.one(of: [Array(batchID.description.utf8), Array(trace.utf8)]),
            userProperties: properties)
        if case .taken(let batch) = RelayDoor(prefix: "scangate").judge(message, keys, at: 1) {
            try require(batch.gateway == gateway && topic == "scangate/dock-7/batch", "a batch of nobody's topic")
            try require(hasCode && direction == .batch && signer == gateway, "a batch that does not prove itself")
            try require(!message.isRetained && batch.id == batchID, "a batch that is none")
            try require(batch.traceparent.isEmpty || batch.traceparent == trace, "another trace")
            _ = DevicesForwarder.problem(with: batch)
        }
        guard let table = acks else { return }
        let before = table.refused
        table.expect(batchID)
        table.take(message, key: key, at: 1)
        table.forget(batchID)
        let isProven = hasCode && direction == .ack && signer == gateway && topic == "scangate/dock-7/ack"
        let isNamed = message.correlationData == Array(batchID.description.utf8)
        try require((table.refused == before) == (isProven && isNamed), "an ack that counts wrongly")
        var members = RelayMembers(own: "relay-1")
        _ = members.hear(topic, isKept: message.isRetained, nowNs: 1_000_000_000_000)
        try require(members.count(nowNs: 1_000_000_000_000) <= 2, "more relays than were heard of")
    }

    // One for all inputs: a forged ack is said once a minute.
    private static let acks = GatewayID("dock-7").map { AckTable("fuzz", gateway: $0, topic: "scangate/dock-7/ack") }
}
