import Model
import Simulator
import TestSupport
import Testing

@testable import Uplinks

/// Two regions of one backend: two simulators over one database.
@Suite(.timeLimit(.minutes(4)))
struct WebSiteTests {
    private struct Regions {
        let first: Simulator
        let second: Simulator
        let bench: WebBench

        init(_ directory: String, uplink: (inout UplinkSettings) -> Void = { _ in }) throws {
            var settings = SimulatorSettings()
            settings.database = directory + "/backend.db"
            settings.accounts = [("dock7", "secret"), ("dock8", "secret")]
            let (first, second) = (try Simulator(settings), try Simulator(settings))
            bench = try WebBench(
                directory, accounts: 2, simulator: first,
                uplink: {
                    $0.urls.append(second.url)
                    uplink(&$0)
                })
            bench.clock.setAutomatic(false)
            (self.first, self.second) = (first, second)
        }

        func stop() {
            first.stop()
            second.stop()
        }

        /// Adds scans of a lane.
        func scan(_ scans: ArraySlice<StoredScan>, _ table: Int) {
            bench.log.add(Array(scans), to: lane("table-\(table)"))
            bench.delivery.scansArrived(in: [lane("table-\(table)")])
        }

        /// Lets time pass until it is so, about a second a millisecond.
        func pass(until isReached: () async throws -> Bool) async throws {
            while try await !isReached() {
                if bench.clock.sleepers > 0 { bench.clock.advance(by: .milliseconds(50)) }
                for _ in 0..<20 { await Task.yield() }
            }
        }
    }

    private func isAway(_ regions: Regions) async -> Bool {
        await regions.bench.delivery.status().lastError?.hasPrefix("sent by way of") == true
    }

    @Test func `a region that fails is left and taken back in the middle of bags, and nothing crosses`() async throws {
        try await withTemporaryDirectory { directory in
            let regions = try Regions(directory)
            let bench = regions.bench
            defer { regions.stop() }
            let bags = (1...3).map { bag($0, 1, children: 9) }
            try await bench.run {
                for table in 1...3 { regions.scan(bags[table - 1][..<3], table) }
                await bench.log.waitForSettled(9)
                try regions.first.addFault(Fault(.status, status: 503))
                for table in 1...3 { regions.scan(bags[table - 1][3..<6], table) }
                try await regions.pass { bench.log.settled.count == 18 }
                #expect(await isAway(regions))
                #expect(await bench.delivery.status().state == .ok)
                regions.first.clearFaults()
                try await regions.pass { await !isAway(regions) }
                for table in 1...3 { regions.scan(bags[table - 1][6...], table) }
                try await regions.pass { bench.log.settled.count == 30 }
            }
            try expectAllLinked(bench, children: 27)
            // Each bag once where it was scanned, and again before the next child that goes another way.
            let parents = try regions.first.scans().filter { $0.role == "parent" }.map(\.label)
            for bag in Set(parents) { #expect(parents.count { $0 == bag } >= 2) }
            #expect(await bench.delivery.status().extraParentPosts >= parents.count - 3)
        }
    }

    @Test func `a region that cannot be reached is left, one that refuses the password is not`() async throws {
        try await withTemporaryDirectory { directory in
            let regions = try Regions(directory) { $0.urls[0] = "http://127.0.0.1:9" }
            defer { regions.stop() }
            let scans = bag(1, 1, children: 2)
            try await regions.bench.run {
                regions.scan(scans[...], 1)
                try await regions.pass { regions.bench.log.settled.count == 3 }
            }
            #expect(try regions.second.count("logins") >= 1)
        }
        try await withTemporaryDirectory { directory in
            let regions = try Regions(directory)
            defer { regions.stop() }
            try write(Array("wrong\n".utf8), to: directory + "/password")
            try await regions.bench.run {
                regions.scan(bag(1, 1, children: 2)[...], 1)
                try await regions.pass { await regions.bench.delivery.status().state == .loginFailed }
                #expect(await !isAway(regions))
            }
            #expect(try regions.second.count("web_requests") == 0)
        }
    }

    @Test func `a fallback takes over with an account of its own`() async throws {
        try await withTemporaryDirectory { directory in
            var backend = SimulatorSettings()
            backend.accounts = [("dock9", "secret")]
            let other = try Simulator(backend)
            defer { other.stop() }
            var fallback = UplinkSettings(
                name: "second", urls: [other.url], backend: "prod",
                authentication: .login([.init(username: "dock9", passwordFile: directory + "/password")]))
            fallback.use = .fallback
            let bench = try WebBench(directory, fallbacks: [fallback])
            defer { bench.simulator.stop() }
            try bench.simulator.addFault(Fault(.close))
            bench.log.add(bag(1, 1, children: 3), to: lane("table-1"))
            try await bench.run {
                await bench.log.waitForSettled(4)
                #expect(await bench.delivery.exportSessions().keys.contains("dock9 second \(other.url.dropFirst(7))"))
            }
            #expect(try other.links().count == 3)
        }
    }
}
