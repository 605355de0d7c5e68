import JSON
import Model
import Posix
import Simulator
import Spool
import TestSupport
import Testing
import Uplinks

@testable import Gateway

/// A gateway with a primary, and with a second uplink to another backend.
private func withTwoBackends(
    _ more: String, clock: TimeSource = .system,
    _ body: (GatewayBench, Simulator, TestScanner) async throws -> Void
) async throws {
    try await withBench(.devices) { bench in
        var settings = SimulatorSettings()
        settings.authentication = .bearer
        let second = try Simulator(settings)
        defer { second.stop() }
        try second.addBearer(gateway: "dock-7", token: "token")
        let uplink = """
            [[uplink]]
            name = "aws"
            url = "\(second.url)"
            backend = "aws"
            contract = "tracetrack-devices"
            auth = { kind = "bearer", token_file = "\(bench.directory)/token" }
            \(more)
            """
        try await bench.running(try bench.configure(uplink), clock: clock) { _ in
            let scanner = try TestScanner()
            try await bench.add(scanner)
            let keys = try await bench.ask("device export", [("reveal", .bool(true))])["devices"]?.array ?? []
            for key in keys { try second.addDeviceKey(DeviceKey(json: key)) }
            try await body(bench, second, scanner)
        }
    }
}

extension Simulator {
    /// The labels that were accepted, in order.
    fileprivate func labels() throws -> [String] { try scans().map(\.label) }
}

private func number(_ n: Int) -> String { "\(1_000_000 + n)" }

@Suite(.timeLimit(.minutes(4)))
struct GatewayCutoverTests {
    private func cutOver(_ bench: GatewayBench, lane: String? = nil, back: Bool = false) async throws -> [JSONValue] {
        var arguments: [(key: String, value: JSONValue)] = [
            ("old", .string("tracetrack")), ("new", .string("aws")), ("back", .bool(back)),
        ]
        if let lane { arguments.append(("lane", .string(lane))) }
        return try await bench.ask("uplink cutover", arguments)["lanes"]?.array ?? []
    }

    private func scan(_ scanner: TestScanner, _ labels: String...) async throws {
        for label in labels { #expect(try await scanner.scan(label) == TestScanner.stored) }
    }

    @Test func `a bag that is scanned again because its lane was in doubt does not go over half-way`() async throws {
        try await withTwoBackends("") { bench, second, scanner in
            let first = try #require(bench.simulator)
            try await scan(scanner, "SB10000", childLabel(1))
            _ = try await cutOver(bench, lane: "table-1")
            // It is not there, and scans for the lane all the same.
            try await bench.ask(
                "device add",
                [
                    ("name", .string("belt-1")), ("kind", .string("camera")), ("lane", .string("table-1")),
                    ("options", .object([("port", .string(bench.directory + "/none.jpg"))])),
                ])
            #expect(try await scanner.scan(childLabel(2)) == TestScanner.refused)
            try await scan(scanner, "SB10000", childLabel(2), "SB10001", childLabel(3))
            try await bench.waitUntilDelivered()
            #expect(try first.labels() == ["SB10000", number(1), "SB10000", number(2)])
            #expect(try second.labels() == ["SB10001", number(3)])
        }
    }

    @Test func `a lane goes over with its next bag, and back with all that the old backend has not seen`() async throws
    {
        try await withTwoBackends("") { bench, second, scanner in
            let first = try #require(bench.simulator)
            try await scan(scanner, "SB10000", childLabel(1))
            let moving = try await cutOver(bench, lane: "table-1")
            #expect(moving.first?["state"]?.string == "moves with its next bag")
            try await scan(scanner, childLabel(2), "SB10001", childLabel(3))
            try await bench.waitUntilDelivered()
            #expect(try first.labels() == ["SB10000", number(1), number(2)])
            #expect(try second.labels() == ["SB10001", number(3)])
            let lane = try await bench.ask("lane list")["lanes"]?.array?.first
            #expect(lane?["uplink"]?.string == "aws" && lane?["moves_to"]?.string == "")

            let back = try await cutOver(bench, back: true)
            #expect(back.first?["state"]?.string == "taken back" && back.first?["replayed"]?.integer == 2)
            try await scan(scanner, childLabel(4))
            try await bench.waitUntilDelivered()
            #expect(try first.labels() == ["SB10000", number(1), number(2), "SB10001", number(3), number(4)])
            #expect(try second.labels() == ["SB10001", number(3)])
            let links = try first.links(parent: "SB10001").map(\.child)
            #expect(links == [number(3), number(4)])
        }
    }

    @Test func `between two bags a lane goes over at once`() async throws {
        try await withTwoBackends("") { bench, second, scanner in
            try await scan(scanner, "SB10000", childLabel(1))
            try await bench.waitUntilDelivered()
            try await bench.ask("lane clear", [("name", .string("table-1"))])
            #expect(try await cutOver(bench).first?["state"]?.string == "moved")
            try await scan(scanner, "SB10001")
            try await bench.waitUntilDelivered()
            #expect(try second.labels() == ["SB10001"])
        }
    }

    @Test func `a search says of each scan what its own backend said`() async throws {
        try await withTwoBackends("") { bench, _, scanner in
            try await scan(scanner, "SB10000")
            _ = try await cutOver(bench)
            try await scan(scanner, "SB10001")
            try await bench.waitUntilDelivered()
            for (label, uplink) in [("SB10000", "tracetrack"), ("SB10001", "aws")] {
                // Verdicts are written with the next commit.
                try await eventually("the verdict on disk") {
                    let found = try await bench.scans("find", [("label", .string(label))])
                    #expect(found.count == 1 && found.first?["uplink"]?.string == uplink)
                    return found.first?["state"]?.string == "accepted"
                }
            }
        }
    }

    @Test func `what cannot be cut over is refused with what there is`() async throws {
        try await withTwoBackends("") { bench, _, scanner in
            func refusal(_ old: String, _ new: String, _ lane: String?, back: Bool = false) async throws -> String {
                var arguments: [(key: String, value: JSONValue)] = [("old", .string(old)), ("new", .string(new))]
                if back { arguments.append(("back", .bool(true))) }
                if let lane { arguments.append(("lane", .string(lane))) }
                do { _ = try await bench.ask("uplink cutover", arguments) } catch { return "\(error)" }
                return ""
            }
            #expect(try await refusal("tracetrack", "asw", nil).contains("there is: tracetrack, aws"))
            #expect(try await refusal("aws", "aws", nil).contains("one uplink"))
            #expect(try await refusal("tracetrack", "aws", "table-9").contains("has not scanned yet"))
            try await scan(scanner, "SB10000")
            #expect(try await refusal("aws", "tracetrack", "table-1").contains("it is tracetrack's already"))
            for lane in [nil, "table-1"] {
                #expect(try await refusal("aws", "tracetrack", lane, back: true).contains("did not go from aws"))
            }
        }
    }

    @Test func `lanes go back by themselves where the new backend fails for as long as was said`() async throws {
        let clock = ManualClock(uptimeNs: TimeSource.system.now().uptimeNs, wallMs: TimeSource.system.now().wallMs)
        clock.setAutomatic(true)
        try await withTwoBackends("rollback = { to = \"tracetrack\", errors_for = \"20 s\" }", clock: clock.source) {
            bench, second, scanner in
            try await scan(scanner, "SB10000")
            try await bench.waitUntilDelivered()
            try await bench.ask("lane clear", [("name", .string("table-1"))])
            _ = try await cutOver(bench)
            _ = try second.addFault(Fault(.status))
            try await scan(scanner, "SB10001", childLabel(1))
            // Nobody does anything: the attempts alone show it, at the clock's pace.
            try await bench.waitUntilDelivered()
            let first = try #require(bench.simulator)
            #expect(try first.labels() == ["SB10000", "SB10001", number(1)])
            let audit = try await bench.ask("audit show", [("limit", .integer(3))])
            var json = JSONWriter()
            json.value(audit)
            #expect(String(decoding: json.bytes, as: UTF8.self).contains("automatic: "))
        }
    }
}

@Suite(.timeLimit(.minutes(4)))
struct MirrorTests {
    @Test func `a mirror gets a copy of every scan, and its verdicts are nobody's business`() async throws {
        try await withTwoBackends("use = \"mirror\"") { bench, second, scanner in
            for label in ["SB10000", childLabel(1), childLabel(2)] {
                #expect(try await scanner.scan(label) == TestScanner.stored)
            }
            try await bench.waitUntilDelivered()
            try await eventually("the copy") { try second.scans().count == 3 }
            try second.forgetBag("SB10000")
            #expect(try await scanner.scan(childLabel(3)) == TestScanner.stored)
            try await bench.waitUntilDelivered()
            #expect(try await bench.count("rejected") == 0)
            #expect(try await bench.count("held") == 0)
        }
    }

    @Test func `with the file full at the start a mirror that is down gives up its copies, and scans are taken again`()
        async throws
    {
        try await withBench(.devices) { bench in
            let mirror = """
                [[uplink]]
                name = "aws"
                url = "http://127.0.0.1:1"
                use = "mirror"
                backend = "aws"
                contract = "tracetrack-devices"
                auth = { kind = "bearer", token_file = "\(bench.directory)/token" }
                """
            var configuration = try bench.configure(mirror)
            let scanner = try TestScanner()
            try await bench.running(configuration) { _ in
                try await bench.add(scanner)
                for n in 0..<400 { #expect(try await scanner.scan("SB\(20_000 + n)") == TestScanner.stored) }
                try await bench.waitUntilDelivered()
            }
            configuration.spool.maxBytes = 200_000
            try await bench.running(configuration) { _ in
                try await bench.waitUntilRead(scanner.name)
                #expect(try await scanner.scan("SB30000") == TestScanner.refused)
                try await eventually("room") { try await scanner.scan("SB30001") == TestScanner.stored }
            }
        }
    }

    @Test func `a mirror that is down delays nothing, falls behind up to its bound, and counts the gap`() async throws {
        try await withTwoBackends("use = \"mirror\"\nmax_backlog = 10") { bench, second, scanner in
            second.stop()
            for n in 0..<40 { #expect(try await scanner.scan("SB\(20_000 + n)") == TestScanner.stored) }
            try await bench.waitUntilDelivered()
            try await eventually("the gap") {
                let uplinks = try await bench.ask("uplink list")["uplinks"]?.array ?? []
                guard let copy = uplinks.first(where: { $0["name"]?.string == "aws" }) else { return false }
                let (waiting, skipped) = (copy["waiting"]?.integer ?? 0, copy["skipped"]?.integer ?? 0)
                return waiting <= 10 && waiting + skipped == 40
            }
            #expect(try await bench.count("waiting") == 0)
        }
    }
}

struct RollbackTriggerTests {
    private var settings: UplinkSettings.Rollback {
        var settings = UplinkSettings.Rollback(to: "tracetrack")
        (settings.slowFor, settings.errorsFor) = (.seconds(300), .seconds(120))
        return settings
    }

    /// The second at which it fires, or nil; an attempt a second.
    private func fires(_ took: (Int) -> Duration, _ failed: (Int) -> Bool) -> Int? {
        var trigger = RollbackTrigger(settings)
        for second in 0..<1200 {
            let reason = trigger.on(
                took: took(second), failed: failed(second), Int64(second) * 1_000_000_000)
            if reason != nil { return second }
        }
        return nil
    }

    @Test func `slow answers fire after five minutes, quick ones never`() {
        #expect(fires({ _ in .milliseconds(501) }, { _ in false }) == 300)
        #expect(fires({ _ in .milliseconds(500) }, { _ in false }) == nil)
        // One minute of quick answers begins it anew.
        #expect(fires({ (180..<240).contains($0) ? .milliseconds(20) : .seconds(1) }, { _ in false }) == 540)
    }

    @Test func `errors fire after two minutes where more than a tenth fail`() {
        #expect(fires({ _ in .zero }, { $0 % 9 == 0 }) == 120)
        #expect(fires({ _ in .zero }, { $0 % 10 == 0 }) == nil)
    }

    @Test func `few attempts are enough, and none is none`() {
        var trigger = RollbackTrigger(settings)
        // As with an open breaker: one probe each thirty seconds.
        var fired: Int64?
        for second: Int64 in stride(from: 0, to: 600, by: 30) where fired == nil {
            if trigger.on(took: .seconds(1), failed: true, second * 1_000_000_000) != nil { fired = second }
        }
        #expect(fired == 120)
        // And as with a lane that backs off for minutes.
        (trigger, fired) = (RollbackTrigger(settings), nil)
        for second: Int64 in stride(from: 0, to: 1200, by: 290) where fired == nil {
            if trigger.on(took: .seconds(1), failed: true, second * 1_000_000_000) != nil { fired = second }
        }
        #expect(fired == 290)
        trigger = RollbackTrigger(settings)
        _ = trigger.on(took: .seconds(1), failed: true, 0)
        let late = trigger.on(took: .seconds(1), failed: true, 7200 * 1_000_000_000)
        #expect(late == nil)
    }
}
