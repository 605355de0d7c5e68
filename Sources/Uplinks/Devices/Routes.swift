internal import Model

/// One way out of a group: an uplink at one of its urls, and how it does.
struct Route {
    let settings: UplinkSettings
    let url: String
    let uplink: any Uplink
    var health: UplinkHealth
    /// Batches under way.
    var running = 0
    /// How often the credential was read anew; an answer to an older one says nothing of the new one.
    var credentialGeneration = 0
    var credentialReloaded = false
    var counts: UplinkStatus
    var reporter: StateReporter

    init(
        _ settings: UplinkSettings, _ url: String, _ uplink: any Uplink,
        _ observer: @escaping @Sendable (String, UplinkEvent) -> Void
    ) {
        self.settings = settings
        self.url = url
        self.uplink = uplink
        health = UplinkHealth(limit: settings.batching.inFlight, scans: settings.batching.maxScans)
        counts = UplinkStatus(name: settings.name, contract: .devices, use: settings.use)
        reporter = StateReporter(settings.name, observer)
    }
}

/// The ways of one group, the preferred one first: the primary's urls in order, then those of its fallbacks. A state
/// machine; times are uptimes in ns.
///
/// The first that may be used is used. One that is blocked is asked whether it works again when its time has come: by a
/// health probe while another carries the scans, by the next batch where there is no other.
struct Routes {
    /// Where the next batch goes.
    enum Choice: Equatable {
        /// This way.
        case use(Int)
        /// Nowhere before this uptime.
        case wait(untilNs: Int64)
        /// Nowhere until something happens: an answer, a probe's end, an admin.
        case hold
    }

    private(set) var all: [Route]
    /// The way that the last batch took.
    private(set) var current = 0

    init(_ all: [Route]) { self.all = all }

    subscript(_ way: Int) -> Route {
        get { all[way] }
        set { all[way] = newValue }
    }

    /// Batches under way in all.
    var running: Int { all.reduce(0) { $0 + $1.running } }
    /// What became of batches, whatever way they took; probes and a first way that could not be reached do not count.
    private(set) var traffic = Traffic()

    /// Notes what became of a batch.
    mutating func count(_ answer: BatchAnswer) {
        switch answer {
        case .results, .brokerAccepted: traffic.passed += 1
        case .failure, .unreachable, .unreadable: traffic.failed += 1
        default: break
        }
    }

    /// Decides where the next batch goes, and which blocked ways to probe meanwhile; both are begun by this call.
    mutating func choose(_ nowNs: Int64) -> (choice: Choice, probes: [Int]) {
        var earliest = Int64.max
        var due: [Int] = []
        for way in all.indices {
            switch all[way].health.permission(nowNs) {
            case .go:
                // A preferred way that is full is no reason to go another.
                guard all[way].running < all[way].health.limit else { return (.hold, []) }
                for probe in due { all[probe].health.beginProbe() }
                current = way
                return (.use(way), due)
            case .probe: due.append(way)
            case .wait(let until): earliest = min(earliest, until)
            case .hold: break
            }
        }
        if let way = due.first {
            all[way].health.beginProbe()
            current = way
            return (.use(way), [])
        }
        return (earliest == .max ? .hold : .wait(untilNs: earliest), [])
    }

    /// The next way after one that could not be reached, for the same batch at once; nil where there is none.
    func alternative(to way: Int, _ nowNs: Int64) -> Int? {
        all.indices.dropFirst(way + 1).first {
            all[$0].health.permission(nowNs) == .go && all[$0].running < all[$0].health.limit
        }
    }

    /// Works an answer, or a probe's, in; true where the way is free again that was not, so that those who wait for it
    /// should ask at once.
    mutating func on(_ event: UplinkHealth.Event, of way: Int, _ nowNs: Int64) -> Bool {
        let wasFree = all[way].health.permission(nowNs) == .go
        all[way].health.on(event, nowNs: nowNs)
        return !wasFree && all[way].health.permission(nowNs) == .go
    }

    /// One picture an uplink: the best of its urls, and what is wrong with the others.
    func statuses(isRunning: Bool) -> [UplinkStatus] {
        var out: [UplinkStatus] = []
        for route in all {
            var status = route.counts
            status.foreignResults += route.uplink.foreignAnswers
            status.state = isRunning ? route.health.state : .stopped
            status.isPausedByAdmin = route.health.adminPaused
            status.lastError = route.health.lastError
            if let index = out.firstIndex(where: { $0.name == status.name }) {
                out[index].add(status)
            } else {
                out.append(status)
            }
        }
        return out
    }
}

extension UplinkStatus {
    /// Adds another url of the same uplink.
    fileprivate mutating func add(_ other: UplinkStatus) {
        if state != .ok, other.state == .ok { state = .ok }
        accepted += other.accepted
        duplicates += other.duplicates
        rejected += other.rejected
        held += other.held
        retries += other.retries
        foreignResults += other.foreignResults
        skipped += other.skipped
        plainBytes += other.plainBytes
        sentBytes += other.sentBytes
        lastError = lastError ?? other.lastError
        if let at = other.lastAcceptedAt, at.uptimeNs > lastAcceptedAt?.uptimeNs ?? .min { lastAcceptedAt = at }
        frozenLanes.merge(other.frozenLanes) { first, _ in first }
    }
}
