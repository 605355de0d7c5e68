import Testing

@testable import Uplinks

struct BlameTests {
    /// How often a request may fail, with so many others passing and failing between two of its failures, before it is
    /// its own fault; nil where it is not after 200 times.
    private func patience(passed: Int, failed: Int) -> Int? {
        var blame = Blame()
        var traffic = Traffic(passed: 1000, failed: 500)
        for count in 1...200 {
            blame.failed(traffic)
            if blame.isItsOwn(traffic) { return count }
            traffic.passed += passed
            traffic.failed += 1 + failed
        }
        return nil
    }

    @Test func `among others that all pass, a few failures are enough`() {
        #expect(patience(passed: 1, failed: 0) == 10)
        #expect(patience(passed: 100, failed: 0) == 5)
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
        for _ in 0..<50 { blame.failed(Traffic(passed: 7)) }
        #expect(blame.failures == 1)
        blame.failed(Traffic(passed: 8))
        #expect(blame.failures == 2)
    }
}
