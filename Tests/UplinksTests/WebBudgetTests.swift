import Model
import Simulator
import TestSupport
import Testing

@testable import Uplinks

private let second: Int64 = 1_000_000_000

@Suite(.timeLimit(.minutes(4)))
struct WebBudgetTests {
    @Test func `logins are one at a time and nine an hour`() async {
        let budget = LoginBudget()
        for _ in 0..<9 {
            #expect(await budget.begin { 0 } == .yours)
            await budget.end()
        }
        #expect(await budget.begin { second } == .usedUp(untilNs: 3600 * second))
        #expect(await budget.begin { 3600 * second } == .yours)
        await budget.refund(2)
        await budget.end()
    }

    @Test func `a session that gives up waiting for its turn leaves it to the next`() async {
        let budget = LoginBudget()
        #expect(await budget.begin { 0 } == .yours)
        let first = Task { await budget.begin { 0 } }
        let second = Task { await budget.begin { 0 } }
        first.cancel()
        #expect(await first.value == .cancelled)
        await budget.end()
        #expect(await second.value == .yours)
    }

    @Test func `any minute and any hour have no more requests than allowed`() {
        let budget = RequestBudget()
        var limits = UplinkSettings.RequestLimits()
        (limits.perMinute, limits.perHour) = (10, 40)
        var sent: [Int64] = []
        var now: Int64 = 3 * second
        while now < 7300 * second {
            if let until = budget.take(limits, nowNs: now) {
                #expect(until > now)
                now = until
            } else {
                sent.append(now)
                now += second / 2
            }
        }
        for (window, most) in [(60 * second, 10), (3600 * second, 40)] {
            let worst = sent.indices.map { first in sent[first...].prefix { $0 < sent[first] + window }.count }.max()
            #expect(worst == most)
        }
        // Not much is lost to the rounding.
        #expect(sent.count >= 80)
    }

    @Test func `requests are paced after a 429 and no longer after a while`() {
        var pace = Pace()
        #expect(pace.earliestNs == .min)
        pace.slowDown()
        pace.slowDown()
        pace.requestGoesOut(second)
        #expect(pace.earliestNs == second + second / 2)
        for _ in 0..<60 { pace.requestGoesOut(second) }
        #expect(pace.earliestNs == .min)
    }

    @Test func `what does not fit is said with its arithmetic`() throws {
        #expect(WebBudgets.loginWarning(sessions: 7, host: "h") == nil)
        #expect(
            try #require(WebBudgets.loginWarning(sessions: 8, host: "h")).hasPrefix(
                "8 sessions at h need 8 x 2 requests x 1.2/h = 19.2 an hour to the login page, and 18 are allowed"))
        var limits = UplinkSettings.RequestLimits()
        #expect(WebBudgets.requestWarning(lanes: 75, limits: limits, host: "h") == nil)
        #expect(WebBudgets.requestWarning(lanes: 76, limits: limits, host: "h")?.contains("9120 requests") == true)
        limits.countsChildren = true
        #expect(WebBudgets.requestWarning(lanes: 8, limits: limits, host: "h")?.contains("496 requests") == true)
    }

    @Test func `ten sessions keep within the login budget, and nine serve all lanes`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, accounts: 10) { $0.limits = RateLimits(loginsPerHour: 18) }
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            for table in 1...12 {
                bench.log.add((1...2).flatMap { bag(table, $0, children: 4) }, to: lane("table-\(table)"))
            }
            try await bench.run {
                await bench.log.waitForSettled(120)
                let status = await bench.delivery.status()
                #expect(status.lastError?.contains("10 x 2 requests x 1.2/h = 24.0 an hour") == true)
            }
            try expectAllLinked(bench, children: 96)
            #expect(try bench.simulator.count("logins") <= 9)
            #expect(try bench.simulator.count("rate_limited") == 0)
        }
    }

    @Test func `bags wait for the request budget, and say so`() async throws {
        try await withTemporaryDirectory { directory in
            let bench = try WebBench(directory, uplink: { $0.requests.perMinute = 6 })
            defer { bench.simulator.stop() }
            bench.clock.setAutomatic(false)
            bench.log.add((1...12).flatMap { bag(1, $0, children: 1) }, to: lane("table-1"))
            try await bench.run {
                await bench.clock.waitForSleepers()
                // The page with the token is one of the six; children do not count.
                #expect(bench.log.settled.count == 10)
                let status = await bench.delivery.status()
                #expect(status.state == .ok && status.lastError?.contains("requests.per_minute = 6") == true)
                await bench.clock.advanceToNextSleeper()
                await bench.log.waitForSettled(22)
                await bench.clock.waitForSleepers()
                await bench.clock.advanceToNextSleeper()
                await bench.log.waitForSettled(24)
            }
            try expectAllLinked(bench, children: 12)
        }
    }

    @Test func `two uplinks to one host share its login budget`() async throws {
        try await withTemporaryDirectory { directory in
            let shared = WebBudgets()
            let first = try WebBench(directory, context: { $0.budgets = shared })
            defer { first.simulator.stop() }
            let second = try WebBench(directory, simulator: first.simulator, context: { $0.budgets = shared })
            first.log.add(bag(1, 1, children: 1), to: lane("table-1"))
            second.log.add(bag(2, 1, children: 1), to: lane("table-2"))
            try await first.run { await first.log.waitForSettled(2) }
            try await second.run { await second.log.waitForSettled(2) }
            #expect(await second.delivery.exportLogins().values.map(\.count) == [4])
        }
    }
}
