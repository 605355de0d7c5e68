internal import Crypto
internal import JSON
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite(.timeLimit(.minutes(1)))
struct `Contract tracetrack-devices, scans` {
    @Test
    func `a parent and its child are accepted with feedback, and again are duplicates`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let parent = device.scan(1, .parent, "SB00860")
            let child = device.scan(2, .child, "0016586", parent: "SB00860")
            let results = try gateway.send(parent, child)
            #expect(results.map(\.status) == ["accepted", "accepted"])
            #expect(results.map(\.id) == [device.id(1), device.id(2)])
            #expect(results[0].feedbackText == "SB00860 0/30" && results[0].childCount == 0)
            #expect(results[1].feedbackText == "SB00860 1/30" && results[1].childCount == 1)
            #expect(try gateway.send(child, parent).map(\.status) == ["duplicate", "duplicate"])
            #expect(try simulator.acceptances().values.allSatisfy { $0 == 1 })
            let link = try #require(try simulator.links().first)
            #expect(link.child == "0016586" && link.parent == "SB00860")
            #expect(link.scan.dev == "scanner-1" && link.scan.lane == "table-1" && link.scan.laneSeq == 2)
            #expect(try simulator.count("wrong_parent") == 0)
        }
    }

    @Test
    func `an Ed25519 device is verified by its public key`() throws {
        try withGateway { (simulator, gateway, _) throws in
            var device = TestDevice("camera-1")
            device.ed25519 = Ed25519PrivateKey(seed: SecretBytes.random(32))
            try simulator.addDeviceKey(device.registered)
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            var other = device
            other.ed25519 = Ed25519PrivateKey(seed: SecretBytes.random(32))
            #expect(try gateway.send(other.scan(2, .parent, "SB00002")).map(\.code) == ["unknown_device"])
        }
    }

    @Test
    func `who a scan is from decides before what it says`() throws {
        try withGateway { (simulator, gateway, device) throws in
            func code(_ scan: [UInt8]) throws -> String { try gateway.send(scan).first?.code ?? "" }
            #expect(try code(TestDevice("nobody").scan(1, .parent, "SB00001")) == "unknown_device")
            // A registered key under another device's name.
            var thief = TestDevice("scanner-9")
            thief.key = device.key
            #expect(try code(thief.scan(1, .parent, "SB00001")) == "unknown_device")
            let text = String(decoding: device.scan(1, .parent, "SB00001"), as: UTF8.self)
            let forged = text.replacing("SB00001", with: "SB00002")
            #expect(try code(Array(forged.utf8)) == "bad_signature")
            // The algorithm is the registry's: naming another one changes what was signed, not how it is verified.
            #expect(try code(Array(text.replacing("\"hs256\"", with: "\"ed25519\"").utf8)) == "")
            try simulator.setDeviceKey(kid: device.registered.kid, .disabled)
            #expect(try code(device.scan(2, .parent, "SB00001")) == "not_permitted")
            try simulator.setDeviceKey(kid: device.registered.kid, .revoked)
            #expect(try code(device.scan(3, .parent, "SB00001")) == "revoked_key")
            #expect(try code(Array(forged.utf8)) == "bad_signature")
            #expect(try simulator.count("scan_rows") == 1)
        }
    }

    @Test(
        arguments: [
            ("\"dev\":\"scanner-1\"", "\"dev\":\"-scanner\""), ("\"seq\":1,", "\"seq\":-1,"),
            ("\"seq\":1,", "\"seq\":1.0,"), ("\"lane_seq\":1,", "\"lane_seq\":9007199254740992,"),
            ("\"clk\":\"s\"", "\"clk\":\"x\""), ("\"aim\":\"]Q1\"", "\"aim\":\"Q1\""),
            ("\"sym\":\"QR\"", "\"sym\":\"Qr\""), ("\"action\":\"scan\"", "\"action\":\"steal\""),
            ("\"role\":\"parent\"", "\"role\":\"uncle\""), (".000Z\"", ".000z\""), ("\"log\":\"9f", "\"log\":\"9F"),
            ("\"alg\":\"hs256\"", "\"alg\":\"none\""), ("\"sig\":\"", "\"sig\":\"AA"),
        ])
    func `what does not match the syntax is malformed and spoils no other scan`(_ good: String, _ bad: String) throws {
        try withGateway { (_, gateway, device) throws in
            let text = String(decoding: device.scan(1, .parent, "SB00001"), as: UTF8.self)
            #expect(text.contains(good))
            let results = try gateway.send(
                Array(text.replacing(good, with: bad).utf8), device.scan(2, .parent, "SB00002"))
            #expect(results.map(\.status) == ["rejected", "accepted"])
            #expect(results.first?.code == "malformed")
        }
    }

    @Test
    func `an id or a number that belongs to another scan is a conflict`() throws {
        try withGateway { (simulator, gateway, device) throws in
            _ = try gateway.send(device.scan(1, .parent, "SB00001"))
            let results = try gateway.send(
                device.scan(2, .parent, "SB00002", id: device.id(1)),
                device.scan(1, .parent, "SB00001", id: device.id(9)), device.scan(1, .parent, "SB00002"))
            #expect(results.map(\.code) == ["seq_conflict", "seq_conflict", "seq_conflict"])
            #expect(try simulator.count("scan_rows") == 1)
            // The same number in another log is another scan.
            var replaced = device
            replaced.log = "0000000000000001"
            #expect(
                try gateway.send(replaced.scan(1, .parent, "SB00001", id: device.id(10))).map(\.status) == ["accepted"])
        }
    }

    @Test
    func `a child before its parent is asked for again later, and then accepted`() throws {
        try withGateway { (_, gateway, device) throws in
            let child = device.scan(2, .child, "CHILD1", parent: "SB00001")
            let early = try gateway.send(child)
            #expect(early.map(\.status) == ["rejected"] && early.map(\.code) == ["unknown_parent"])
            let results = try gateway.send(device.scan(1, .parent, "SB00001"), child)
            #expect(results.map(\.status) == ["accepted", "accepted"])
        }
    }

    @Test
    func `the bag rules refuse with business_rule and the reason`() throws {
        try withGateway { (simulator, gateway, device) throws in
            func text(_ scan: [UInt8]) throws -> String {
                let result = try #require(try gateway.send(scan).first)
                return result.code == "business_rule" ? result.text : "\(result.status) \(result.code)"
            }
            _ = try gateway.send(device.scan(1, .parent, "SB00001"), device.scan(2, .parent, "SB00002"))
            let children = (1...30).map {
                device.scan(Int64(2 + $0), .child, "CHILD\($0)", parent: "SB00001")
            }
            let answer = try gateway.post(gateway.body(children))
            #expect(try BatchReply.parse(answer.body).results.map(\.childCount) == (1...30).map { $0 })
            #expect(try text(device.scan(40, .child, "CHILD31", parent: "SB00001")) == "Parent bag is full")
            #expect(
                try text(device.scan(41, .child, "CHILD1", parent: "SB00002"))
                    == "CHILD1 is already linked to parent bag SB00001")
            #expect(
                try text(device.scan(42, .child, "SB00002", parent: "SB00001")) == "SB00002 is already a parent bag")
            #expect(
                try text(device.scan(43, .child, "SB00003", parent: "SB00002")) == "accepted ")
            #expect(
                try text(device.scan(44, .parent, "SB00003")) == "SB00003 is a child bag, not a parent bag")
            #expect(try text(device.scan(45, .parent, "SB123456")).contains("SB and 5 digits"))
            #expect(try text(device.scan(46, .child, "CHILD9X")).contains("no parent"))
            // Another scan of a child that is in this bag already adds nothing.
            #expect(
                try gateway.send(device.scan(47, .child, "CHILD1", parent: "SB00001")).map(\.status) == ["duplicate"])
            #expect(try simulator.count("links") == 31)
        }
    }

    @Test
    func `children go to the parent they were signed with, however lanes are mixed`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let other = TestDevice("scanner-2", lane: "table-2")
            try simulator.addDeviceKey(other.registered)
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001"), other.scan(1, .parent, "SB00002"),
                device.scan(2, .child, "CHILD1", parent: "SB00001"), other.scan(2, .child, "CHILD2", parent: "SB00002"),
                device.scan(3, .child, "CHILD3", parent: "SB00001"))
            #expect(results.allSatisfy { $0.status == "accepted" })
            #expect(try simulator.links(parent: "SB00001").map(\.child) == ["CHILD1", "CHILD3"])
            #expect(try simulator.links(parent: "SB00002").map(\.child) == ["CHILD2"])
            #expect(try simulator.count("order_broken") == 0)
        }
    }

    @Test
    func `a lane's scans out of order are taken and counted`() throws {
        try withGateway { (simulator, gateway, device) throws in
            _ = try gateway.send(device.scan(2, .parent, "SB00002"))
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            #expect(try simulator.count("order_broken") == 1)
        }
    }

    @Test
    func `undo, bill, return and other are taken`() throws {
        try withGateway { (simulator, gateway, device) throws in
            _ = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "CHILD1", parent: "SB00001"))
            let wrong = device.scan(3, .child, "CHILD1", parent: "SB00002", action: .unlink)
            #expect(try gateway.send(wrong).map(\.code) == ["business_rule"])
            let undo = device.scan(4, .child, "CHILD1", parent: "SB00001", action: .unlink)
            #expect(try gateway.send(undo).map(\.status) == ["accepted"])
            #expect(try gateway.send(undo).map(\.status) == ["duplicate"])
            #expect(try simulator.links().isEmpty)
            let others = try gateway.send(
                device.scan(5, .parent, "SB00001", action: .bill),
                device.scan(6, .parent, "SB00001", action: .giveBack),
                device.scan(7, .other, "anything"))
            #expect(others.map(\.status) == ["accepted", "accepted", "accepted"])
        }
    }

    @Test
    func `bytes that are no text are kept apart from text`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "", parent: "SB00001", bytes: [0xFF, 0, 1]))
            #expect(results.map(\.status) == ["accepted", "accepted"])
            #expect(try simulator.links().map(\.child) == ["b64:_wAB"])
        }
    }
}
