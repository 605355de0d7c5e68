internal import Crypto
internal import Glibc
internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

/// What only TraceTrack's own half can get wrong: workers side by side, a database that goes away, migrations, and the
/// form post that must not notice any of it.
@Suite(.serialized, .onOwnThread, .timeLimit(.minutes(5)))
struct `TraceTrack's half` {
    @Test
    func `two workers that race for one batch give one answer`() async throws {
        let site = try Site()
        let body = site.bag("SB00001", children: 10)
        let id = try site.id(of: body)
        let answers = try await site.postAtOnce(Array(repeating: (body, id), count: 8))
        #expect(answers.map(\.status) == Array(repeating: 200, count: 8))
        #expect(Set(answers.map(\.body)).count == 1)
        #expect(try site.backend.acceptedScans() == 11)
        #expect(try site.backend.number("SELECT count(*) FROM scan") == 11)
    }

    @Test
    func `one scan in many batches at once is accepted in one of them`() async throws {
        let site = try Site()
        let scans = site.scans("SB00001", children: 10)
        for round in 0..<5 {
            // The bag first, then its children in any order: whoever comes first decides nothing but who is told so.
            let batches = (0..<8).map { number in
                var generator = SeededGenerator(seed: UInt64(round * 8 + number))
                return site.body(scans[..<1] + scans[1...].shuffled(using: &generator))
            }
            let answers = try await site.postAtOnce(batches.map { ($0, try site.id(of: $0)) })
            #expect(answers.map(\.status) == Array(repeating: 200, count: 8))
            let results = try answers.flatMap { try BatchReply.parse($0.body).results }
            #expect(results.filter { $0.status == "accepted" }.count == (round == 0 ? 11 : 0))
            #expect(results.filter { $0.status == "duplicate" }.count == (round == 0 ? 77 : 88))
        }
        #expect(try site.backend.acceptedScans() == 11)
        #expect(try site.backend.linkTexts().count == 10)
        // They waited for each other: nobody's work was done in vain, which would leave gaps between the bags' ids.
        #expect(try site.backend.number("SELECT last_value FROM bag_id_seq") == 11)
    }

    @Test
    func `batches that touch the same bags in opposite order wait for each other and never fail`() async throws {
        let site = try Site()
        let bags = (0..<20).map { "SB001\($0 + 10)" }
        for (number, bag) in bags.enumerated() {
            _ = try site.post(site.body([site.device.scan(Int64(number), .parent, bag)]))
        }
        let batches = (0..<8).map { number in
            // Each child is fought over by two bags: one of them gets it.
            let order = number.isMultiple(of: 2) ? bags : bags.reversed()
            return site.body(
                order.enumerated().map { place, bag in
                    site.device.scan(Int64(1000 + number * 100 + place), .child, "C\(place)", parent: bag)
                })
        }
        let answers = try await site.postAtOnce(batches.map { ($0, try site.id(of: $0)) })
        #expect(answers.map(\.status) == Array(repeating: 200, count: 8))
        #expect(try site.backend.linkTexts().count == 20)
        // No child is in two bags, and each link is that of an accepted scan's own parent.
        #expect(
            try site.backend.number(
                "SELECT count(*) FROM (SELECT FROM link GROUP BY child_bag_id HAVING count(*) > 1) x") == 0)
        #expect(try site.backend.number(Site.wrongParents) == 0)
    }

    @Test
    func `a bag that a form post makes at the same moment is found, and not made twice`() async throws {
        let site = try Site()
        let body = site.bag("SB00001", children: 1)
        let results = try await site.results(
            of: body, meeting: "INSERT INTO bag (qr_id, type) VALUES ('SB00001', 'parent')")
        #expect(results.map(\.status) == ["accepted", "accepted"])
        #expect(try site.backend.linkTexts() == ["CHILD0 in SB00001"])
    }

    @Test
    func `a child that somebody links at the same moment is not linked twice`() async throws {
        let site = try Site()
        _ = try site.post(
            site.body(["SB00001", "SB00002"].enumerated().map { site.device.scan(Int64($0), .parent, $1) }))
        _ = try site.backend.sql("INSERT INTO bag (qr_id, type) VALUES ('CHILD1', 'child')")
        let link = """
            INSERT INTO link (parent_bag_id, child_bag_id)
                SELECT p.id, c.id FROM bag AS p, bag AS c WHERE p.qr_id = 'SB00002' AND c.qr_id = 'CHILD1'
            """
        let results = try await site.results(
            of: site.body([site.device.scan(9, .child, "CHILD1", parent: "SB00001")]), meeting: link)
        #expect(results.map(\.text) == ["CHILD1 is already linked to parent bag SB00002"])
        #expect(try site.backend.linkTexts() == ["CHILD1 in SB00002"])
    }

    @Test
    func `workers killed in the middle of a batch leave nothing, and the retry is accepted once`() async throws {
        let site = try Site()
        let body = site.bag("SB00001", children: 3)
        let id = try site.id(of: body)
        // The second one may still be on its way when the first answers.
        try await eventually("both workers") { try site.backend.workers.count == 2 }
        let old = try site.backend.workers
        try await site.backend.withLocked("device_scan") {
            async let lost = site.postAtOnce([(body, id)])
            try await eventually("the batch waits") { try site.backend.waiting(for: "device_scan") == 1 }
            for worker in old { kill(worker, SIGKILL) }
            var failure: (any Error)?
            do { _ = try await lost } catch { failure = error }
            #expect(failure is RawHTTP.Failure)
        }
        #expect(try site.backend.acceptedScans() == 0)
        #expect(try site.backend.number("SELECT count(*) FROM bag") == 0)
        try await eventually("new workers") { try Set(site.backend.workers).isDisjoint(with: old) }
        #expect(try site.results(body, id).allSatisfy { $0.status == "accepted" })
        #expect(try site.results(body, id).allSatisfy { $0.status == "accepted" })
        #expect(try site.backend.acceptedScans() == 4)
    }

    @Test
    func `a database that dies in the middle of a batch is 503, and the retry is accepted once`() async throws {
        let site = try Site(on: PostgresCluster())
        let body = site.bag("SB00001", children: 3)
        let id = try site.id(of: body)
        try await site.backend.withLocked("device_scan") {
            async let answers = site.postAtOnce([(body, id)])
            try await eventually("the batch waits") { try site.backend.waiting(for: "device_scan") == 1 }
            site.backend.cluster.crash()
            let answer = try #require(try await answers.first)
            #expect(answer.status == 503)
            #expect(answer.header("retry-after") == "5")
        }
        // While it is away, too; then it is back.
        try await eventually("the database is back") { try site.post(body, id).status == 200 }
        #expect(try site.results(body, id).allSatisfy { $0.status == "accepted" })
        #expect(try site.backend.acceptedScans() == 4)
    }

    @Test
    func `a batch that waits too long for somebody's transaction is 503 and changes nothing`() async throws {
        let site = try Site()
        let body = site.bag("SB00001", children: 1)
        let id = try site.id(of: body)
        try await site.backend.withLocked("device_scan") {
            let answers = try await site.postAtOnce([(body, id)])
            #expect(answers.first?.status == 503)
            #expect(answers.first?.header("retry-after") == "5")
        }
        #expect(try site.backend.number("SELECT count(*) FROM bag") == 0)
        #expect(try site.results(body, id).allSatisfy { $0.status == "accepted" })
    }

    @Test
    func `what was captured is stored with each scan`() throws {
        let site = try Site()
        let scan = site.device.scan(7, .parent, "SB00001", laneSeq: 9) { $0.operatorBadge = "OP-0042" }
        let answer = try site.post(site.body([scan]))
        #expect(answer.all("date").count == 1)
        #expect(
            try site.backend.sql(
                """
                SELECT gateway, dev, lane, seq, lane_seq, operator, clock_synced, convert_from(label, 'UTF8'),
                    captured_at AT TIME ZONE 'UTC' FROM device_scan
                """) == "dock-7|scanner-1|table-1|7|9|OP-0042|t|SB00001|2026-11-18 11:06:40")
        // The row that TraceTrack itself counts, under the gateway's account.
        #expect(
            try site.backend.sql(
                """
                SELECT username, qr_id FROM scan JOIN bag ON bag.id = parent_bag_id JOIN "user" ON "user".id = user_id
                    JOIN device_scan ON scan_id = scan.id
                """) == "dock7|SB00001")
    }

    @Test
    func `answers older than a day are cleared away`() async throws {
        let site = try Site()
        _ = try site.post(site.bag("SB00001", children: 0))
        try site.backend.letPass(.seconds(26 * 3600))
        // Each worker looks once a minute, and had none to clear away on its first batch.
        for worker in try site.backend.workers { kill(worker, SIGKILL) }
        var bag = 1
        try await eventually("a new worker clears it away") {
            bag += 1
            _ = try? site.post(site.body([site.device.scan(Int64(bag), .parent, "SB00002")]))
            return try site.backend.number(
                "SELECT count(*) FROM device_batch WHERE received_at < now() - interval '1 day'") == 0
        }
    }
}
