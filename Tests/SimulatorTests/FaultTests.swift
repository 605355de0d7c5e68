internal import JSON
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite(.timeLimit(.minutes(4)))
struct `Faults on demand` {
    private func withBrowser(
        _ change: (inout SimulatorSettings) -> Void = { _ in }, _ body: (Simulator, Browser) throws -> Void
    ) throws {
        try withSimulator(change) { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            _ = try browser.parent("SB00001")
            try body(simulator, browser)
        }
    }

    @Test
    func `latency holds back one answer and no other connection`() throws {
        try withBrowser { (simulator, browser) throws in
            let slow = Array("GET /health HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            try simulator.addFault(Fault(.latency, path: "/health", count: 1, ms: 50))
            let start = ContinuousClock.now
            #expect(try browser.get("/health").status == 200)
            #expect(ContinuousClock.now - start >= .milliseconds(50))
            // An hour: whatever is answered on other connections is not held back by it.
            try simulator.addFault(Fault(.latency, path: "/health", count: 1, ms: 3_600_000))
            try browser.http.send(slow)
            let other = try RawHTTP(port: simulator.port)
            while try other.request("GET", "/sim/faults").json["faults"]?.array?.isEmpty == false {}
            #expect(try other.request("GET", "/health").status == 200)
        }
    }

    @Test(
        arguments: [
            (Fault(.status), 500), (Fault(.status, status: 503, retryAfter: "7"), 503), (Fault(.rateLimit), 429),
            (Fault(.badRequest), 400), (Fault(.later), 202), (Fault(.redirect), 302), (Fault(.scanFailed), 500),
        ])
    func `a fault that refuses leaves nothing behind, for both contracts`(_ fault: Fault, _ status: Int) throws {
        try withBrowser { (simulator, browser) throws in
            try simulator.addFault(fault)
            let answer = try browser.child("CHILD1")
            #expect(answer.status == status)
            #expect(answer.header("retry-after") == fault.retryAfter)
            if fault.kind == .scanFailed { #expect(answer.message == "Scan failed - please try again") }
            if fault.kind == .rateLimit { #expect(answer.header("content-type")?.hasPrefix("text/html") == true) }
            guard fault.kind != .scanFailed else { return }
            let device = TestDevice()
            try simulator.addDeviceKey(device.registered)
            let gateway = try TestGateway(simulator)
            #expect(try gateway.post(gateway.body([device.scan(1, .parent, "SB00002")])).status == status)
            simulator.clearFaults()
            #expect(try simulator.count("links") == 0 && simulator.count("scan_rows") == 1)
            #expect(try browser.child("CHILD1").json["success"]?.bool == true)
        }
    }

    @Test
    func `R1 turns the rate limit into an HTML 500`() throws {
        try withBrowser({ $0.variant = .r1 }) { (simulator, browser) throws in
            try simulator.addFault(Fault(.rateLimit))
            let answer = try browser.parent("SB00002")
            #expect(answer.status == 500 && answer.header("content-type")?.hasPrefix("text/html") == true)
        }
    }

    @Test(arguments: [
        (Fault.Kind.databaseError, "Database connection error"), (.processingError, "Error processing scan"),
    ])
    func `trouble of a child scan is told with 200`(_ kind: Fault.Kind, _ words: String) throws {
        try withBrowser { (simulator, browser) throws in
            try simulator.addFault(Fault(kind, path: "/process_child_scan_fast"))
            let answer = try browser.child("CHILD1")
            #expect(answer.status == 200 && answer.json["success"]?.bool == false && answer.message == words)
            #expect(try simulator.count("links") == 0)
        }
    }

    @Test(arguments: [Fault.Kind.close, .lost, .reset])
    func `a connection that ends early`(_ kind: Fault.Kind) throws {
        try withGateway { (simulator, gateway, device) throws in
            let body = gateway.body((1...20).map { device.scan($0, .parent, "SB00001") }, id: gateway.batchID(5))
            let key = ("Idempotency-Key", "\"\(gateway.batchID(5))\"")
            try simulator.addFault(Fault(kind, contract: .devices, count: 1))
            do {
                _ = try gateway.post(body, [key])
                Issue.record("there was an answer")
            } catch let failure as RawHTTP.Failure {
                switch (kind, failure) {
                case (.reset, .reset(let count)): #expect(count > 100)
                case (.reset, _): Issue.record("not reset: \(failure)")
                default: #expect(failure == .closed(after: 0))
                }
            }
            #expect(try simulator.count("accepted") == (kind == .close ? 0 : 20))
            // The answer that was lost is the one that a retry is told.
            let again = try TestGateway(simulator).post(body, [key])
            #expect(try BatchReply.parse(again.body).results.map(\.status).allSatisfy { $0 == "accepted" })
            #expect(try simulator.count("accepted") == 20)
            #expect(try simulator.count("replayed") == (kind == .close ? 0 : 1))
        }
    }

    @Test(arguments: [Fault.Kind.garbage, .html])
    func `an answer that nobody understands, after everything was done`(_ kind: Fault.Kind) throws {
        try withBrowser { (simulator, browser) throws in
            try simulator.addFault(Fault(kind, count: 2))
            let web = try browser.child("CHILD1")
            #expect(web.status == 200 && web.json == .null)
            #expect(web.header("set-cookie") != nil)
            #expect(try simulator.count("links") == 1)
            let device = TestDevice()
            try simulator.addDeviceKey(device.registered)
            let gateway = try TestGateway(simulator)
            let answer = try gateway.post(gateway.body([device.scan(1, .parent, "SB00002")]))
            #expect(throws: WireError.self) { try BatchReply.parse(answer.body) }
            #expect(try simulator.count("devices_accepted") == 1)
        }
    }

    @Test
    func `a success that names another parent`() throws {
        try withBrowser { (simulator, browser) throws in
            try simulator.addFault(Fault(.wrongParent, count: 2))
            #expect(try browser.parent("SB00001").json["parent_qr"]?.string == "SB99999")
            #expect(try browser.child("CHILD1").json["parent_qr"]?.string == "SB99999")
            #expect(try simulator.links().map(\.parent) == ["SB00001"])
        }
    }

    @Test
    func `a session that is gone when the request comes`() throws {
        try withBrowser { (simulator, browser) throws in
            try simulator.addFault(Fault(.expire, count: 1))
            #expect(try browser.child("CHILD1").header("location") == "/login")
            #expect(try browser.child("CHILD1").status == 400)
        }
    }

    @Test
    func `results deferred, missing, unknown and contradictory`() throws {
        try withGateway { (simulator, gateway, device) throws in
            func send(_ kind: Fault.Kind) throws -> [BatchReply.Result] {
                try simulator.addFault(Fault(kind, count: 1, ms: 5000))
                return try gateway.send(device.scan(1, .parent, "SB00001"), device.scan(2, .parent, "SB00002"))
            }
            let deferred = try send(.deferred)
            #expect(deferred.map(\.status) == ["deferred", "deferred"] && deferred.first?.retryAfterMs == 5000)
            #expect(try send(.unknownStatus).map(\.status) == ["perhaps", "perhaps"])
            #expect(try simulator.count("scan_rows") == 0)
            #expect(try send(.missing).map(\.id) == [device.id(2)])
            #expect(try simulator.count("scan_rows") == 2)
            #expect(try send(.twice).map(\.status) == ["duplicate", "rejected", "duplicate", "rejected"])
        }
    }

    @Test
    func `a fault hits the share it was given, the same requests for the same seed`() throws {
        func hits(_ seed: UInt64) throws -> [Bool] {
            try withSimulator { simulator in
                try simulator.addFault(Fault(.status, path: "/health", probability: 0.3, seed: seed))
                let browser = try Browser(simulator)
                return try (0..<200).map { _ in try browser.get("/health").status == 500 }
            }
        }
        let first = try hits(7)
        #expect((35...85).contains(first.count { $0 }))
        #expect(try hits(7) == first)
        #expect(try hits(8) != first)
    }

    @Test
    func `a fault is for its path and contract only, and ends when cleared`() throws {
        try withBrowser { (simulator, browser) throws in
            let id = try simulator.addFault(Fault(.status, path: "/health"))
            try simulator.addFault(Fault(.status, contract: .devices))
            #expect(try browser.get("/health").status == 500)
            #expect(try browser.child("CHILD1").status == 200)
            simulator.clearFaults(id)
            #expect(try browser.get("/health").status == 200)
        }
    }
}
