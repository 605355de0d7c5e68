import HTTPClient
import Model
import Testing
import Wire

@testable import Uplinks

/// "What the gateway does with each answer", first half: from the response to the row.
struct DevicesAnswerTests {
    private static let batch = UUID(high: 1, low: 2)
    private static let nowMs: Int64 = 1_795_233_600_000

    private func classify(_ response: HTTPResponse) -> BatchAnswer {
        DevicesAnswer.classify(response, batchID: Self.batch, place: "tracetrack (h:1)", backendMs: Self.nowMs)
    }

    private func kind(_ answer: BatchAnswer) -> String { String(String(describing: answer).prefix { $0 != "(" }) }

    @Test(arguments: [200, 207, 201])
    func `a 2xx with readable results is judged`(status: Int) {
        let reply = BatchReply(
            batchID: Self.batch, serverTime: "", results: [BatchReply.Result(id: scanID(1), status: "accepted")])
        let answer = classify(HTTPResponse(status: status, body: reply.encode()))
        #expect(answer == .results(reply))
    }

    @Test func `no single flipped bit of an answer makes another verdict of one`() {
        let scans = (1...4).map { DevicesLane.Scan(n: Int64($0), id: scanID($0), wire: [1]) }
        let body = BatchReply(
            batchID: Self.batch, serverTime: "2026-11-21T04:00:00.123Z",
            results: [
                .init(id: scanID(1), status: "accepted", feedbackText: "SB00860 7/30", childCount: 7),
                .init(id: scanID(2), status: "duplicate"),
                .init(id: scanID(3), status: "rejected", code: "business_rule", text: "Parent bag is full"),
                .init(id: scanID(4), status: "rejected", code: "unknown_parent"),
            ]
        ).encode()
        var judged = 0
        for bit in 0..<body.count * 8 {
            var lane = DevicesLane()
            lane.take(scans)
            var damaged = body
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = lane.on(classify(HTTPResponse(status: 200, body: damaged)), traffic: Traffic(), nowNs: 0)
            #expect(outcome.suspect == nil)
            for one in outcome.judged {
                judged += 1
                switch (one.n, one.settlement) {
                case (1, .done), (2, .done), (3, .rejected): break
                default: Issue.record("bit \(bit) makes \(one.settlement) of scan \(one.n)")
                }
            }
        }
        // Most bits leave most results readable.
        #expect(judged > body.count * 8)
    }

    @Test func `no single flipped bit of the status 200 says anything of the scans`() {
        for place in 0..<3 {
            for bit in 0..<8 {
                var digits = Array("200".utf8)
                digits[place] ^= 1 << UInt8(bit)
                guard let status = Int(String(decoding: digits, as: UTF8.self)) else { continue }
                let answer = kind(classify(response(status, "damaged")))
                #expect(["later", "unreadable", "failure", "misconfigured"].contains(answer), "\(status)")
            }
        }
    }

    @Test(
        arguments: [
            "", "<html>", "{}", #"{"batch_id":"00000000-0000-0001-0000-000000000009","results":[]}"#,
            #"{"batch_id":"00000000-0000-0001-0000-000000000002"}"#,
        ])
    func `a 200 without results of this batch is unreadable`(body: String) {
        #expect(kind(classify(response(200, body))) == "unreadable")
    }

    @Test(
        arguments: [
            (202, "later"), (204, "unreadable"), (301, "misconfigured"), (302, "misconfigured"),
            (307, "misconfigured"), (400, "refused"), (401, "unauthorized"), (403, "forbidden"),
            (404, "misconfigured"), (405, "misconfigured"), (408, "failure"), (409, "failure"), (410, "misconfigured"),
            (413, "tooLarge"), (415, "compressionRefused"), (422, "refused"), (425, "failure"), (429, "slowDown"),
            (500, "failure"), (501, "misconfigured"), (502, "failure"), (503, "failure"), (504, "failure"),
            (599, "failure"),
        ])
    func `each status has its row`(status: Int, row: String) {
        #expect(kind(classify(response(status, "no"))) == row)
    }

    @Test(
        arguments: [
            ("5", Duration.seconds(5)), ("0", .zero), ("3600", .seconds(3600)), ("3601", .seconds(3600)),
            ("99999999999999999999", .seconds(3600)), ("Sat, 21 Nov 2026 04:00:07 GMT", .seconds(7)),
            ("Sat, 21 Nov 2026 03:00:00 GMT", .zero), ("Sat, 21 Nov 2026 09:00:00 GMT", .seconds(3600)),
            ("soon", nil), ("-5", nil), ("", nil),
        ] as [(String, Duration?)])
    func `Retry-After counts in seconds or as a date, an hour at most`(value: String, expected: Duration?) {
        guard case .failure(_, let after) = classify(response(503, "", [("Retry-After", value)])) else {
            Issue.record("503 is a failure")
            return
        }
        #expect(after == expected)
    }

    @Test func `a line says what, where and what came, escaped`() {
        guard case .refused(let text) = classify(response(400, "no \u{1B}[2J good")) else {
            Issue.record("400 is a refusal")
            return
        }
        #expect(text.hasPrefix("tracetrack (h:1) answered 400: no \\x1b[2J good"))
    }

    @Test(
        arguments: [
            (HTTPClientError.Code.unknownHost, "unreachable"), (.cannotConnect, "unreachable"), (.tls, "unreachable"),
            (.timeout, "failure"), (.broken, "failure"), (.tooLarge, "unreadable"), (.badRequest, "misconfigured"),
            (.cancelled, "cancelled"), (.closed, "cancelled"),
        ])
    func `each failure to get an answer has its row`(code: HTTPClientError.Code, row: String) {
        #expect(kind(DevicesAnswer.classify(HTTPClientError(code, "x"))) == row)
    }

    @Test(
        arguments: [
            ("accepted", "", ResultVerdict.settle(.done, duplicate: false)),
            ("duplicate", "", .settle(.done, duplicate: true)),
            ("rejected", "seq_conflict", .settle(.rejected(reason: "seq_conflict: why"), duplicate: false)),
            ("rejected", "malformed", .settle(.rejected(reason: "malformed: why"), duplicate: false)),
            ("rejected", "business_rule", .settle(.rejected(reason: "business_rule: why"), duplicate: false)),
            ("rejected", "revoked_key", .settle(.held(reason: "revoked_key: why"), duplicate: false)),
            ("rejected", "bad_signature", .identity("bad_signature: why")),
            ("rejected", "unknown_device", .identity("unknown_device: why")),
            ("rejected", "not_permitted", .identity("not_permitted: why")),
            ("rejected", "unknown_parent", .again(.unknownParent, after: .seconds(2))),
            ("deferred", "", .again(.deferred, after: .seconds(2))),
            // A relay's word for an answer of tracetrack-web that nobody understands.
            ("held", "relay", .settle(.held(reason: "relay: why"), duplicate: false)),
            ("rejected", "novel_code", .unknown("rejected novel_code: why")), ("perhaps", "", .unknown("perhaps")),
        ])
    func `each result has its verdict`(status: String, code: String, expected: ResultVerdict) {
        let result = BatchReply.Result(
            id: scanID(1), status: status, code: code, text: code.isEmpty ? "" : "why", retryAfterMs: 2000)
        #expect(ResultVerdict(result) == expected)
    }

    @Test func `a deferral of a day is asked about after an hour`() {
        let result = BatchReply.Result(id: scanID(1), status: "deferred", retryAfterMs: 86_400_000)
        #expect(ResultVerdict(result) == .again(.deferred, after: .seconds(3600)))
    }
}
