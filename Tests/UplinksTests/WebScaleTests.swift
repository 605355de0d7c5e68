import Model
import Simulator
import Synchronization
import TestSupport
import Testing

@testable import Uplinks

/// Several sessions at work, over real sockets.
@Suite(.timeLimit(.minutes(4)))
struct WebScaleTests {
    /// No session posts a child but behind its own parent, seen from the backend: an account is a session here.
    private func expectOwnParents(_ simulator: Simulator) throws {
        var parents: [String: String] = [:]
        for row in try simulator.scans() {
            if row.role == "parent" {
                parents[row.username] = row.label
            } else {
                #expect(parents[row.username] == row.parent)
            }
        }
    }

    @Test(arguments: [WebVariant.r1, .r2, .r3])
    func `eight accounts serve sixteen lanes, and every child lands in its own bag`(variant: WebVariant) async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, accounts: 8) { $0.variant = variant }
            defer { bench.simulator.stop() }
            for table in 1...16 {
                bench.log.add((1...3).flatMap { bag(table, $0, children: 6) }, to: lane("table-\(table)"))
            }
            try await bench.run { await bench.log.waitForSettled(16 * 21) }
            try expectAllLinked(bench, children: 16 * 18)
            try expectOwnParents(bench.simulator)
            let users = Set(try bench.simulator.scans().map(\.username))
            #expect(users.count == 8)
            #expect(try bench.simulator.count("logins") == 8)
            // Whole bags: no parent needs a second post.
            #expect(await bench.delivery.status().extraParentPosts == 0)
            for table in 1...16 {
                let own = bench.log.order.filter { $0 / 10_000 == table }
                #expect(own == own.sorted())
            }
        }
    }

    @Test func `lanes that scan in turn over fewer sessions switch, and never cross`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, accounts: 3)
            defer { bench.simulator.stop() }
            let bags = (1...8).map { bag($0, 1, children: 6) }
            try await bench.run {
                for place in 0..<7 {
                    for table in 1...8 {
                        bench.log.add([bags[table - 1][place]], to: lane("table-\(table)"))
                        bench.delivery.scansArrived(in: [lane("table-\(table)")])
                    }
                    await bench.log.waitForSettled((place + 1) * 8)
                }
            }
            try expectAllLinked(bench, children: 48)
            try expectOwnParents(bench.simulator)
        }
    }

    @Test func `a session logs in only when a lane needs it`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, accounts: 8)
            defer { bench.simulator.stop() }
            try await bench.run {
                for table in 1...2 {
                    bench.log.add(bag(table, 1, children: 3), to: lane("table-\(table)"))
                    bench.delivery.scansArrived(in: [lane("table-\(table)")])
                    await bench.log.waitForSettled(table * 4)
                }
            }
            #expect(try bench.simulator.count("logins") == 2)
        }
    }

    @Test func `one account may have several sessions`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(
                directory,
                uplink: {
                    $0.authentication = .login([
                        .init(username: "dock7", passwordFile: directory + "/password", sessions: 4)
                    ])
                })
            defer { bench.simulator.stop() }
            for table in 1...8 {
                bench.log.add((1...2).flatMap { bag(table, $0, children: 5) }, to: lane("table-\(table)"))
            }
            try await bench.run {
                await bench.log.waitForSettled(96)
                let names = await bench.delivery.exportSessions().keys.sorted()
                #expect(names == ["dock7", "dock7 #2", "dock7 #3", "dock7 #4"])
            }
            try expectAllLinked(bench, children: 80)
            #expect(try bench.simulator.count("logins") == 4)
        }
    }

    @Test func `an account that cannot log in leaves its lanes to the others`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(
                directory, accounts: 3,
                uplink: {
                    guard case .login(var accounts) = $0.authentication else { return }
                    accounts[1].username = "nobody"
                    $0.authentication = .login(accounts)
                })
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            for table in 1...6 { bench.log.add(bag(table, 1, children: 4), to: lane("table-\(table)")) }
            try await bench.run {
                await bench.log.waitForSettled(30)
            }
            try expectAllLinked(bench, children: 24)
            #expect(try bench.simulator.count("logins") == 2)
        }
    }

    @Test func `sessions of one account do not lock it with a wrong password`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(
                directory, password: "wrong",
                uplink: {
                    $0.authentication = .login([
                        .init(username: "dock7", passwordFile: directory + "/password", sessions: 6)
                    ])
                })
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            for table in 1...6 { bench.log.add(bag(table, 1, children: 4), to: lane("table-\(table)")) }
            try await bench.run {
                await bench.clock.waitForSleepers(6)
                bench.clock.advance(by: .seconds(5))
                await bench.wait { $0.state == .loginFailed }
            }
            #expect(try bench.simulator.count("login_failures") == 2)
        }
    }

    // MARK: Saved sessions

    @Test func `a run that is killed has left its sessions and its budget behind`() async throws {
        try await withTemporaryDirectory { directory in
            let saved = Mutex<(number: Int, sessions: [String: [String]], logins: [String: [Int64]])>((0, [:], [:]))
            let calls = Mutex(0)
            let delivery = Mutex<(any Delivery)?>(nil)
            let save: @Sendable () async -> Void = {
                guard let delivery = delivery.withLock({ $0 }) else { return }
                let number = calls.withLock { calls in
                    calls += 1
                    return calls
                }
                let (sessions, logins) = (await delivery.exportSessions(), await delivery.exportLogins())
                // One that began later knows more.
                saved.withLock { if $0.number < number { $0 = (number, sessions, logins) } }
            }
            let first = try WebBench(directory, accounts: 2, context: { $0.sessionsChanged = save })
            defer { first.simulator.stop() }
            delivery.withLock { $0 = first.delivery }
            for table in 1...2 { first.log.add(bag(table, 1, children: 3), to: lane("table-\(table)")) }
            try await first.run {
                await first.log.waitForSettled(8)
                // From here on nothing is saved: the stop below might as well be a kill.
                delivery.withLock { $0 = nil }
            }
            let (_, sessions, logins) = saved.withLock { $0 }
            #expect(logins.values.map(\.count) == [4])
            let second = try WebBench(
                directory, accounts: 2, saved: sessions, simulator: first.simulator,
                context: { $0.savedLogins = logins })
            for table in 1...2 { second.log.add(bag(table, 2, children: 3), to: lane("table-\(table)")) }
            try await second.run {
                await second.log.waitForSettled(8)
                #expect(await second.delivery.exportLogins().values.map(\.count) == [4])
            }
            #expect(try first.simulator.count("logins") == 2)
            #expect(try first.simulator.links().count == 12)
        }
    }

    @Test func `a login is on disk before it is spent`() async throws {
        try await withTemporaryDirectory { directory in
            let delivery = Mutex<(any Delivery)?>(nil)
            let simulator = Mutex<Simulator?>(nil)
            let seen = Mutex<[(spent: Int, requests: Int)]>([])
            let save: @Sendable () async -> Void = {
                guard let delivery = delivery.withLock({ $0 }), let simulator = simulator.withLock({ $0 }) else {
                    return
                }
                let spent = await delivery.exportLogins().values.first?.count ?? 0
                let requests = (try? simulator.count("web_requests")) ?? -1
                seen.withLock { $0.append((spent, requests)) }
            }
            let bench = try WebBench(directory, context: { $0.sessionsChanged = save })
            defer { bench.simulator.stop() }
            delivery.withLock { $0 = bench.delivery }
            simulator.withLock { $0 = bench.simulator }
            bench.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            try await bench.run { await bench.log.waitForSettled(2) }
            let first = try #require(seen.withLock { $0.first })
            #expect(first.spent == 2 && first.requests == 0)
        }
    }
}
