import Testing

@testable import Uplinks

/// A backend on a clock that only the simulation moves: requests go to the worker that is free first, each takes so long
/// and so much more a scan. Times are ms.
private struct Site {
    var workers = 1
    var roundTrip = 50.0
    var request = 2.0
    var scan = 0.2
    var inFlight = 16
    static let maxScans = 250

    /// What it judges in a second where batches are as large and as many as the configuration allows.
    var best: Double {
        let one = request + scan * Double(Self.maxScans)
        return 1000 * Double(Self.maxScans) * min(Double(workers) / one, Double(inFlight) / (one + roundTrip))
    }
    /// The share of the backend that a live lane takes which scans every 130 ms.
    var liveLoad: Double { (request + scan) / 130 / Double(workers) }
    /// What a scan takes where nobody else is.
    var alone: Double { roundTrip + request + scan }
}

private struct Figures {
    var scansASecond = 0.0
    var live: [Double] = []
    /// What the scan in the middle, or so far towards the last, took.
    func took(_ share: Double) -> Double { live.sorted()[Int(Double(live.count - 1) * share)] }
}

/// Backlogs without end go out for so many seconds, and a scan of a live lane every 130 ms where `isScanning`.
private func drain(
    _ site: Site, _ share: inout BacklogShare, seconds: Double, isScanning: Bool = true, lanes: Int = 40
) -> Figures {
    struct Answer {
        var at: Double
        var sent: Double
        var scans: Int
        var stage: Int?
    }
    var (figures, underWay, backlogs, now, nextLive) = (Figures(), [Answer](), 0, 0.0, 0.0)
    var free = [Double](repeating: 0, count: site.workers)
    func send(_ scans: Int, _ stage: Int?) {
        let worker = free.indices.min { free[$0] < free[$1] } ?? 0
        free[worker] = max(free[worker], now + site.roundTrip / 2) + site.request + site.scan * Double(scans)
        underWay.append(Answer(at: free[worker] + site.roundTrip / 2, sent: now, scans: scans, stage: stage))
    }
    while now < seconds * 1000 {
        if isScanning, now >= nextLive {
            send(1, nil)
            nextLive += 130
        }
        while backlogs < min(share.requests, lanes), underWay.count < site.inFlight {
            send(share.scans, share.stage)
            backlogs += 1
        }
        guard let first = underWay.indices.min(by: { underWay[$0].at < underWay[$1].at }) else { break }
        if isScanning, nextLive < underWay[first].at {
            now = nextLive
            continue
        }
        let answer = underWay.remove(at: first)
        now = answer.at
        let took = Int64((now - answer.sent) * 1_000_000)
        if let stage = answer.stage {
            share.note(backlogTookNs: took, stage: stage, underWay: backlogs)
            backlogs -= 1
            figures.scansASecond += Double(answer.scans) / seconds
        } else {
            share.note(tookNs: took)
            figures.live.append(now - answer.sent)
        }
    }
    return figures
}

struct BacklogShareTests {
    @Test(arguments: [
        Site(), Site(request: 10, scan: 2), Site(request: 20, scan: 10), Site(workers: 8, roundTrip: 20, scan: 1),
        Site(workers: 4, roundTrip: 200, request: 10, scan: 0.5), Site(workers: 16, roundTrip: 500, scan: 0.02),
    ])
    private func `a live scan waits no quarter of a second longer, and the backend has nearly as much to do`(
        _ site: Site
    ) {
        var share = BacklogShare(requests: site.inFlight, scans: Site.maxScans)
        _ = drain(site, &share, seconds: 120)
        let figures = drain(site, &share, seconds: 60)
        #expect(figures.took(0.99) - site.alone < 250)
        #expect(figures.took(0.5) - site.alone < 200)
        #expect(figures.scansASecond > 0.75 * site.best * (1 - site.liveLoad))
        // After an outage in which nobody scans, so that there is no live answer to compare with.
        share.restart()
        _ = drain(site, &share, seconds: 30, isScanning: false)
        #expect(drain(site, &share, seconds: 60, isScanning: false).scansASecond > 0.75 * site.best)
        // Who begins to scan then soon waits no longer than the others.
        _ = drain(site, &share, seconds: 10)
        #expect(drain(site, &share, seconds: 60).took(0.99) - site.alone < 250)
    }

    @Test func `all that is allowed goes to a quick backend after ten answers' time, however far it is`() {
        for roundTrip in [1.0, 50, 600] {
            let site = Site(workers: 16, roundTrip: roundTrip, request: 1, scan: 0.01)
            var share = BacklogShare(requests: 16, scans: 250)
            share.restart()
            _ = drain(site, &share, seconds: 10 * (roundTrip + 4) / 1000, isScanning: false)
            #expect(share.requests == 16)
            #expect(share.scans == 250)
        }
    }

    @Test func `a backend that becomes slow is given less, and as much as before when it is quick again`() {
        var share = BacklogShare(requests: 16, scans: 250)
        _ = drain(Site(workers: 16), &share, seconds: 10)
        #expect(share.requests == 16)
        _ = drain(Site(request: 10, scan: 2), &share, seconds: 20)
        #expect(share.requests * share.scans <= 250)
        _ = drain(Site(workers: 16), &share, seconds: 20)
        #expect(share.requests == 16)
        #expect(share.scans == 250)
    }

    @Test func `a way that has become longer is not taken for a backend that is slow`() {
        var share = BacklogShare(requests: 16, scans: 250)
        _ = drain(Site(workers: 16, roundTrip: 10), &share, seconds: 10)
        let site = Site(workers: 16, roundTrip: 400)
        _ = drain(site, &share, seconds: 30)
        #expect(drain(site, &share, seconds: 30).scansASecond > 0.8 * site.best)
    }

    @Test func `one slow answer is chance, four are not`() {
        var share = BacklogShare(requests: 16, scans: 250)
        _ = drain(Site(workers: 16), &share, seconds: 10)
        let stage = share.stage
        for _ in 0..<15 { share.note(backlogTookNs: 100_000_000, stage: stage, underWay: 16) }
        share.note(backlogTookNs: 900_000_000, stage: stage, underWay: 16)
        #expect(share.requests == 16)
        for _ in 0..<16 { share.note(backlogTookNs: 900_000_000, stage: stage, underWay: 16) }
        let fewer = share.requests
        #expect(fewer < 16)
        // What was sent before says nothing of those.
        for _ in 0..<100 { share.note(backlogTookNs: 900_000_000, stage: stage, underWay: 16) }
        #expect(share.requests == fewer)
    }

    @Test func `what few lanes have shown does not let many go`() {
        var share = BacklogShare(requests: 16, scans: 250)
        share.restart()
        _ = drain(Site(), &share, seconds: 30, lanes: 1)
        #expect(share.requests == 2)
    }

    @Test func `after an outage it begins with a quarter of a batch`() {
        var share = BacklogShare(requests: 16, scans: 250)
        _ = drain(Site(workers: 16), &share, seconds: 10)
        share.restart()
        #expect(share.requests == 1)
        #expect(share.scans == 62)
        var single = BacklogShare(requests: 1, scans: 1)
        _ = drain(Site(inFlight: 1), &single, seconds: 10)
        #expect(single.requests == 1)
        #expect(single.scans == 1)
    }
}
