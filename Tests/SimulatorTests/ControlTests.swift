internal import Crypto
internal import HTTPServer
internal import JSON
internal import Model
internal import TestSupport
internal import Testing
internal import Wire

@testable internal import Simulator

@Suite(.timeLimit(.minutes(4)))
struct `The control URL` {
    private func post(_ http: RawHTTP, _ path: String, _ body: String) throws -> RawHTTP.Answer {
        try http.request("POST", "/sim/\(path)", body: Array(body.utf8))
    }

    @Test
    func `sets, lists and clears faults`() throws {
        try withSimulator { simulator in
            let http = try RawHTTP(port: simulator.port)
            let set = try post(
                http, "faults", #"{"kind":"status","status":503,"path":"/health","count":2,"retry_after":9}"#)
            #expect(set.json["id"]?.integer == 1)
            let answer = try http.request("GET", "/health")
            #expect(answer.status == 503 && answer.header("retry-after") == "9")
            let listed = try http.request("GET", "/sim/faults").json["faults"]?.array?.first
            #expect(listed?["count"]?.integer == 1 && listed?["kind"]?.string == "status")
            _ = try http.request("DELETE", "/sim/faults?id=1")
            #expect(try http.request("GET", "/health").status == 200)
            for wrong in [#"{"kind":"flood"}"#, "{", #"{"kind":"status","status":42}"#, "{}"] {
                let answer = try post(http, "faults", wrong)
                #expect(answer.status == 400 && answer.json["error"]?.string?.isEmpty == false)
            }
            for kind in Fault.Kind.allCases {
                #expect(try post(http, "faults", "{\"kind\":\"\(kind.rawValue)\",\"count\":1}").status == 200)
            }
        }
    }

    @Test
    func `takes keys as one object, an array and lines, and refuses what is no key`() throws {
        try withSimulator { simulator in
            let http = try RawHTTP(port: simulator.port)
            let devices = (1...4).map { TestDevice("scanner-\($0)") }
            let lines = devices.map { device in
                let key = device.registered
                return "{\"gateway\":\"dock-7\",\"name\":\"\(key.name)\",\"kind\":\"serial\",\"lane\":\"table-1\","
                    + "\"kid\":\"\(key.kid)\",\"alg\":\"hs256\",\"key\":\"\(Base64URL.encode(key.key))\"}"
            }
            #expect(try post(http, "keys", lines[0]).json["added"]?.integer == 1)
            #expect(try post(http, "keys", "[\(lines[1])]").json["added"]?.integer == 1)
            #expect(try post(http, "keys", lines[2] + "\n" + lines[3] + "\n").json["added"]?.integer == 2)
            let gateway = try TestGateway(simulator)
            for device in devices {
                #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            }
            let kid = devices[0].registered.kid
            #expect(try post(http, "keys/revoke", "{\"kid\":\"\(kid)\"}").status == 200)
            #expect(try gateway.send(devices[0].scan(2, .parent, "SB00001")).map(\.code) == ["revoked_key"])
            #expect(try post(http, "keys/enable", "{\"kid\":\"\(kid)\"}").status == 200)
            #expect(try gateway.send(devices[0].scan(2, .parent, "SB00001")).map(\.status) == ["accepted"])
            for wrong in [
                "{}", lines[0].replacing("hs256", with: "none"), lines[0].replacing(kid, with: "0000000000000000"),
                lines[0] + "\n{}",
            ] {
                #expect(try post(http, "keys", wrong).status == 400)
            }
            #expect(try post(http, "keys/revoke", #"{"kid":"0000000000000000"}"#).status == 400)
        }
    }

    @Test
    func `moves the clock, adds accounts, changes settings and expires sessions`() throws {
        try withSimulator { simulator in
            let http = try RawHTTP(port: simulator.port)
            _ = try post(http, "accounts", #"{"username":"dock8","password":"p"}"#)
            let browser = try Browser(simulator)
            #expect(try browser.login("dock8", "p").status == 302)
            _ = try post(http, "clock", #"{"advance_ms":1801000}"#)
            #expect(try http.request("GET", "/sim/clock").json["offset_ms"]?.integer == 1_801_000)
            #expect(try browser.parent("SB00001").status == 302)
            #expect(try browser.login("dock8", "p").status == 302)
            _ = try post(http, "sessions/expire", "{}")
            #expect(try browser.parent("SB00001").status == 302)
            let settings = try post(
                http, "settings", #"{"variant":"R1","logins_per_hour":5,"authentication":"bearer","csrf":true}"#)
            #expect(settings.json["variant"]?.string == "R1" && settings.json["csrf"]?.bool == true)
            #expect(settings.json["logins_per_hour"]?.integer == 5)
            #expect(settings.json["authentication"]?.string == "bearer")
            #expect(settings.json["cookie_name"]?.string == "tracetrack_session")
            #expect(try post(http, "settings", #"{"variant":"R9"}"#).status == 400)
            _ = try post(http, "bearers", #"{"gateway":"dock-7","token":"t"}"#)
            let key = try post(http, "gateway-keys", #"{"gateway":"dock-7","key":"AAAA"}"#)
            #expect(key.json["keyid"]?.string == "dock-7:\(DeviceKey.id(of: [0, 0, 0]))")
            #expect(try http.request("GET", "/sim/nothing").status == 404)
        }
    }

    @Test
    func `shows counters, links, rows in order of arrival and what was accepted twice`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let http = try RawHTTP(port: simulator.port)
            _ = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "CHILD1", parent: "SB00001"))
            let browser = try Browser(simulator)
            try browser.login()
            for _ in 0..<2 { _ = try browser.parent("SB00002", id: "again") }
            let state = try http.request("GET", "/sim/state").json
            for (name, count) in [
                ("accepted", 4), ("rejected", 0), ("logins", 1), ("links", 1), ("scan_rows", 4), ("accepted_twice", 1),
                ("wrong_parent", 0), ("order_broken", 0), ("devices_accepted", 2),
            ] {
                #expect(state[name]?.integer == Int64(count), "\(name)")
            }
            let links = try http.request("GET", "/sim/links?parent=SB00001").json["links"]?.array
            #expect(links?.count == 1)
            #expect(links?.first?["child"]?.string == "CHILD1" && links?.first?["lane_seq"]?.integer == 2)
            let scans = try http.request("GET", "/sim/scans?after=1&limit=2").json
            #expect(scans["scans"]?.array?.compactMap { $0["n"]?.integer } == [2, 3])
            #expect(scans["next"]?.integer == 3)
            let twice = try http.request("GET", "/sim/acceptances").json
            #expect(twice["scans"]?.integer == 3 && twice["more_than_once"]?["again"]?.integer == 2)
        }
    }

    @Test
    func `a fault never hits the control URL`() throws {
        try withSimulator { simulator in
            try simulator.addFault(Fault(.close))
            #expect(try RawHTTP(port: simulator.port).request("DELETE", "/sim/faults").status == 200)
            #expect(try Browser(simulator).get("/health").status == 200)
        }
    }

    @Test
    func `is for this machine only`() throws {
        try withTemporaryDirectory { directory in
            let backend = try BackendLock(SimulatorSettings(), database: directory + "/sim.db")
            defer { backend.close() }
            func status(_ client: String) -> Int {
                let request = ServerRequest(method: "GET", path: "/sim/state", client: client)
                return backend.with { $0.control(request).status }
            }
            #expect(status("127.0.0.1") == 200)
            #expect(status("192.0.2.7") == 404)
            #expect(status("") == 404)
        }
    }
}
