import Model
import Testing

@testable import Uplinks

struct BlameTests {
    private static let second: Int64 = 1_000_000_000

    /// How often a request may fail, a second apart, with so many others passing and failing in between, before it is its
    /// own fault; nil where it is not after 200 times.
    private func patience(passed: Int, failed: Int, after: Duration = .zero) -> Int? {
        var blame = Blame()
        var traffic = Traffic(passed: 1000, failed: 500)
        for count in 1...200 {
            let now = Int64(count) * Self.second
            blame.failed(traffic, nowNs: now)
            if blame.isItsOwn(traffic, nowNs: now, after: after) { return count }
            traffic.passed += passed
            traffic.failed += 1 + failed
        }
        return nil
    }

    @Test func `among others that all pass, a few failures are enough`() throws {
        #expect(try 9...10 ~= #require(patience(passed: 1, failed: 0)))
        #expect(patience(passed: 100, failed: 0) == 5)
    }

    @Test func `it takes its time all the same`() {
        #expect(patience(passed: 100, failed: 0, after: .seconds(60)) == 61)
    }

    @Test func `the worse others fare, the more it takes`() throws {
        let seldom = try #require(patience(passed: 99, failed: 1))
        let half = try #require(patience(passed: 10, failed: 10))
        let mostly = try #require(patience(passed: 10, failed: 90))
        #expect(seldom < 8 && 28...34 ~= half && 150...200 ~= mostly)
    }

    @Test func `where nothing passes, nothing is its own fault`() {
        #expect(patience(passed: 0, failed: 0) == nil)
        #expect(patience(passed: 0, failed: 5) == nil)
    }

    @Test func `failures of one outage count once`() {
        var blame = Blame()
        for _ in 0..<50 { blame.failed(Traffic(passed: 7), nowNs: 0) }
        #expect(blame.failures == 1)
        blame.failed(Traffic(passed: 8), nowNs: 0)
        #expect(blame.failures == 2)
    }
}
