import HTTPClient
import Model
import Testing

@testable import Uplinks

/// The answer tables of tracetrack-web, row by row.
struct WebTableTests {
    private func parent(_ response: HTTPResponse) -> WebAnswer {
        WebTable.parent(response, parent: "SB00860", loginPath: "/login", backendMs: 0)
    }

    private func child(_ response: HTTPResponse, lost: Bool = false) -> WebAnswer {
        WebTable.child(
            response, label: "0016586", parent: "SB00860", answerLost: lost, loginPath: "/login", backendMs: 0)
    }

    private func kind(_ answer: WebAnswer) -> String { String(String(describing: answer).prefix { $0 != "(" }) }

    // MARK: Parents

    @Test(
        arguments: [
            (200, #"{"success":true,"message":"ok","parent_qr":"SB00860","redirect":"/x","time_ms":3}"#, "accepted"),
            (200, #"{"success":true,"message":"ok","parent_qr":" sb00860 "}"#, "accepted"),
            (200, #"{"success":true,"message":"ok","parent_qr":"SB00861"}"#, "mismatch"),
            (200, #"{"success":true,"message":"ok"}"#, "held"),
            (400, #"{"success":false,"message":"Invalid","show_popup":true}"#, "rejected"),
            (400, #"{"success":false,"message":"SB00860 is a child bag, not a parent bag"}"#, "rejected"),
            (400, #"{"success":false,"message":"No QR code provided"}"#, "rejected"),
            (
                400,
                #"{"success":false,"message":"Security token expired. Reload","error_code":"csrf","request_id":"1"}"#,
                "sessionLost"
            ),
            (400, #"{"success":false,"message":"Error: no QR code provided"}"#, "rejected"),
            (400, #"{"success":false,"message":"Your security token expired"}"#, "sessionLost"),
            (400, "<html><p>The CSRF token is missing.</p></html>", "sessionLost"),
            (401, #"{"success":false,"auth_required":true}"#, "sessionLost"), (401, "", "sessionLost"),
            (429, "<html>Too Many Requests</html>", "slowDown"), (500, "<html>oops</html>", "slowDown"),
            (500, #"{"success":false,"message":"Scan failed - please try again"}"#, "retry"),
            (502, "<html>bad gateway</html>", "retry"), (503, "<html/>", "retry"), (503, "{}", "retry"),
            (504, "", "retry"), (200, "<html>login</html>", "foreign"), (200, "", "foreign"), (200, "true", "foreign"),
            (200, #"{"message":"ok","parent_qr":"SB00860"}"#, "foreign"),
            (200, #"{"success":"true","parent_qr":"SB00860"}"#, "foreign"),
            (200, #"{"success":false,"message":"novel"}"#, "held"),
            (400, #"{"success":false,"message":"novel"}"#, "held"), (400, "<html>Bad Request</html>", "foreign"),
            (404, "", "foreign"), (405, "", "foreign"), (418, "", "foreign"), (204, "", "foreign"),
        ])
    func `a parent's answer has its class`(status: Int, body: String, expected: String) {
        #expect(kind(parent(response(status, body))) == expected)
    }

    @Test(
        arguments: [
            ("/login", "sessionLost"), ("/login?next=%2Fapi", "sessionLost"), ("https://h/login?x", "sessionLost"),
            ("/dashboard", "foreign"), ("https://h/", "foreign"), ("/login2", "foreign"),
        ])
    func `a redirect to the login is a lost session, any other is not understood`(location: String, expected: String) {
        #expect(kind(parent(response(302, "", [("Location", location)]))) == expected)
        #expect(kind(child(response(302, "", [("Location", location)]))) == expected)
    }

    // MARK: Children

    @Test(
        arguments: [
            (
                #"{"success":true,"message":"✓ 0016586 linked! (7/30)","child_qr":"0016586","parent_qr":"SB00860","child_count":7}"#,
                WebAnswer.accepted(text: "✓ 0016586 linked! (7/30)", childCount: 7)
            )
        ])
    func `a success carries the text and the count`(body: String, expected: WebAnswer) {
        #expect(child(response(200, body)) == expected)
    }

    @Test(
        arguments: [
            ("DUPLICATE: Child bag 0016586 is already linked to this parent", "duplicate"),
            ("0016586 was already linked to this parent", "duplicate"),
            ("was already linked to this parent", "duplicate"), ("already linked to parent", "duplicate"),
            ("Child bag 0016586 already linked to parent", "duplicate"),
            ("already linked to parent bag SB00860", "duplicate"),
            ("Child bag 0016586 is already linked to parent bag sb00860.", "duplicate"),
            ("already linked to parent bag SB00861", "rejected"),
            ("0016586 is already linked to parent SB00861!", "rejected"),
            ("already linked to parent bag X77", "rejected"),
            ("DUPLICATE: 0016586 is already a parent bag", "rejected"),
            ("0016586 is already registered as a parent bag", "rejected"),
            ("is already registered as a parent bag", "rejected"),
            ("No parent bag selected", "sessionLost"),
            ("Parent bag SB00860 not found or session expired", "sessionLost"),
            ("Session expired, log in", "sessionLost"), ("Not authenticated", "sessionLost"),
            ("Parent bag is full", "rejected"), ("Maximum 30 child bags reached", "rejected"),
            ("Bag SB00860 already completed (30/30)", "rejected"),
            ("Database connection error", "retry"), ("Error processing scan: x", "retry"), ("Novel words", "held"),
            ("not already linked to this parent", "held"), ("", "held"),
            // With other words in front, or none.
            ("Child bag 0016586 already linked to this parent", "duplicate"),
            ("Scan refused: child bag 0016586 was already linked to this parent (7/30)", "duplicate"),
            ("Oh: 0016586 is already linked to parent bag SB00861", "rejected"),
            ("Warning: 0016586 is already a parent bag", "rejected"),
            ("QR code 0016586 is already registered as a parent bag", "rejected"),
            ("Please log in: not authenticated", "sessionLost"), ("Your session expired", "sessionLost"),
            ("Error: No parent bag selected", "sessionLost"),
            ("Error: Parent bag SB00860 was not found, session expired", "sessionLost"),
            ("Cannot link 0016586: Parent bag is full (30/30)", "rejected"),
            ("Cannot link 0016586: Maximum 30 child bags allowed", "rejected"),
            ("Parent bag SB00860 is already completed (30/30 children)", "rejected"),
            ("Sorry, database connection error", "retry"), ("0016586: Error processing scan", "retry"),
            ("It is not already linked to this parent", "held"), ("Parent bag is fuller than most", "held"),
        ])
    func `a child's refusal has its class, as 200 and as 400`(message: String, expected: String) {
        let body = #"{"success":false,"message":"\#(message)"}"#
        #expect(kind(child(response(200, body))) == expected)
        #expect(kind(child(response(400, body))) == expected)
    }

    @Test(arguments: ["Database connection error", "already linked to this parent", "Session expired"])
    func `the label's own words do not decide`(label: String) {
        let body = #"{"success":false,"message":"Child bag \#(label) is already a parent bag"}"#
        let answer = WebTable.child(
            response(200, body), label: label, parent: "SB00860", answerLost: false, loginPath: "/login", backendMs: 0)
        #expect(kind(answer) == "rejected")
    }

    @Test(arguments: ["Parent bag is full", "Maximum 30 child bags", "Bag already completed (30/30)"])
    func `full after a lost answer is probably accepted`(message: String) {
        let answer = child(response(200, #"{"success":false,"message":"\#(message)"}"#), lost: true)
        #expect(answer == .probablyAccepted(message))
    }

    @Test(
        arguments: [
            (200, #"{"success":true,"message":"linked","parent_qr":"SB00861"}"#, "mismatch"),
            (200, #"{"success":true,"message":"linked"}"#, "held"),
            (200, #"{"success":false,"message":"x","clear_parent":true}"#, "sessionLost"),
            (400, #"{"success":false,"message":"Security token expired"}"#, "sessionLost"),
            (401, "{}", "sessionLost"), (429, "<html/>", "slowDown"), (500, "<html/>", "slowDown"),
            (500, "{}", "retry"), (502, "", "retry"), (200, "<html>login</html>", "foreign"),
            (400, #"{"success":true,"parent_qr":"SB00860"}"#, "held"), (404, "", "foreign"), (200, "[]", "foreign"),
        ])
    func `a child's other answers have their class`(status: Int, body: String, expected: String) {
        #expect(kind(child(response(status, body))) == expected)
    }

    @Test(arguments: [(502, true), (504, true), (503, false), (500, false)])
    func `only where a proxy had handed it on is the outcome unknown`(status: Int, isAmbiguous: Bool) {
        guard case .retry(_, _, let ambiguous) = child(response(status, "{}")) else {
            Issue.record("not a retry")
            return
        }
        #expect(ambiguous == isAmbiguous)
    }

    @Test(arguments: [true, false])
    func `a failure is ambiguous where the request may have been sent`(sent: Bool) {
        let error = HTTPClientError(.timeout, "late", requestMayHaveBeenSent: sent)
        #expect(WebTable.failure(error) == .retry("late", after: nil, ambiguous: sent))
        let cancelled = HTTPClientError(.cancelled, "x", requestMayHaveBeenSent: sent)
        #expect(kind(WebTable.failure(cancelled)) == (sent ? "retry" : "cancelled"))
    }

    @Test func `an unknown answer is kept escaped and bounded`() {
        guard case .foreign(let text) = child(response(200, "\u{1B}[2J" + String(repeating: "x", count: 5000))) else {
            Issue.record("not foreign")
            return
        }
        #expect(text.contains("\\x1b[2J") && text.utf8.count < 400)
    }
}

struct WebPageTests {
    @Test(
        arguments: [
            (#"<input type="hidden" name="csrf_token" value="abc.def-_">"#, "abc.def-_"),
            (#"<INPUT value='abc' name='csrf_token' />"#, "abc"),
            (#"<meta name="csrf-token" content="m1"><input name=csrf_token value=i1>"#, "m1"),
            (#"<input name=csrf_token value=i1>"#, "i1"),
            (#"<input name="other" value="x"><meta charset="utf-8"><meta content="t" name="csrf-token">"#, "t"),
            ("<html>no token</html>", nil), (#"<input name="csrf_token">"#, nil),
            (#"<input name="csrf_token" value="">"#, nil), ("<input name=\"csrf_token\" value=\"a\r\nX: y\">", nil),
            (#"<meta name="csrf-token" content=""#, nil), ("<", nil), ("", nil),
        ] as [(String, String?)])
    func `the token is found in either place, in any order of attributes`(page: String, expected: String?) {
        #expect(WebPage.token(in: Array(page.utf8)) == expected)
    }

    // Each tag read to the page's end would take hours.
    @Test(.timeLimit(.minutes(1))) func `a page of tags that do not end is read once`() {
        let page = String(repeating: "<input a ", count: 1 << 15)
        #expect(WebPage.token(in: Array(page.utf8)) == nil)
    }

    @Test func `a form is encoded as browsers do`() {
        let body = FormBody.encode([("qr_code", "a b&c=d+é"), ("x", "")])
        #expect(String(decoding: body, as: UTF8.self) == "qr_code=a+b%26c%3Dd%2B%C3%A9&x=")
    }
}
