import Model
import Testing
import Wire

@testable import Uplinks

/// "What the gateway does with each answer", second half: what an answer does to the lane.
struct DevicesLaneTests {
    /// A lane machine with the outside world played by hand.
    private final class Bench {
        var lane = DevicesLane()
        var made = 0
        var nowNs: Int64 = 0

        init(_ scans: ClosedRange<Int>) {
            lane.take(scans.map { DevicesLane.Scan(n: Int64($0), id: scanID($0), wire: [UInt8($0)]) })
        }

        /// The scans of the next batch; made where it is not there yet.
        func send() -> (id: UUID, ns: [Int], compressed: Bool)? {
            switch lane.next {
            case nil: return nil
            case .batch(let batch): return (batch.id, batch.body.map(Int.init), batch.isCompressed)
            case .encode(let scans, let compress):
                made += 1
                let batch = EncodedBatch(
                    id: UUID(high: 7, low: UInt64(made)), lane: tableOne, traceparent: "",
                    body: scans.flatMap(\.wire), isCompressed: compress)
                lane.keep(batch)
                return (batch.id, scans.map { Int($0.n) }, compress)
            }
        }

        func answer(_ answer: BatchAnswer, _ traffic: Traffic = Traffic()) -> DevicesLane.Outcome {
            // Answers ten seconds apart.
            nowNs += 10_000_000_000
            return lane.on(answer, traffic: traffic, nowNs: nowNs)
        }

        func results(_ results: [(Int, String)]) -> DevicesLane.Outcome {
            answer(
                .results(
                    BatchReply(
                        batchID: UUID(high: 7, low: 0), serverTime: "",
                        results: results.map { BatchReply.Result(id: scanID($0.0), status: $0.1) })))
        }

        func pass(_ batch: (id: UUID, ns: [Int], compressed: Bool)) { _ = results(batch.ns.map { ($0, "accepted") }) }

        /// Sends a batch until it has passed: whether it went out compressed at first.
        ///
        /// - Parameter refused: that is answered with 415.
        func sendsCompressed(refused: Bool = false) throws -> Bool {
            if !lane.hasWork { lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: [1])]) }
            let first = try #require(send())
            if refused { _ = answer(.compressionRefused("415")) }
            pass(refused ? try #require(send()) : first)
            return first.compressed
        }
    }

    @Test func `accepted and duplicate scans are done, whatever their order in the reply`() {
        let bench = Bench(1...3)
        _ = bench.send()
        let outcome = bench.results([(3, "accepted"), (1, "duplicate"), (2, "accepted")])
        #expect(outcome.judged.map(\.n) == [1, 2, 3])
        #expect(outcome.judged.allSatisfy { $0.settlement == .done })
        #expect(outcome.judged.map(\.isDuplicate) == [true, false, false])
        #expect(outcome.wait == .none && !bench.lane.hasWork)
    }

    @Test func `an id that is missing stays waiting, and the lane backs off`() {
        let bench = Bench(1...2)
        for attempt in 1...8 {
            _ = bench.send()
            let outcome = bench.results([(2, "accepted")].filter { _ in attempt == 1 })
            #expect(outcome.judged.map(\.n) == (attempt == 1 ? [2] : []))
            #expect(outcome.wait == .backoff(attempt: max(1, attempt)))
            bench.lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: [1])])
        }
    }

    @Test func `an id named twice with different words stays waiting, with the same words it counts`() {
        let bench = Bench(1...2)
        _ = bench.send()
        let outcome = bench.results([(1, "rejected"), (1, "accepted"), (2, "accepted"), (2, "accepted")])
        #expect(outcome.judged.map(\.n) == [2])
        #expect(outcome.wait == .backoff(attempt: 1))
    }

    @Test func `ids that are not in the batch are ignored and counted`() {
        let bench = Bench(1...1)
        _ = bench.send()
        let outcome = bench.results([(1, "accepted"), (77, "accepted"), (78, "rejected")])
        #expect(outcome.judged.map(\.n) == [1] && outcome.foreign == 2)
    }

    @Test func `an unknown status counts as missing four times, the fifth time the scan is held`() {
        let bench = Bench(1...1)
        for round in 1...5 {
            _ = bench.send()
            let outcome = bench.results([(1, "perhaps")])
            if round < 5 {
                #expect(outcome.judged.isEmpty)
                bench.lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: [1])])
            } else {
                guard case .held(let reason) = outcome.judged.first?.settlement else {
                    Issue.record("not held")
                    return
                }
                #expect(reason.contains("perhaps"))
            }
        }
    }

    @Test func `an identity answer pauses the lane for five minutes and keeps the scan`() {
        let bench = Bench(1...2)
        _ = bench.send()
        let reply = BatchReply(
            batchID: UUID(high: 7, low: 1), serverTime: "",
            results: [
                .init(id: scanID(1), status: "rejected", code: "unknown_device"),
                .init(id: scanID(2), status: "accepted"),
            ])
        let outcome = bench.answer(.results(reply))
        #expect(outcome.judged.map(\.n) == [2])
        #expect(outcome.identity == "unknown_device" && outcome.wait == .paused(.seconds(300)))
    }

    @Test func `a deferral waits as long as the longest one asks`() {
        let bench = Bench(1...2)
        _ = bench.send()
        let reply = BatchReply(
            batchID: UUID(high: 7, low: 1), serverTime: "",
            results: [
                .init(id: scanID(1), status: "deferred", retryAfterMs: 5000),
                .init(id: scanID(2), status: "deferred", retryAfterMs: 3000),
            ])
        #expect(bench.answer(.results(reply)).wait == .atLeast(.seconds(5), attempt: 1))
    }

    @Test(
        arguments: [
            BatchAnswer.failure("x", retryAfter: nil), .unreadable("x"), .later(nil), .slowDown("x", retryAfter: nil),
        ])
    func `the same bytes go out again under the same id, with growing backoff`(answer: BatchAnswer) throws {
        let bench = Bench(1...3)
        let first = try #require(bench.send())
        for attempt in 1...6 {
            #expect(bench.answer(answer).wait == .backoff(attempt: attempt))
            let again = try #require(bench.send())
            #expect(again.id == first.id && again.ns == first.ns)
        }
        #expect(bench.made == 1)
    }

    @Test(arguments: [BatchAnswer.failure("x", retryAfter: .seconds(9)), .slowDown("x", retryAfter: .seconds(9))])
    func `Retry-After is the least that is waited`(answer: BatchAnswer) {
        let bench = Bench(1...1)
        _ = bench.send()
        #expect(bench.answer(answer).wait == .atLeast(.seconds(9), attempt: 1))
    }

    @Test(arguments: [
        BatchAnswer.failure("500", retryAfter: nil), .unreadable("a page"), .unreachable("no connection"),
    ])
    func `five failures while other batches pass halve the batch under new ids, down to the scan, which is held`(
        answer: BatchAnswer
    ) {
        let bench = Bench(1...4)
        var traffic = Traffic()
        var sent: [[Int]] = []
        var ids: Set<UUID> = []
        var held: [Int64] = []
        while let batch = bench.send() {
            if ids.insert(batch.id).inserted { sent.append(batch.ns) }
            traffic.passed += 1
            if batch.ns.contains(3) {
                let outcome = bench.answer(answer, traffic)
                traffic.failed += 1
                held += outcome.judged.map(\.n)
            } else {
                _ = bench.results(batch.ns.map { ($0, "accepted") })
            }
        }
        #expect(sent == [[1, 2, 3, 4], [1, 2], [3, 4], [3], [4]])
        #expect(held == [3])
    }

    @Test func `failures while nothing else passes never halve and never hold`() throws {
        let bench = Bench(1...2)
        for _ in 0..<50 {
            _ = bench.send()
            #expect(bench.answer(.failure("500", retryAfter: nil), Traffic(passed: 3)).judged.isEmpty)
        }
        #expect(try #require(bench.send()).ns == [1, 2] && bench.made == 1)
    }

    @Test func `a scan is not held for failing as others do on a bad line`() throws {
        let bench = Bench(1...1)
        var traffic = Traffic()
        for _ in 0..<20 {
            _ = bench.send()
            #expect(bench.answer(.failure("timeout", retryAfter: nil), traffic).judged.isEmpty)
            // Of the others every second one fails.
            traffic.passed += 1
            traffic.failed += 2
        }
        #expect(try #require(bench.send()).ns == [1])
    }

    @Test func `a batch that is too large is halved, and a scan too large alone is rejected`() {
        let bench = Bench(1...3)
        var rejected: [Int64] = []
        while let batch = bench.send() {
            if batch.ns.contains(2) {
                rejected += bench.answer(.tooLarge("413")).judged.map(\.n)
            } else {
                _ = bench.results(batch.ns.map { ($0, "accepted") })
            }
        }
        #expect(rejected == [2])
    }

    @Test func `a refused batch is bisected under new ids to the poison scan`() throws {
        let bench = Bench(1...8)
        var suspects: [Int64] = []
        var done: [Int64] = []
        var ids: [UUID] = []
        while let batch = bench.send() {
            ids.append(batch.id)
            if batch.ns.contains(6) {
                let outcome = bench.answer(.refused("400"))
                #expect(outcome.judged.isEmpty)
                if let suspect = outcome.suspect { suspects.append(suspect.n) }
            } else {
                done += bench.results(batch.ns.map { ($0, "accepted") }).judged.map(\.n)
            }
        }
        #expect(suspects == [6] && done == [1, 2, 3, 4, 5, 7, 8])
        #expect(Set(ids).count == ids.count)
    }

    @Test func `a 415 goes out again without gzip under a new id, and a single one is not believed`() throws {
        let bench = Bench(1...2)
        // However many there are, with batches between them that pass.
        for _ in 0..<5 {
            let first = try #require(bench.send())
            #expect(first.compressed)
            #expect(bench.answer(.compressionRefused("415")).suspect == nil)
            let second = try #require(bench.send())
            #expect(second.id != first.id && !second.compressed && second.ns == [1, 2])
            bench.pass(second)
            #expect(try bench.sendsCompressed())
            bench.lane.take([1, 2].map { DevicesLane.Scan(n: $0, id: scanID(Int($0)), wire: [UInt8($0)]) })
        }
    }

    @Test func `two in a row are believed, and gzip is tried again after a hundred batches`() throws {
        let bench = Bench(1...1)
        #expect(try bench.sendsCompressed(refused: true))
        #expect(try bench.sendsCompressed(refused: true))
        // The backend, or a proxy, does not take it: one refusal each time it is asked.
        for _ in 0..<3 {
            for _ in 0..<100 { #expect(try !bench.sendsCompressed()) }
            #expect(try bench.sendsCompressed(refused: true))
        }
        for _ in 0..<100 { #expect(try !bench.sendsCompressed()) }
        // It does again, and what was before is forgotten.
        #expect(try bench.sendsCompressed())
        #expect(try bench.sendsCompressed(refused: true))
        #expect(try bench.sendsCompressed())
    }

    @Test func `a 415 to what is refused without gzip too says nothing of gzip`() throws {
        let bench = Bench(1...2)
        for _ in 0..<3 {
            #expect(try #require(bench.send()).compressed)
            _ = bench.answer(.compressionRefused("415"))
            _ = bench.send()
            _ = bench.answer(.compressionRefused("415"))
            while let half = bench.send() { bench.pass(half) }
            bench.lane.take([1, 2].map { DevicesLane.Scan(n: $0, id: scanID(Int($0)), wire: [UInt8($0)]) })
        }
    }

    @Test func `a batch that is too large without gzip counts as one that passed without it`() throws {
        let bench = Bench(1...2)
        for _ in 0..<2 {
            #expect(try #require(bench.send()).compressed)
            _ = bench.answer(.compressionRefused("415"))
            _ = bench.send()
            _ = bench.answer(.tooLarge("413"))
            while let half = bench.send() { bench.pass(half) }
            bench.lane.take([1, 2].map { DevicesLane.Scan(n: $0, id: scanID(Int($0)), wire: [UInt8($0)]) })
        }
        #expect(try !#require(bench.send()).compressed)
    }

    @Test func `a 415 for a plain batch is bisected`() throws {
        let bench = Bench(1...2)
        _ = bench.send()
        _ = bench.answer(.compressionRefused("415"))
        _ = bench.send()
        _ = bench.answer(.compressionRefused("415"))
        #expect(try #require(bench.send()).ns == [1])
        for time in 1...DevicesLane.refusalsToSuspect {
            _ = bench.send()
            let suspect = bench.answer(.compressionRefused("415")).suspect
            #expect(suspect?.n == (time == DevicesLane.refusalsToSuspect ? 1 : nil))
        }
    }

    @Test func `a scan refused alone is asked about again under a new id before it is a suspect`() throws {
        let bench = Bench(1...2)
        _ = bench.send()
        _ = bench.answer(.refused("400"))
        var ids: [UUID] = []
        for time in 1..<DevicesLane.refusalsToSuspect {
            let batch = try #require(bench.send())
            #expect(batch.ns == [1])
            ids.append(batch.id)
            let outcome = bench.answer(.refused("400"))
            #expect(outcome.suspect == nil && outcome.judged.isEmpty)
            #expect(outcome.wait == .atLeast(.milliseconds(500 << (time - 1)), attempt: time))
            // What was put back counts on.
            bench.lane.drop()
            bench.lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: [1])])
        }
        #expect(Set(ids).count == ids.count)
        _ = bench.send()
        #expect(bench.answer(.refused("400")).suspect?.n == 1)
        // From the beginning again, where nothing has passed and it is put back.
        bench.lane.take([DevicesLane.Scan(n: 1, id: scanID(1), wire: [1])])
        _ = bench.send()
        #expect(bench.answer(.refused("400")).suspect == nil)
    }

    @Test(arguments: [BatchAnswer.unauthorized("401"), .forbidden("403"), .misconfigured("404")])
    func `what concerns the whole uplink leaves the batch as it is`(answer: BatchAnswer) throws {
        let bench = Bench(1...2)
        let first = try #require(bench.send())
        let outcome = bench.answer(answer)
        #expect(outcome.judged.isEmpty && outcome.wait == .none && outcome.suspect == nil)
        #expect(try #require(bench.send()).id == first.id)
    }

    @Test func `an open scan of the front half keeps the back half from overtaking it`() {
        let bench = Bench(1...4)
        _ = bench.send()
        _ = bench.answer(.refused("400"))
        _ = bench.send()
        let outcome = bench.results([(1, "accepted"), (2, "deferred")])
        #expect(outcome.judged.map(\.n) == [1])
        #expect(!bench.lane.hasWork)
    }
}

private let tableOne = lane("table-1")
