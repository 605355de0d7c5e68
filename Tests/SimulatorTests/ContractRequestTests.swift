internal import Crypto
internal import Gzip
internal import JSON
internal import Model
internal import Posix
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

/// One suite for every backend of the contract: `tracetrack-sim` and TraceTrack's own half.
@Suite(.serialized, .onOwnThread, .timeLimit(.minutes(5)))
struct `Contract tracetrack-devices, requests` {
    @Test(arguments: Backend.allCases)
    func `a body may be gzip, and its digest must be that of the bytes sent`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
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
            #expect(try backend.acceptedScans() == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a batch that cannot be read is 400, one that is too large 413`(_ kind: Backend) throws {
        try withBackend(kind) { (_, gateway, device) throws in
            for body in ["", "{", "[]", "{\"v\":1}", "{\"v\":1,\"v\":1}"] {
                #expect(try gateway.post(Array(body.utf8)).status == 400)
            }
            // Larger than 1 MiB as it is sent, or only once it is unpacked.
            let long = String(repeating: "A", count: 8000)
            let large = gateway.body((1...140).map { device.scan($0, .other, long) })
            #expect(large.count > 1 << 20)
            // The reference backend closes on what is announced as too large, which a sender may see before the 413.
            if kind == .flask { #expect(try gateway.post(large).status == 413) }
            #expect(try gateway.post(Gzip.compress(large), [("Content-Encoding", "gzip")]).status == 413)
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `a retry under one key gets the stored answer, other bytes under it 422`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let id = gateway.batchID(77)
            let key = ("Idempotency-Key", "\"\(id)\"")
            let body = gateway.body([device.scan(1, .parent, "SB00001")], id: id)
            let first = try gateway.post(body, [key])
            try backend.letPass(.seconds(23 * 3600))
            let second = try gateway.post(body, [key])
            #expect(first.status == 200 && first.body == second.body)
            #expect(try BatchReply.parse(second.body).results.map(\.status) == ["accepted"])
            let other = gateway.body([device.scan(2, .parent, "SB00002")], id: id)
            #expect(try gateway.post(other, [key]).status == 422)
            #expect(try gateway.post(body, [("Idempotency-Key", "\"\(gateway.batchID(78))\"")]).status == 400)
            #expect(try gateway.post(body, [("Idempotency-Key", id.description)]).status == 400)
            #expect(try backend.acceptedScans() == 1)
            // Later than the contract wants, the answer is forgotten; the scan is not.
            try backend.letPass(.seconds(3 * 3600))
            #expect(try BatchReply.parse(gateway.post(body, [key]).body).results.map(\.status) == ["duplicate"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `a bearer token is checked, and whose it is`(_ kind: Backend) throws {
        try withBackend(kind, .bearer) { backend in
            let device = TestDevice()
            try backend.addDeviceKey(device.registered)
            let gateway = try TestGateway(port: backend.port)
            try backend.addBearer(gateway: "dock-7", token: "t7")
            try backend.addBearer(gateway: "dock-8", token: "t8")
            let body = gateway.body([device.scan(1, .parent, "SB00001")])
            #expect(try gateway.post(body).status == 401)
            #expect(try gateway.post(body, [("Authorization", "Bearer no")]).status == 401)
            #expect(try gateway.post(body, [("Authorization", "Bearer t8")]).status == 403)
            #expect(try gateway.post(body, [("Authorization", "Bearer t7")]).status == 200)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a request's signature is checked over all that it must cover, and its time`(_ kind: Backend) throws {
        try withBackend(kind, .signature) { backend in
            let device = TestDevice()
            try backend.addDeviceKey(device.registered)
            let gateway = try TestGateway(port: backend.port)
            let key = HMACKey(SecretBytes.random(32))
            let keyID = try backend.addGatewayKey(gateway: "dock-7", key: key.bytes)
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
                    created: TimeSource.system.now().wallMs / 1000 + seconds, keyID: keyID
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
            #expect(try backend.acceptedScans() == 0)
            #expect(try status(key: key, keyID: keyID, seconds: -290) == 200)
            let other = HMACKey(SecretBytes.random(32))
            let otherID = try backend.addGatewayKey(gateway: "dock-8", key: other.bytes)
            #expect(try status(key: other, keyID: otherID) == 403)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a full batch is answered in its order`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            var scans: [[UInt8]] = []
            for bag in 0..<8 {
                let label = "SB0010\(bag)"
                scans.append(device.scan(Int64(bag * 40), .parent, label))
                for child in 1...30 {
                    scans.append(device.scan(Int64(bag * 40 + child), .child, "C\(bag)X\(child)", parent: label))
                }
            }
            let answer = try gateway.post(Gzip.compress(gateway.body(scans)), [("Content-Encoding", "gzip")])
            let results = try BatchReply.parse(answer.body).results
            #expect(results.map(\.id) == scans.compactMap(WireScan.id))
            #expect(results.count == 248 && results.allSatisfy { $0.status == "accepted" })
            #expect(try backend.linkTexts().count == 240)
        }
    }
}
