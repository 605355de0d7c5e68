internal import JSON
internal import Simulator
internal import TestSupport
internal import Testing

@Suite(.timeLimit(.minutes(4)))
struct `Contract tracetrack-web, scans` {
    private func withBrowser(_ name: String = "R3", _ body: (Simulator, Browser) throws -> Void) throws {
        try withSimulator({ $0.variant = WebVariant.named(name) ?? .r3 }) { simulator in
            let browser = try Browser(simulator)
            try browser.login()
            try body(simulator, browser)
        }
    }

    @Test(arguments: variants)
    func `a parent is stripped, upper-cased and accepted, and each scan inserts a row`(_ name: String) throws {
        try withBrowser(name) { (simulator, browser) throws in
            for id in ["one", "two"] {
                let answer = try browser.parent("+sb00860%20", id: id)
                #expect(answer.status == 200)
                #expect(answer.json["success"]?.bool == true)
                #expect(answer.json["parent_qr"]?.string == "SB00860")
                for member in ["message", "redirect", "time_ms"] { #expect(answer.json[member] != nil) }
                #expect(answer.header("x-request-id") == id)
            }
            #expect(try simulator.scans().map(\.label) == ["SB00860", "SB00860"])
            #expect(try simulator.acceptances() == ["one": 1, "two": 1])
            #expect(try simulator.count("parents") == 1)
        }
    }

    @Test(arguments: ["SB123456", "SB1234", "hello", "SBABCDE", "SB00860SB00861"])
    func `a label of another form is 400 with a popup`(_ label: String) throws {
        try withBrowser { (simulator, browser) throws in
            let answer = try browser.parent(label)
            #expect(answer.status == 400)
            #expect(answer.json["success"]?.bool == false)
            #expect(answer.json["show_popup"]?.bool == true)
            #expect(try simulator.count("rejected") == 1)
        }
    }

    @Test
    func `a child bag is no parent, and a body that is no form has no code`() throws {
        try withBrowser { (_, browser) throws in
            _ = try browser.parent("SB00001")
            _ = try browser.child("SB00002")
            let answer = try browser.parent("SB00002")
            #expect(answer.status == 400)
            #expect(answer.message == "SB00002 is a child bag, not a parent bag")
            #expect(answer.json["show_popup"] == nil)
            for answer in [
                try browser.post("/api/fast_parent_scan", json: "{\"qr_code\":\"SB00001\"}"), try browser.parent(""),
            ] {
                #expect(answer.status == 400)
                #expect(answer.message == "No QR code provided")
            }
        }
    }

    @Test(arguments: variants)
    func `a child is linked to the session's parent, by form or JSON`(_ name: String) throws {
        try withBrowser(name) { (simulator, browser) throws in
            _ = try browser.parent("SB00860")
            let first = try browser.child("0016586")
            #expect(first.message == "✓ 0016586 linked! (1/30)")
            #expect(first.json["child_qr"]?.string == "0016586" && first.json["parent_qr"]?.string == "SB00860")
            #expect(first.json["child_count"]?.integer == 1)
            let second = try browser.post("/process_child_scan_fast", json: "{\"qr_code\":\" abc7 \"}")
            #expect(second.json["child_qr"]?.string == "ABC7" && second.json["child_count"]?.integer == 2)
            #expect(try simulator.links().map(\.child) == ["0016586", "ABC7"])
            #expect(try simulator.links().allSatisfy { $0.parent == "SB00860" })
        }
    }

    @Test
    func `what a child label may be depends on the variant`() throws {
        for (name, label, isGood) in [
            ("R1", "A-1", true), ("R1", "A1", false), ("R2", "LABEL NO. 0016586", true), ("R3", "A-1234", false),
            ("R3", "A123", true), ("R3", "A12", false), ("R3", String(repeating: "A", count: 21), false),
        ] {
            try withBrowser(name) { (_, browser) throws in
                _ = try browser.parent("SB00860")
                let form = label.split(separator: " ").joined(separator: "+")
                #expect(try browser.child(form).json["success"]?.bool == isGood, "\(name) \(label)")
            }
        }
    }

    @Test(
        arguments: [
            ("R1", "Child bag CHILD1 is already linked to parent bag SB00001"),
            ("R2", "Child bag CHILD1 was already linked to this parent"),
            ("R3", "DUPLICATE: Child bag CHILD1 is already linked to this parent"),
        ])
    func `a child that is linked already`(_ name: String, _ words: String) throws {
        try withBrowser(name) { (simulator, browser) throws in
            _ = try browser.parent("SB00001")
            _ = try browser.child("CHILD1")
            let again = try browser.child("CHILD1")
            #expect(again.status == 200 && again.json["success"]?.bool == false)
            #expect(again.message == words)
            _ = try browser.parent("SB00002")
            #expect(try browser.child("CHILD1").message.hasSuffix("already linked to parent bag SB00001"))
            #expect(try simulator.count("links") == 1)
            #expect(try simulator.count("duplicate") == 1)
        }
    }

    @Test(
        arguments: [
            ("R1", "SB00002 is already registered as a parent bag", "Maximum 30 child bags"),
            ("R2", "SB00002 is already registered as a parent bag", "Parent bag is full"),
            ("R3", "DUPLICATE: SB00002 is already a parent bag", "Parent bag SB00001 is already completed (30/30"),
        ])
    func `a parent as a child, and a full bag`(_ name: String, _ parentWords: String, _ fullWords: String) throws {
        try withBrowser(name) { (simulator, browser) throws in
            _ = try browser.parent("SB00002")
            _ = try browser.parent("SB00001")
            #expect(try browser.child("SB00002").message == parentWords)
            for index in 1...30 {
                #expect(try browser.child("CHILD\(index)").json["child_count"]?.integer == Int64(index))
            }
            #expect(try browser.child("CHILD31").message.hasPrefix(fullWords))
            // The real one looks at the count first, which is why a lost answer needs the read-back.
            #expect(try browser.child("CHILD30").message.hasPrefix(fullWords))
            #expect(try simulator.count("links") == 30)
        }
    }

    @Test
    func `a child without a parent, and with one that the backend has lost`() throws {
        try withBrowser { (simulator, browser) throws in
            #expect(try browser.child("CHILD1").message == "No parent bag selected")
            _ = try browser.parent("SB00001")
            try simulator.forgetBag("SB00001")
            let lost = try browser.child("CHILD1")
            #expect(lost.message == "Parent bag SB00001 not found - session expired")
            #expect(lost.json["clear_parent"]?.bool == true)
            #expect(try browser.child("CHILD1").message == "No parent bag selected")
        }
    }

    @Test
    func `undo removes the link that is named, and the last one where none is`() throws {
        try withBrowser { (simulator, browser) throws in
            _ = try browser.parent("SB00001")
            for child in ["CHILD1", "CHILD2", "CHILD3"] { _ = try browser.child(child) }
            let named = try browser.post(
                "/api/unlink_child", json: "{\"qr_code\":\"CHILD1\",\"parent_qr\":\"SB00001\"}")
            #expect(named.status == 200 && named.json["success"]?.bool == true)
            #expect(named.json["child_count"]?.integer == 2)
            let wrong = try browser.post(
                "/api/unlink_child", json: "{\"qr_code\":\"CHILD2\",\"parent_qr\":\"SB00002\"}")
            #expect(wrong.json["success"]?.bool == false)
            #expect(try browser.post("/api/unlink_child", json: "{}").json["child_qr"]?.string == "CHILD3")
            #expect(try simulator.links().map(\.child) == ["CHILD2"])
            #expect(try browser.child("CHILD1").json["child_count"]?.integer == 2)
        }
    }

    @Test
    func `the read-back lists a bag's children`() throws {
        try withBrowser { (simulator, browser) throws in
            _ = try browser.parent("SB00001")
            _ = try browser.child("CHILD1")
            _ = try browser.child("CHILD2")
            let answer = try browser.get("/api/parent-children/SB00001")
            #expect(answer.json["success"]?.bool == true && answer.json["parent_qr"]?.string == "SB00001")
            #expect(answer.json["children"]?.array?.compactMap(\.string) == ["CHILD1", "CHILD2"])
            let unknown = try browser.get("/api/parent-children/SB00009")
            #expect(unknown.status == 200 && unknown.message == "Parent bag not found")
            #expect(try Browser(simulator).get("/api/parent-children/SB00001").header("location") == "/login")
        }
    }

    @Test
    func `other paths and methods are HTML errors`() throws {
        try withBrowser { (_, browser) throws in
            let (unknown, wrong) = (try browser.get("/nothing"), try browser.get("/api/fast_parent_scan"))
            #expect(unknown.status == 404)
            #expect(wrong.status == 405)
        }
    }
}
