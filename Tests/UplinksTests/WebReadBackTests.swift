import Model
import Simulator
import TestSupport
import Testing

@testable import Uplinks

@Suite(.timeLimit(.minutes(4)))
struct WebReadBackTests {
    @Test(
        arguments: [
            (200, #"{"success":true,"children":["C1","c2 "]}"#, WebReadBack.listed),
            (200, #"["C1","C2"]"#, .listed),
            (200, #"{"children":[{"qr_code":"C1"},{"qr_id":"C2"}]}"#, .listed),
            (200, #"{"data":{"children":[{"id":7,"qr_id":"C2"}]}}"#, .listed),
            (200, #"{"success":true,"children":["C2"],"has_more":true}"#, .listed),
            (200, #"{"success":true,"children":["C1","C3"],"parent_qr":" sb00860"}"#, .notListed),
            (200, #"{"success":true,"children":["C1","C3"],"child_count":2}"#, .notListed),
            (200, #"{"child_bags":[{"label":"C1"},{"label":"C3"}],"count":2}"#, .notListed),
        ])
    func `a list tells`(status: Int, body: String, expected: WebReadBack) {
        #expect(WebReadBack.judge(response(status, body), label: "C2", parent: "SB00860", most: 2) == expected)
    }

    @Test(
        arguments: [
            ("Parent bag is full", 30), ("Maximum 25 child bags allowed", 25), ("Parent bag is full (12/12)", 12),
            ("Parent bag SB00860 is already completed (40/40 children)", 40), ("already completed (x", 30),
            ("Maximum 99999999999999999999 child bags", 30),
        ])
    func `the refusal tells how many children a full bag has`(refusal: String, most: Int) {
        #expect(WebReadBack.childrenOfFullBag(refusal) == most)
    }

    @Test(
        arguments: [
            (404, #"{"children":["C2"]}"#), (200, "<html>"), (200, "{}"), (200, "7"), (200, #"{"children":7}"#),
            (200, #"{"success":false,"children":[]}"#), (200, #"{"children":["C2"],"parent_qr":"SB00861"}"#),
            (200, #"{"children":["C1"],"count":30}"#), (200, #"{"children":["C1"],"has_more":true}"#),
            (200, #"{"children":[{"id":1}]}"#), (200, #"{"children":["C1",7]}"#),
            // The bag is full, so that a list with fewer than it holds is a page of it, or of something else.
            (200, #"{"success":true,"children":[],"child_count":0}"#),
            (200, #"{"children":["C1"],"page":1,"pages":2}"#),
            (200, #"["C1"]"#), (200, #"{"children":["C1","C3"],"has_next":true}"#),
        ])
    func `what is no whole list tells nothing`(status: Int, body: String) {
        guard case .unreadable = WebReadBack.judge(response(status, body), label: "C2", parent: "SB00860", most: 2)
        else {
            Issue.record("it was taken for a list")
            return
        }
    }

    /// A bag that takes one child is full; the second one's first post gets no answer.
    private func outcome(
        _ kind: Fault.Kind, children: Int, path: String = "/api/parent-children", readBack: Fault? = nil
    ) async throws -> Settlement? {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(
                directory, backend: { $0.childrenPerParent = children }, uplink: { $0.paths.children = path })
            defer { bench.simulator.stop() }
            let scans = bag(1, 1, children: 2)
            try await bench.run {
                bench.log.add(Array(scans[..<2]), to: lane("table-1"))
                bench.delivery.scansArrived(in: [lane("table-1")])
                await bench.log.waitForSettled(2)
                try bench.simulator.addFault(Fault(kind, path: "/process_child_scan_fast", count: 1))
                if let readBack { try bench.simulator.addFault(readBack) }
                bench.log.add([scans[2]], to: lane("table-1"))
                bench.delivery.scansArrived(in: [lane("table-1")])
                await bench.log.waitForSettled(3)
                #expect(await bench.delivery.status().ambiguous == 1)
            }
            return bench.log.settled[scans[2].n]
        }
    }

    @Test func `a child that is in the full bag is accepted`() async throws {
        #expect(try await outcome(.lost, children: 2) == .done)
    }

    @Test func `a child that is not in the full bag is rejected`() async throws {
        guard case .rejected(let reason) = try await outcome(.close, children: 1) else {
            Issue.record("not rejected")
            return
        }
        #expect(reason.contains("completed") && reason.contains("it is not in SB10101"))
    }

    @Test func `a list that cannot be read leaves the scan held`() async throws {
        let fault = Fault(.garbage, path: "/api/parent-children")
        guard case .held(let reason) = try await outcome(.lost, children: 2, readBack: fault) else {
            Issue.record("not held")
            return
        }
        #expect(reason.hasPrefix("probably accepted") && reason.contains("no JSON"))
    }

    @Test func `a list that cannot be had for a moment is asked for again`() async throws {
        let fault = Fault(.status, path: "/api/parent-children", count: 2, status: 503)
        #expect(try await outcome(.lost, children: 2, readBack: fault) == .done)
    }

    @Test func `a list that cannot be had at all leaves the scan held`() async throws {
        let fault = Fault(.status, path: "/api/parent-children", status: 503)
        guard case .held(let reason) = try await outcome(.lost, children: 2, readBack: fault) else {
            Issue.record("not held")
            return
        }
        #expect(reason.hasPrefix("probably accepted") && reason.contains("503"))
    }

    @Test func `without a path nobody is asked`() async throws {
        guard case .held(let reason) = try await outcome(.lost, children: 2, path: "") else {
            Issue.record("not held")
            return
        }
        #expect(reason.hasPrefix("probably accepted"))
    }
}
