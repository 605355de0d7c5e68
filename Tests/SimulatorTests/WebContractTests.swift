internal import JSON
internal import Simulator
internal import TestSupport
internal import Testing

let variants = ["R1", "R2", "R3"]

private func variant(_ name: String) -> (inout SimulatorSettings) -> Void {
    { $0.variant = WebVariant.named(name) ?? .r3 }
}

@Suite(.timeLimit(.minutes(4)))
struct `Contract tracetrack-web, session and login` {
    @Test(arguments: variants)
    func `login leads to the dashboard, and every response renews the cookie`(_ name: String) throws {
        try withSimulator(variant(name)) { simulator in
            let browser = try Browser(simulator)
            let page = try browser.get("/login")
            #expect(page.status == 200)
            #expect(page.text.contains("<input type=\"hidden\" name=\"csrf_token\" value=\"\(page.token)\">"))
            let answer = try browser.login()
            #expect(answer.status == 302)
            #expect(answer.header("location") == "/dashboard")
            let cookieName = name == "R1" ? "tracetrack_session" : "traitortrack_session"
            for path in ["/dashboard", "/scan/parent", "/login"] {
                let answer = try browser.get(path)
                #expect(answer.status == 200 && !answer.token.isEmpty)
                let cookie = answer.header("set-cookie") ?? ""
                #expect(cookie.hasPrefix("\(cookieName)=") && cookie.contains("; HttpOnly"))
                #expect(!cookie.contains("Secure"))
            }
            #expect(try simulator.count("logins") == 1)
        }
    }

    @Test
    func `a cookie may be marked Secure over plain http`() throws {
        try withSimulator({ $0.marksCookiesSecure = true }) {
            let cookie = try Browser($0).get("/login").header("set-cookie")
            #expect(cookie?.contains("; Secure") == true)
        }
    }

    @Test
    func `a wrong password, an unknown user and a lock are 200 with the login page, a missing token is 400`() throws {
        try withSimulator { simulator in
            let browser = try Browser(simulator)
            for (username, password) in [("dock7", "wrong"), ("nobody", "secret")] {
                let answer = try browser.login(username, password)
                #expect(answer.status == 200)
                #expect(answer.text.contains("name=\"csrf_token\""))
            }
            #expect(try browser.post("/login", form: "username=dock7&password=secret&csrf_token=").status == 302)
            browser.token = ""
            #expect(try browser.post("/login", form: "username=dock7&password=secret").status == 400)
        }
    }

    @Test
    func `five failures lock the account for fifteen minutes`() throws {
        try withSimulator { simulator in
            let browser = try Browser(simulator)
            for _ in 0..<5 { #expect(try browser.login("dock7", "wrong").status == 200) }
            #expect(try browser.login().status == 200)
            try simulator.moveClock(by: .seconds(14 * 60))
            #expect(try browser.login().status == 200)
            try simulator.moveClock(by: .seconds(61))
            #expect(try browser.login().status == 302)
        }
    }

    @Test(arguments: variants)
    func `the limit of login counts GET and POST and ends as HTML`(_ name: String) throws {
        try withSimulator({
            variant(name)(&$0)
            $0.limits.loginsPerHour = 3
        }) { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            _ = try browser.get("/login")
            let answer = try browser.get("/login")
            #expect(answer.status == (name == "R1" ? 500 : 429))
            #expect(answer.header("content-type")?.hasPrefix("text/html") == true)
            #expect(answer.header("retry-after") == nil)
            try simulator.moveClock(by: .seconds(3600))
            #expect(try browser.get("/login").status == 200)
        }
    }

    @Test
    func `the limits by address leave the child route alone`() throws {
        try withSimulator({ $0.limits.requestsPerMinute = 3 }) { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            #expect(try browser.parent("SB00001").status == 200)
            #expect(try browser.parent("SB00002").status == 200)
            #expect(try browser.parent("SB00003").status == 429)
            #expect(try browser.child("CHILD1").json["parent_qr"]?.string == "SB00002")
        }
    }

    @Test(arguments: variants)
    func `without a login a parent scan is 401, and a child scan says so with 200`(_ name: String) throws {
        try withSimulator(variant(name)) { simulator in
            let browser = try Browser(simulator)
            browser.token = try browser.get("/login").token
            let parent = try browser.parent("SB00860")
            #expect(parent.status == 401)
            #expect(parent.json["auth_required"]?.bool == true)
            let child = try browser.child("CHILD1")
            #expect(child.status == 200 && child.json["success"]?.bool == false)
            #expect(child.message.hasPrefix(name == "R1" ? "Not authenticated" : "Session expired"))
            #expect(try browser.get("/dashboard").header("location") == "/login")
        }
    }

    @Test(arguments: variants)
    func `a scan without the token is 400 where the variant wants it`(_ name: String) throws {
        try withSimulator(variant(name)) { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            browser.token = "old"
            let answer = try browser.parent("SB00860")
            #expect(answer.status == (name == "R1" ? 200 : 400))
            guard name != "R1" else { return }
            #expect(answer.message.hasPrefix("Security token expired"))
            #expect(answer.json["error_code"] != nil && answer.json["request_id"] != nil)
            browser.token = try browser.get("/dashboard").token
            #expect(try browser.parent("SB00860").status == 200)
        }
    }

    @Test(arguments: variants)
    func `an expired session is 302 on every path, then 401 or the token's 400`(_ name: String) throws {
        try withSimulator(variant(name)) { simulator in
            let browser = try Browser(simulator)
            for trouble in 0..<3 {
                try browser.login()
                #expect(try browser.parent("SB00860").status == 200)
                switch trouble {
                case 0: try simulator.moveClock(by: .seconds(1801))
                case 1:
                    // Activity does not extend the hour.
                    for _ in 0..<4 {
                        try simulator.moveClock(by: .seconds(899))
                        #expect(try browser.parent("SB00860").status == 200)
                    }
                    try simulator.moveClock(by: .seconds(10))
                default: try simulator.expireSessions()
                }
                let expired = try browser.parent("SB00860")
                #expect(expired.status == 302)
                #expect(expired.header("location") == "/login")
                #expect(try browser.parent("SB00860").status == (name == "R1" ? 401 : 400))
            }
        }
    }

    @Test
    func `a session in the cookie forgets what came after an old cookie, one on the server does not`() throws {
        for (name, parent) in [("R3", "SB00001"), ("R2", "SB00002")] {
            try withSimulator(variant(name)) { simulator in
                let browser = try Browser(simulator)
                try browser.login()
                _ = try browser.parent("SB00001")
                let old = browser.cookies
                _ = try browser.parent("SB00002")
                browser.cookies = old
                #expect(try browser.child("CHILD1").json["parent_qr"]?.string == parent)
            }
        }
    }

    @Test
    func `a forged cookie is nobody's`() throws {
        try withSimulator { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            let value = browser.cookies["traitortrack_session"] ?? ""
            browser.cookies["traitortrack_session"] = "ZG9jazg" + value.dropFirst(6)
            #expect(try browser.get("/dashboard").status == 302)
        }
    }

    @Test
    func `health needs no login and tells of the database when asked`() throws {
        try withSimulator { simulator in
            let browser = try Browser(simulator)
            #expect(try browser.get("/health").status == 200)
            try simulator.addFault(Fault(.databaseError, path: "/health"))
            #expect(try browser.get("/health").status == 200)
            #expect(try browser.get("/health?check_db=true").status == 503)
        }
    }
}
