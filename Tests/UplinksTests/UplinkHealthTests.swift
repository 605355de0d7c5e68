import Model
import Testing

@testable import Uplinks

struct UplinkHealthTests {
    private let second: Int64 = 1_000_000_000

    @Test func `five failures in a row open the breaker for thirty seconds, then one probe goes`() {
        var health = UplinkHealth(limit: 4)
        for count in 1...5 {
            let now = Int64(count) * second
            #expect(health.permission(now) == .go)
            health.on(.failure("down"), nowNs: now)
            #expect(health.state == (count < 5 ? .backingOff : .open))
        }
        #expect(health.permission(34 * second) == .wait(untilNs: 35 * second))
        #expect(health.permission(35 * second) == .probe)
        health.beginProbe()
        #expect(health.permission(36 * second) == .hold)
        health.on(.failure("still down"), nowNs: 36 * second)
        #expect(health.permission(37 * second) == .wait(untilNs: 66 * second))
        health.beginProbe()
        health.on(.success, nowNs: 67 * second)
        #expect(health.permission(67 * second) == .go && health.state == .ok && health.lastError == nil)
    }

    @Test func `lanes that fail within one second have seen one cut`() {
        var health = UplinkHealth(limit: 16)
        for _ in 0..<16 { health.on(.failure("down"), nowNs: second) }
        #expect(health.state == .backingOff)
        #expect(health.permission(second) == .go)
    }

    @Test func `a success between failures keeps the breaker shut`() {
        var health = UplinkHealth(limit: 1)
        for _ in 0..<20 {
            for _ in 0..<4 { health.on(.failure("x"), nowNs: 0) }
            health.on(.success, nowNs: 0)
        }
        #expect(health.permission(0) == .go)
    }

    @Test func `a block lasts until its probe passes`() {
        var health = UplinkHealth(limit: 1)
        health.on(.block(.paused, "403", untilNs: 300 * second), nowNs: 0)
        #expect(health.state == .paused && health.lastError == "403")
        #expect(health.permission(299 * second) == .wait(untilNs: 300 * second))
        #expect(health.permission(300 * second) == .probe)
        health.beginProbe()
        health.on(.block(.paused, "403", untilNs: 600 * second), nowNs: 300 * second)
        #expect(health.permission(301 * second) == .wait(untilNs: 600 * second))
    }

    @Test func `slowing down waits and halves what goes at once, successes bring it back`() {
        var health = UplinkHealth(limit: 16)
        health.on(.slowDown("429", untilNs: 7 * second), nowNs: 0)
        #expect(health.limit == 8 && health.permission(0) == .wait(untilNs: 7 * second))
        for _ in 0..<10 { health.on(.slowDown("429", untilNs: 7 * second), nowNs: 0) }
        #expect(health.limit == 1)
        for _ in 0..<(20 * 15) { health.on(.success, nowNs: 8 * second) }
        #expect(health.limit == 16)
    }

    @Test func `an admin's pause holds everything, and resuming asks at once`() {
        var health = UplinkHealth(limit: 1)
        health.on(.block(.misconfigured, "404", untilNs: 300 * second), nowNs: 0)
        health.pause()
        #expect(health.permission(400 * second) == .hold && health.state == .paused)
        health.resume()
        #expect(health.permission(0) == .probe)
    }

    @Test
    func `eight scans refused alone with nothing passing between are put back, seven are rejected after a success`() {
        var watch = PoisonWatch()
        for n in 1...7 {
            let isTooMany = watch.add(Suspect(n: Int64(n), id: scanID(n), reason: "400"), in: lane("a"))
            #expect(!isTooMany)
        }
        #expect(
            watch.isSuspect(3, in: lane("a")) && !watch.isSuspect(8, in: lane("a")) && watch.count(in: lane("a")) == 7)
        #expect(watch.takeConfirmed().map(\.suspect.n) == [1, 2, 3, 4, 5, 6, 7])
        for n in 1...8 {
            let isTooMany = watch.add(Suspect(n: Int64(n), id: scanID(n), reason: "400"), in: lane("\(n)"))
            #expect(isTooMany == (n == 8))
        }
        #expect(watch.suspects.isEmpty)
    }

    @Test(arguments: [(1, 500), (2, 1000), (5, 8000), (10, 256_000), (11, 300_000), (99, 300_000)])
    func `backoff has full jitter from half a second to five minutes`(attempt: Int, boundMs: Int64) {
        #expect(Backoff.delay(after: attempt) { 0 } == .zero)
        #expect(Backoff.delay(after: attempt) { UInt64(boundMs) } == .milliseconds(boundMs))
        #expect(Backoff.delay(after: attempt) { UInt64(boundMs) + 1 } == .zero)
    }

    @Test func `the backend's clock is counted on by uptime, whatever happens to the wall clock`() {
        var clock = BackendClock()
        let start = Moment(uptimeNs: 5 * second, wallMs: 0, synced: false)
        #expect(clock.milliseconds(at: start) == 0 && clock.ahead(at: start) == nil)
        clock.learn("Sat, 21 Nov 2026 04:00:00 GMT", at: start)
        clock.learn("nonsense", at: start)
        let later = Moment(uptimeNs: 65 * second, wallMs: 99_000_000_000_000, synced: false)
        #expect(clock.milliseconds(at: later) == 1_795_233_660_000)
    }

    @Test(
        arguments: [
            ("https://h.example", "https://h.example/d", "h.example"),
            ("https://H.example:443/", "https://h.example:443/d", "h.example"),
            ("http://h:80", "http://h:80/d", "h"), ("https://h:8443/a/b", "https://h:8443/a/b", "h:8443"),
            ("http://[::1]:81", "http://[::1]:81/d", "[::1]:81"),
        ])
    func `a url is taken apart`(url: String, whole: String, authority: String) throws {
        let target = try Target(url, "u", defaultPath: "/d")
        #expect(target.url == whole && target.authority == authority)
    }

    @Test(arguments: [
        "", "h", "ftp://h", "https://", "https://u:p@h", "https://h/a b", "https://h/?q", "https://h\r\n",
    ])
    func `a url that cannot be used is refused`(url: String) {
        #expect(throws: UplinkError.self) { try Target(url, "u", defaultPath: "/d") }
    }
}
