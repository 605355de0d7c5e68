internal import Crypto
internal import Gzip
internal import JSON
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite(.timeLimit(.minutes(1)))
struct `Contract tracetrack-devices, requests` {
    @Test
    func `a body may be gzip, and its digest must be that of the bytes sent`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let body = Gzip.compress(gateway.body([device.scan(1, .parent, "SB00001")]))
            let encoding = ("Content-Encoding", "gzip")
            let right = ("Content-Digest", ContentDigest.header(body))
            let answer = try gateway.post(body, [encoding, right])
            #expect(answer.status == 200)
            #expect(answer.header("content-type") == "application/json")
            #expect(answer.json["v"]?.integer == 1)
            #expect(answer.json["server_time"]?.string.flatMap(Timestamp.parse) != nil)
            #expect(try gateway.post(body, [encoding, ("Content-Digest", ContentDigest.header([1]))]).status == 400)
            #expect(try gateway.post(Array(body.dropLast(9)), [encoding]).status == 400)
            #expect(try gateway.post(body, [("Content-Encoding", "br")]).status == 415)
            #expect(try gateway.post(body).status == 400)
            #expect(try simulator.count("accepted") == 1)
        }
    }

    @Test
    func `the content type decides, with its version`() throws {
        try withGateway({ $0.contract = .devices }) { (_, gateway, _) throws in
            for type in ["application/json", "application/vnd.scan-batch+json", "application/vnd.scan-batch+json;v=2"] {
                gateway.contentType = type
                #expect(try gateway.post(gateway.body([])).status == 415)
            }
            gateway.contentType = "Application/vnd.scan-batch+json; v=1"
            #expect(try gateway.post(gateway.body([])).status == 200)
            #expect(try gateway.http.request("GET", "/api/fast_parent_scan").status == 405)
            #expect(try gateway.http.request("GET", "/login").status == 404)
        }
    }

    @Test
    func `both contracts live on one path, or one of them alone`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let browser = try Browser(simulator)
            try browser.login()
            #expect(try browser.parent("SB00001").status == 200)
            #expect(
                try gateway.send(device.scan(1, .child, "CHILD1", parent: "SB00001")).map(\.status) == ["accepted"])
            simulator.change { $0.contract = .web }
            #expect(try gateway.post(gateway.body([])).status == 400)
            #expect(try simulator.count("web_accepted") == 1)
            #expect(try simulator.count("devices_accepted") == 1)
        }
    }

    @Test
    func `a batch that cannot be read is 400, one that is too large 413`() throws {
        try withGateway({ $0.maxBatchBytes = 2000 }) { (_, gateway, device) throws in
            for body in ["", "{", "[]", "{\"v\":1}", "{\"v\":1,\"v\":1}"] {
                #expect(try gateway.post(Array(body.utf8)).status == 400)
            }
            let scans = (1...5).map { device.scan($0, .parent, "SB00001") }
            let large = gateway.body(scans)
            #expect(try gateway.post(large).status == 413)
            #expect(try gateway.post(Gzip.compress(large), [("Content-Encoding", "gzip")]).status == 413)
        }
    }

    @Test
    func `a retry under one key gets the stored answer, other bytes under it 422`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let id = gateway.batchID(77)
            let key = ("Idempotency-Key", "\"\(id)\"")
            let body = gateway.body([device.scan(1, .parent, "SB00001")], id: id)
            let first = try gateway.post(body, [key])
            try simulator.moveClock(by: .seconds(23 * 3600))
            let second = try gateway.post(body, [key])
            #expect(first.status == 200 && first.body == second.body)
            #expect(try BatchReply.parse(second.body).results.map(\.status) == ["accepted"])
            #expect(try simulator.count("replayed") == 1)
            let other = gateway.body([device.scan(2, .parent, "SB00002")], id: id)
            #expect(try gateway.post(other, [key]).status == 422)
            #expect(try gateway.post(body, [("Idempotency-Key", "\"\(gateway.batchID(78))\"")]).status == 400)
            #expect(try gateway.post(body, [("Idempotency-Key", id.description)]).status == 400)
            #expect(try simulator.count("accepted") == 1)
            // Later than the contract wants, the answer is forgotten; the scan is not.
            try simulator.moveClock(by: .seconds(3 * 3600))
            #expect(try BatchReply.parse(gateway.post(body, [key]).body).results.map(\.status) == ["duplicate"])
        }
    }

    @Test
    func `a bearer token is checked, and whose it is`() throws {
        try withGateway({ $0.authentication = .bearer }) { (simulator, gateway, device) throws in
            try simulator.addBearer(gateway: "dock-7", token: "t7")
            try simulator.addBearer(gateway: "dock-8", token: "t8")
            let body = gateway.body([device.scan(1, .parent, "SB00001")])
            #expect(try gateway.post(body).status == 401)
            #expect(try gateway.post(body, [("Authorization", "Bearer no")]).status == 401)
            #expect(try gateway.post(body, [("Authorization", "Bearer t8")]).status == 403)
            #expect(try gateway.post(body, [("Authorization", "Bearer t7")]).status == 200)
        }
    }

    @Test
    func `a request's signature is checked over all that it must cover, and its time`() throws {
        try withGateway({ $0.authentication = .signature }) { (simulator, gateway, device) throws in
            let key = HMACKey(SecretBytes.random(32))
            let keyID = try simulator.addGatewayKey(gateway: "dock-7", key: key.bytes)
            #expect(keyID == "dock-7:\(DeviceKey.id(of: key.bytes))")
            let id = gateway.batchID(1)
            let body = Gzip.compress(gateway.body([device.scan(1, .parent, "SB00001")], id: id))
            func status(
                key: HMACKey, keyID: String, seconds: Int64 = 0, leaving: String = "", sent: [UInt8]? = nil
            ) throws -> Int {
                let headers = [
                    ("content-digest", ContentDigest.header(body)), ("content-type", Batch.contentType),
                    ("content-encoding", "gzip"), ("idempotency-key", "\"\(id)\""),
                ]
                let components =
                    [("@method", "POST"), ("@path", "/api/fast_parent_scan"), ("@authority", "127.0.0.1")] + headers
                let signature = RequestSignature(
                    components: components.filter { $0.0 != leaving }.map { (name: $0.0, value: $0.1) },
                    created: simulator.nowMs / 1000 + seconds, keyID: keyID
                ).headers(key: key)
                return try gateway.post(
                    sent ?? body,
                    headers.filter { $0.0 != "content-type" } + [
                        ("Signature-Input", signature.input), ("Signature", signature.signature),
                    ]
                ).status
            }
            #expect(try gateway.post(body, [("Content-Encoding", "gzip")]).status == 401)
            #expect(try status(key: HMACKey(SecretBytes.random(32)), keyID: keyID) == 401)
            #expect(try status(key: key, keyID: "dock-7:0000000000000000") == 401)
            #expect(try status(key: key, keyID: keyID, seconds: -310) == 401)
            #expect(try status(key: key, keyID: keyID, seconds: 310) == 401)
            for name in ["@method", "@path", "@authority", "content-digest", "content-encoding", "idempotency-key"] {
                #expect(try status(key: key, keyID: keyID, leaving: name) == 401)
            }
            #expect(try status(key: key, keyID: keyID, sent: body + [0]) == 400)
            #expect(try simulator.count("accepted") == 0)
            #expect(try status(key: key, keyID: keyID, seconds: -290) == 200)
            let other = HMACKey(SecretBytes.random(32))
            let otherID = try simulator.addGatewayKey(gateway: "dock-8", key: other.bytes)
            #expect(try status(key: other, keyID: otherID) == 403)
        }
    }
}
