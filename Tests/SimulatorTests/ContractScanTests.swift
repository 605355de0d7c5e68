internal import Crypto
internal import JSON
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

/// One suite for every backend of the contract: `tracetrack-sim` and TraceTrack's own half.
@Suite(.serialized, .onOwnThread, .timeLimit(.minutes(5)))
struct `Contract tracetrack-devices, scans` {
    @Test(arguments: Backend.allCases)
    func `a parent and its child are accepted with feedback, and again are duplicates`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let parent = device.scan(1, .parent, "SB00860")
            let child = device.scan(2, .child, "0016586", parent: "SB00860")
            let results = try gateway.send(parent, child)
            #expect(results.map(\.status) == ["accepted", "accepted"])
            #expect(results.map(\.id) == [device.id(1), device.id(2)])
            #expect(results[0].feedbackText == "SB00860 0/30" && results[0].childCount == 0)
            #expect(results[1].feedbackText == "SB00860 1/30" && results[1].childCount == 1)
            #expect(try gateway.send(child, parent).map(\.status) == ["duplicate", "duplicate"])
            #expect(try backend.acceptedScans() == 2)
            #expect(try backend.linkTexts() == ["0016586 in SB00860"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `an Ed25519 device is verified by its public key`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, _) throws in
            var device = TestDevice("camera-1")
            device.ed25519 = Ed25519PrivateKey(seed: SecretBytes.random(32))
            try backend.addDeviceKey(device.registered)
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            var other = device
            other.ed25519 = Ed25519PrivateKey(seed: SecretBytes.random(32))
            #expect(try gateway.send(other.scan(2, .parent, "SB00002")).map(\.code) == ["unknown_device"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `who a scan is from decides before what it says`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
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
            try backend.setDeviceKey(kid: device.registered.kid, .disabled)
            #expect(try code(device.scan(2, .parent, "SB00001")) == "not_permitted")
            try backend.setDeviceKey(kid: device.registered.kid, .revoked)
            #expect(try code(device.scan(3, .parent, "SB00001")) == "revoked_key")
            #expect(try code(Array(forged.utf8)) == "bad_signature")
            #expect(try backend.acceptedScans() == 1)
        }
    }

    @Test(arguments: Backend.allCases)
    func `what does not match the syntax is malformed and spoils no other scan`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let text = String(decoding: device.scan(1, .parent, "SB00001"), as: UTF8.self)
            for (number, (good, bad)) in Self.mistakes.enumerated() {
                #expect(text.contains(good))
                let results = try gateway.send(
                    Array(text.replacing(good, with: bad).utf8), device.scan(Int64(number + 2), .parent, "SB00002"))
                #expect(results.map(\.status) == ["rejected", "accepted"], "\(bad)")
                #expect(results.first?.code == "malformed", "\(bad)")
            }
            #expect(try backend.acceptedScans() == Self.mistakes.count)
        }
    }

    @Test(arguments: Backend.allCases)
    func `a scan that names a key twice is malformed, a batch that does is 400`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let text = String(decoding: device.scan(1, .parent, "SB00001"), as: UTF8.self)
            let good = device.scan(2, .parent, "SB00002") { $0.operatorBadge = "]}\\\"scans\":[{" }
            for repeated in ["\"seq\":1,\"seq\":1,", "\"seq\":1,\"seq\":2,"] {
                let results = try gateway.send(Array(text.replacing("\"seq\":1,", with: repeated).utf8), good)
                #expect(results.map(\.id) == [device.id(1), device.id(2)])
                #expect(results.first?.code == "malformed" && results.last?.status != "rejected")
            }
            #expect(try backend.acceptedScans() == 1)
            let body = String(decoding: gateway.body([good]), as: UTF8.self)
            for repeated in ["\"v\":1,\"v\":1,", "\"v\":1,\"scans\":[],"] {
                #expect(try gateway.post(Array(body.replacing("\"v\":1,", with: repeated).utf8)).status == 400)
            }
        }
    }

    private static let mistakes = [
        ("\"dev\":\"scanner-1\"", "\"dev\":\"-scanner\""), ("\"lane\":\"table-1\"", "\"lane\":\"\""),
        ("\"kid\":\"", "\"kid\":\"g"), ("\"log\":\"9f", "\"log\":\"9F"), ("\"seq\":1,", "\"seq\":-1,"),
        ("\"seq\":1,", "\"seq\":1.0,"), ("\"seq\":1,", "\"seq\":1e0,"), ("\"seq\":1,", "\"seq\":\"1\","),
        ("\"seq\":1,", "\"seq\":true,"), ("\"lane_seq\":1,", "\"lane_seq\":9007199254740992,"),
        ("\"mono_ms\":", "\"mono_ms\":-"), ("\"boot\":\"1f", "\"boot\":\"1F"), ("\"clk\":\"s\"", "\"clk\":\"x\""),
        ("\"aim\":\"]Q1\"", "\"aim\":\"Q1\""), ("\"aim\":\"]Q1\"", "\"aim\":\"]é1\""),
        ("\"sym\":\"QR\"", "\"sym\":\"Qr\""), ("\"action\":\"scan\"", "\"action\":\"steal\""),
        ("\"role\":\"parent\"", "\"role\":\"uncle\""), ("\"corrects\":\"\"", "\"corrects\":\"1\""),
        (".000Z\"", ".000z\""), ("\"ts\":\"2026-1", "\"ts\":\"2026-3"), ("\"ts\":\"2026", "\"ts\":\"２026"),
        ("\"parent\":\"\"", "\"parent\":null"), ("\"operator\":\"\",", ""),
        ("\"data\":\"SB00001\"", "\"data\":\"SB\\u000000001\""),
        ("\"data\":\"SB00001\"", "\"data\":\"SB00001\",\"data_b64\":\"U0IwMDAwMQ\""),
        ("\"data\":\"SB00001\"", "\"data_b64\":\"U0IwMDAwMQ==\""), ("\"alg\":\"hs256\"", "\"alg\":\"none\""),
        ("\"sig\":\"", "\"sig\":\"AA"), ("\"sig\":\"", "\"sig\":\"="),
    ]

    @Test(arguments: Backend.allCases)
    func `an id or a number that belongs to another scan is a conflict`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            _ = try gateway.send(device.scan(1, .parent, "SB00001"))
            let results = try gateway.send(
                device.scan(2, .parent, "SB00002", id: device.id(1)),
                device.scan(1, .parent, "SB00001", id: device.id(9)), device.scan(1, .parent, "SB00002"))
            #expect(results.map(\.code) == ["seq_conflict", "seq_conflict", "seq_conflict"])
            #expect(try backend.acceptedScans() == 1)
            // The same number in another log is another scan.
            var replaced = device
            replaced.log = "0000000000000001"
            #expect(
                try gateway.send(replaced.scan(1, .parent, "SB00001", id: device.id(10))).map(\.status) == ["accepted"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `a child before its parent is asked for again later, and then accepted`(_ kind: Backend) throws {
        try withBackend(kind) { (_, gateway, device) throws in
            let child = device.scan(2, .child, "CHILD1", parent: "SB00001")
            let early = try gateway.send(child)
            #expect(early.map(\.status) == ["rejected"] && early.map(\.code) == ["unknown_parent"])
            let results = try gateway.send(device.scan(1, .parent, "SB00001"), child)
            #expect(results.map(\.status) == ["accepted", "accepted"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `the bag rules refuse with business_rule and the reason`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
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
            #expect(try backend.linkTexts().count == 31)
        }
    }

    @Test(arguments: Backend.allCases)
    func `children go to the parent they were signed with, however lanes are mixed`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let other = TestDevice("scanner-2", lane: "table-2")
            try backend.addDeviceKey(other.registered)
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001"), other.scan(1, .parent, "SB00002"),
                device.scan(2, .child, "CHILD1", parent: "SB00001"), other.scan(2, .child, "CHILD2", parent: "SB00002"),
                device.scan(3, .child, "CHILD3", parent: "SB00001"))
            #expect(results.allSatisfy { $0.status == "accepted" })
            #expect(
                try backend.linkTexts() == ["CHILD1 in SB00001", "CHILD2 in SB00002", "CHILD3 in SB00001"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `undo, bill, return and other are taken`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            _ = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "CHILD1", parent: "SB00001"))
            let wrong = device.scan(3, .child, "CHILD1", parent: "SB00002", action: .unlink)
            #expect(try gateway.send(wrong).map(\.code) == ["business_rule"])
            let undo = device.scan(4, .child, "CHILD1", parent: "SB00001", action: .unlink)
            #expect(try gateway.send(undo).map(\.status) == ["accepted"])
            #expect(try gateway.send(undo).map(\.status) == ["duplicate"])
            #expect(try backend.linkTexts().isEmpty)
            let others = try gateway.send(
                device.scan(5, .parent, "SB00001", action: .bill),
                device.scan(6, .parent, "SB00001", action: .giveBack),
                device.scan(7, .other, "anything"))
            #expect(others.map(\.status) == ["accepted", "accepted", "accepted"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `bytes that are no text are kept apart from text`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "", parent: "SB00001", bytes: [0xFF, 0, 1]))
            #expect(results.map(\.status) == ["accepted", "accepted"])
            let other = device.scan(3, .child, "", parent: "SB00001", bytes: [0xFF, 0, 2])
            #expect(try gateway.send(other).map(\.childCount) == [2])
            #expect(try backend.linkTexts().count == 2)
        }
    }

    @Test(arguments: Backend.allCases)
    func `scans in one batch may be the same, undo each other and name the bag that came before them`(
        _ kind: Backend
    ) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let child = device.scan(2, .child, "CHILD1", parent: "SB00001")
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001"), child, child,
                device.scan(3, .child, "CHILD1", parent: "SB00001", action: .unlink),
                device.scan(4, .parent, "SB00002"), device.scan(5, .child, "CHILD1", parent: "SB00002"),
                device.scan(6, .child, "SB00009", parent: "SB00002"),
                device.scan(7, .child, "SB00009", parent: "SB00002", action: .unlink),
                device.scan(8, .parent, "SB00009"))
            #expect(
                results.map(\.status) == [
                    "accepted", "accepted", "duplicate", "accepted", "accepted", "accepted", "accepted", "accepted",
                    "accepted",
                ])
            #expect(try backend.linkTexts() == ["CHILD1 in SB00002"])
            // A bag that was a child once takes children of its own.
            #expect(
                try gateway.send(device.scan(9, .child, "CHILD2", parent: "SB00009")).map(\.feedbackText)
                    == ["SB00009 1/30"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `an undone child may be linked again, and names what it corrects`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            _ = try gateway.send(
                device.scan(1, .parent, "SB00001"), device.scan(2, .child, "CHILD1", parent: "SB00001"))
            let undo = device.scan(3, .child, "CHILD1", parent: "SB00001", action: .unlink) {
                $0.corrects = device.id(2)
            }
            #expect(try gateway.send(undo).map(\.status) == ["accepted"])
            let again = device.scan(4, .child, "CHILD1", parent: "SB00001") { $0.operatorBadge = "OP-0042" }
            #expect(try gateway.send(again).map(\.feedbackText) == ["SB00001 1/30"])
        }
    }

    @Test(arguments: Backend.allCases)
    func `hostile text is signed and stored like any other`(_ kind: Backend) throws {
        try withBackend(kind) { (backend, gateway, device) throws in
            let hostile = "'; DROP TABLE bag; --\u{202E}\n\u{1F4E6}"
            let results = try gateway.send(
                device.scan(1, .parent, "SB00001") { $0.operatorBadge = hostile + "\u{0}" },
                device.scan(2, .child, hostile, parent: "SB00001"), device.scan(3, .other, hostile),
                device.scan(4, .child, "CHILD1", parent: hostile + "\u{0}"))
            #expect(results.map(\.status) == ["accepted", "accepted", "accepted", "rejected"])
            #expect(results.last?.code == "unknown_parent")
            #expect(try backend.linkTexts().count == 1)
        }
    }
}
