import Model
import Synchronization
import TestSupport
import Testing

@testable import Uplinks

/// What stands in for a network that a test cuts and mends.
private final class Line: Sendable {
    private let down: Mutex<Bool>
    init(isDown: Bool) { down = Mutex(isDown) }
    var isDown: Bool { down.withLock { $0 } }
    func set(isDown: Bool) { down.withLock { $0 = isDown } }
}

@Suite(.timeLimit(.minutes(4)))
struct DevicesFallbackTests {
    private func fill(_ bench: DevicesBench, _ lanes: ClosedRange<Int>) {
        for table in lanes { bench.log.add([stored(table)], to: lane("table-\(table)")) }
    }

    @Test func `where nobody listens the batch goes by the fallback at once, with the same bytes and id`() async throws
    {
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback) { _ in .unreachable("connection refused") }
        fill(bench, 1...1)
        try await bench.run { await bench.log.waitForSettled(1) }
        #expect(bench.uplink.sent.count == 1 && fallback.sent.count == 1)
        #expect(bench.uplink.sent[0].body == fallback.sent[0].body && bench.uplink.sent[0].id == fallback.sent[0].id)
        let statuses = await bench.delivery.statuses()
        #expect(statuses.map(\.name) == ["tracetrack", "second"])
        #expect(statuses.map(\.accepted) == [0, 1])
        #expect(statuses[0].lastError == "connection refused")
    }

    @Test func `a failure that may have arrived goes by the fallback once the breaker is open, and not before`()
        async throws
    {
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback, health: { false }) { _ in .failure("502", retryAfter: nil) }
        bench.clock.setAutomatic(true)
        fill(bench, 1...1)
        try await bench.run {
            await bench.log.waitForSettled(1)
            #expect(await bench.delivery.status().state == .open)
        }
        #expect(bench.uplink.sent.count >= UplinkHealth.failuresToOpen)
        #expect(Set(bench.uplink.sent.map(\.id)) == Set(fallback.sent.map(\.id)))
    }

    @Test func `a lane that backs off does not wait longer once another way is there`() async throws {
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback, health: { false }) { _ in .forbidden("403") }
        fill(bench, 1...8)
        // Not one step of the clock: the block alone sends everybody the other way.
        try await bench.run { await bench.log.waitForSettled(8) }
        #expect(fallback.sent.count == 8)
    }

    @Test func `once the probe finds the primary well it carries the scans again`() async throws {
        let line = Line(isDown: true)
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback, health: { !line.isDown }) { sent in
            line.isDown ? .forbidden("403") : FakeUplink.accept(sent)
        }
        fill(bench, 1...1)
        try await bench.run {
            await bench.log.waitForSettled(1)
            #expect(fallback.sent.count == 1)
            // Not yet due, and then due but still down: the fallback goes on.
            for table in 2...3 {
                bench.log.add([stored(table)], to: lane("table-\(table)"))
                bench.delivery.scansArrived(in: [lane("table-\(table)")])
                await bench.log.waitForSettled(table)
                bench.clock.advance(by: UplinkHealth.askAgain)
            }
            #expect(bench.uplink.sent.count == 1 && fallback.sent.count == 3)
            line.set(isDown: false)
            var table = 4
            while bench.uplink.sent.count == 1 {
                bench.clock.advance(by: UplinkHealth.askAgain)
                bench.log.add([stored(table)], to: lane("table-\(table)"))
                bench.delivery.scansArrived(in: [lane("table-\(table)")])
                await bench.log.waitForSettled(table)
                table += 1
            }
            let byFallback = fallback.sent.count
            bench.log.add([stored(table)], to: lane("table-\(table)"))
            bench.delivery.scansArrived(in: [lane("table-\(table)")])
            await bench.log.waitForSettled(table)
            #expect(fallback.sent.count == byFallback)
            #expect(await bench.delivery.status().state == .ok)
        }
    }

    @Test func `an admin's pause of the primary leaves the way to the fallback`() async throws {
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback) { FakeUplink.accept($0) }
        await bench.delivery.pause("tracetrack")
        fill(bench, 1...4)
        try await bench.run { await bench.log.waitForSettled(4) }
        #expect(bench.uplink.sent.isEmpty && fallback.sent.count == 4)
        #expect(await bench.delivery.statuses().map(\.isPausedByAdmin) == [true, false])
    }

    @Test func `a pause of the whole group stops every way`() async throws {
        let fallback = FakeUplink { FakeUplink.accept($0) }
        let bench = DevicesBench(fallback: fallback) { FakeUplink.accept($0) }
        await bench.delivery.pause()
        fill(bench, 1...1)
        try await bench.run {
            while bench.log.reads == 0, await bench.delivery.status().state != .paused { await Task.yield() }
            await bench.delivery.resume()
            await bench.log.waitForSettled(1)
        }
        #expect(bench.uplink.sent.count == 1 && fallback.sent.isEmpty)
    }
}

struct RoutesTests {
    private func routes(_ count: Int, inFlight: Int = 1) throws -> Routes {
        var settings = UplinkSettings(
            name: "tracetrack", urls: ["http://127.0.0.1:1"], backend: "prod", authentication: .mutualTLS)
        settings.batching.inFlight = inFlight
        let observer: @Sendable (String, UplinkEvent) -> Void = { _, _ in }
        return Routes(
            (0..<count).map { _ in Route(settings, settings.urls[0], FakeUplink({ FakeUplink.accept($0) }), observer) })
    }

    // Outside of #expect, which cannot hold a mutating call.
    private func choice(_ routes: inout Routes, _ nowNs: Int64) -> Routes.Choice { routes.choose(nowNs).choice }

    @Test func `a preferred way that is full is no reason to go another`() throws {
        var routes = try routes(2)
        let at1 = choice(&routes, 0)
        #expect(at1 == .use(0))
        routes[0].running += 1
        let at2 = choice(&routes, 0)
        #expect(at2 == .hold)
    }

    @Test func `a blocked way is probed while another is used, once at a time`() throws {
        var routes = try routes(2, inFlight: 4)
        _ = routes.on(.block(.paused, "403", untilNs: 100), of: 0, 0)
        var next = routes.choose(50)
        #expect(next.choice == .use(1) && next.probes == [])
        next = routes.choose(100)
        #expect(next.choice == .use(1) && next.probes == [0])
        next = routes.choose(101)
        #expect(next.choice == .use(1) && next.probes == [])
        let isFree = routes.on(.recovered, of: 0, 102)
        #expect(isFree)
        let at3 = choice(&routes, 103)
        #expect(at3 == .use(0))
    }

    @Test func `with every way blocked the next batch is the probe of the first that is due`() throws {
        var routes = try routes(2)
        _ = routes.on(.block(.open, "down", untilNs: 100), of: 0, 0)
        _ = routes.on(.block(.open, "down", untilNs: 80), of: 1, 0)
        let at4 = choice(&routes, 50)
        #expect(at4 == .wait(untilNs: 80))
        let at5 = choice(&routes, 80)
        #expect(at5 == .use(1))
        // Its batch is under way: nothing goes out before it is answered, but by the other when that is due.
        let at6 = choice(&routes, 90)
        #expect(at6 == .wait(untilNs: 100))
        let at7 = choice(&routes, 100)
        #expect(at7 == .use(0))
    }

    @Test func `two urls of one uplink are one picture, the better one`() throws {
        var routes = try routes(2)
        _ = routes.on(.block(.open, "down", untilNs: 100), of: 0, 0)
        let statuses = routes.statuses(isRunning: true)
        #expect(statuses.count == 1 && statuses[0].state == .ok && statuses[0].lastError == "down")
    }
}
