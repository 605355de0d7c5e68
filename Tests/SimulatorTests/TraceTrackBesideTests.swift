internal import Crypto
internal import JSON
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

/// What stands beside the batches: the form post of today, migrations, the admin's commands, the documents.
@Suite(.serialized, .onOwnThread, .timeLimit(.minutes(5)))
struct `TraceTrack's half, beside the batches` {
    @Test
    func `the form post goes on as before, with its session and its token`() throws {
        let site = try Site()
        let browser = try Browser(port: site.backend.port)
        #expect(try browser.parent("SB00001").status == 400)
        try browser.login()
        browser.token = try browser.get("/login").token
        let answer = try browser.parent("SB00001")
        #expect(answer.status == 200 && answer.json["parent_qr"]?.string == "SB00001")
        #expect(try browser.parent("SB123456").json["show_popup"]?.bool == true)
        #expect(try browser.post("/api/fast_parent_scan", json: "{}").message == "No QR code provided")
        // No token, no scan; a batch has none and needs none.
        browser.token = "wrong"
        #expect(try browser.parent("SB00001").status == 400)
        let child = site.device.scan(1, .child, "CHILD1", parent: "SB00001")
        #expect(try BatchReply.parse(site.post(site.body([child])).body).results.map(\.status) == ["accepted"])
        #expect(try site.backend.number("SELECT count(*) FROM scan") == 2)
        // A batch without its version is no form either.
        let http = try RawHTTP(port: site.backend.port)
        let plain = [("Content-Type", "application/vnd.scan-batch+json")]
        #expect(try http.request("POST", "/api/fast_parent_scan", headers: plain, body: [1]).status == 415)
        #expect(try http.request("GET", "/api/fast_parent_scan").status == 405)
    }

    @Test
    func `the migration goes down and up again on a database in use, and TraceTrack's rows stay`() throws {
        let site = try Site()
        let body = site.bag("SB00001", children: 2)
        #expect(try site.post(body).status == 200)
        try site.run("migrations/001_devices_down.sql")
        #expect(try site.backend.number("SELECT count(*) FROM pg_class WHERE relname LIKE 'device%'") == 0)
        #expect(try site.backend.number("SELECT count(*) FROM scan") == 3)
        #expect(try site.backend.linkTexts().count == 2)
        // Gateways wait meanwhile, with everything they have; people scan.
        let away = try site.post(body)
        #expect(away.status == 503 && away.header("retry-after") == "5")
        let browser = try Browser(port: site.backend.port)
        try browser.login()
        browser.token = try browser.get("/login").token
        #expect(try browser.parent("SB00003").status == 200)
        try site.run("migrations/001_devices.sql")
        #expect(try site.post(body).status == 401)
        try site.backend.addBearer(gateway: "dock-7", token: "t7")
        try site.backend.addDeviceKey(site.device.registered)
        // What was accepted is no longer known, but its links are: nothing is linked twice.
        #expect(
            try BatchReply.parse(site.post(body).body).results.map(\.status) == ["accepted", "duplicate", "duplicate"])
        #expect(try site.backend.linkTexts().count == 2)
    }

    @Test
    func `an admin registers a gateway and the devices it exports, and revokes them`() throws {
        try withTemporaryDirectory { directory in
            let site = try Site()
            let device = TestDevice("scanner-2", gateway: "dock-8")
            let line = """
                {"gateway":"dock-8","name":"scanner-2","kind":"serial","lane":"table-1","kid":"\(device.registered.kid)",\
                "alg":"hs256","key":"\(Base64URL.encode(device.key.bytes))"}

                """
            try write(Array(line.utf8), to: directory + "/keys.jsonl")
            #expect(try site.flask("gateway dock-8 --user nobody").contains("no account"))
            let token = try site.flask("gateway dock-8 --user dock7 --bearer", errors: "2>/dev/null").filter {
                $0 != "\n"
            }
            #expect(try site.flask("register < \(directory)/keys.jsonl") == "1 new keys\n")
            #expect(try site.flask("register < \(directory)/keys.jsonl") == "0 new keys\n")
            let gateway = try TestGateway(port: site.backend.port, name: "dock-8")
            gateway.headers = [("Authorization", "Bearer \(token)")]
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            let row = try site.flask("list").split(separator: "\n").first { $0.hasPrefix("dock-8") } ?? ""
            #expect(row.hasPrefix("dock-8\tscanner-2\t\(device.registered.kid)\ths256\tactive\t1\t"))
            #expect(try site.flask("disable \(device.registered.kid)").isEmpty)
            #expect(try gateway.send(device.scan(2, .parent, "SB00001")).map(\.code) == ["not_permitted"])
            #expect(try site.flask("enable \(device.registered.kid)").isEmpty)
            #expect(try site.flask("revoke \(device.registered.kid)").isEmpty)
            #expect(try gateway.send(device.scan(2, .parent, "SB00001")).map(\.code) == ["revoked_key"])
            #expect(try site.flask("revoke 0000000000000000").contains("no key"))
            // A key whose id is another's is a mistake in the copying.
            try write(
                Array(line.replacing(device.registered.kid, with: "cc8abed72e46ea38").utf8), to: directory + "/bad")
            #expect(try site.flask("register < \(directory)/bad").contains("line 1: kid is not the id of the key"))
            // The gateway's own key, made here.
            let key = try HMACKey(
                #require(
                    Base64URL.decode(
                        site.flask("gateway dock-8 --user dock7", errors: "2>/dev/null").filter { $0 != "\n" })))
            let keyID = "dock-8:\(DeviceKey.id(of: key.bytes))"
            #expect(try site.backend.number("SELECT count(*) FROM device_gateway_key WHERE keyid = '\(keyID)'") == 1)
            #expect(
                try site.flask("revoke-gateway dock-8:\(DeviceKey.id(of: try #require(Base64URL.decode(token))))")
                    .isEmpty)
            #expect(try gateway.post(gateway.body([])).status == 401)
        }
    }

    @Test
    func `the documents are valid, and the code agrees with the contract's test vector`() throws {
        let output = try shell(
            "cd '\(try packageDirectory())/docs/tracetrack' && PYTHONDONTWRITEBYTECODE=1 "
                + "/usr/bin/python3 -m unittest discover -s tests -t . 2>&1")
        #expect(output.hasSuffix("\nOK\n"), "\(output)")
    }
}

extension Site {
    /// Runs an SQL file of `docs/tracetrack`, as its first lines say.
    func run(_ file: String) throws {
        let output = try shell(
            "\(backend.cluster.psql) -qX '\(backend.database)' -v ON_ERROR_STOP=1 -f '\(try packageDirectory())/docs/tracetrack/\(file)' 2>&1"
        )
        guard output.isEmpty else { throw SetupError("\(file): \(output)") }
    }

    /// What `flask devices …` prints, and its errors where they are wanted.
    func flask(_ arguments: String, errors: String = "2>&1") throws -> String {
        try shell(
            "cd '\(try packageDirectory())/docs/tracetrack' && PYTHONDONTWRITEBYTECODE=1 DATABASE_URL='\(backend.database)' "
                + "/usr/bin/python3 -m flask --app today.app devices \(arguments) \(errors)")
    }
}
