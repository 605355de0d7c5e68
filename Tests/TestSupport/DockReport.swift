internal import JSON

/// What was acknowledged at a dock, and what the backend has in the end.
public struct DockReport: Sendable {
    /// The dock's.
    public let contract: String
    /// Labels that workers were told are stored, each with its bag.
    public var acknowledged: [(label: String, bag: String)] = []
    /// Child to bag.
    public var links: [String: String] = [:]
    /// How many scan rows each bag has.
    public var bagScans: [String: Int] = [:]
    /// The backend's counters.
    public var counters: [String: Int64] = [:]
    /// The uplink's counters.
    public var uplink: [String: Int64] = [:]
    /// Why scans were held or rejected by the uplink.
    public var reasons: [String] = []
    /// The daemon's.
    public var exitCode: Int32?

    /// Lets everything arrive, ends the daemon, and looks. The workers have ended.
    public init(_ dock: Dock, judgedWithin seconds: Int = 90) throws {
        contract = dock.setup.contract
        try dock.waitUntilEverythingIsJudged(seconds: seconds)
        let counted = try dock.uplink()
        for name in ["accepted", "rejected", "retries"] { uplink[name] = counted?[name]?.integer }
        uplink["held"] = try dock.status()?["spool"]?["held"]?.integer
        reasons = try dock.reasons("held") + dock.reasons("rejected")
        exitCode = dock.stopDaemon()
        acknowledged = try dock.acknowledged()
        let state = try dock.backendJSON("/sim/state")
        for name in ["accepted_twice", "wrong_parent", "order_broken", "rejected"] {
            counters[name] = state[name]?.integer
        }
        for link in try dock.backendJSON("/sim/links")["links"]?.array ?? [] {
            links[link["child"]?.string ?? ""] = link["parent"]?.string ?? ""
        }
        for row in try dock.backendScans() where row["role"]?.string == "parent" {
            bagScans[row["label"]?.string ?? "", default: 0] += 1
        }
        print(
            "\(dock.setup.contract): \(acknowledged.count) acknowledged, \(links.count) links, \(counters), \(uplink)")
    }

    /// Everything that is not as it has to be; empty where all is well.
    ///
    /// - Parameter once: whether the contract promises that a scan is accepted once (tracetrack-devices).
    public func problems(once: Bool) -> [String] {
        var problems: [String] = []
        func want(_ name: String, _ value: Int64?, _ wanted: Int64 = 0) {
            if value != wanted { problems.append("\(name): \(value.map(String.init) ?? "nothing"), not \(wanted)") }
        }
        want("exit code", exitCode.map(Int64.init))
        want("rejected by the uplink", uplink["rejected"])
        want("held", uplink["held"])
        problems += reasons
        if once { for name in counters.keys.sorted() { want(name, counters[name]) } }
        if once && counters.count < 4 { problems.append("the backend counts \(counters)") }
        for (label, bag) in acknowledged {
            if label == bag {
                let rows = bagScans[bag] ?? 0
                if rows == 0 { problems.append("bag \(bag) is lost") }
                if rows > 1 && once { problems.append("bag \(bag) has \(rows) rows") }
                continue
            }
            let child = label.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
            switch links[child] {
            case bag?: break
            case let other?: problems.append("\(child) is in \(other), scanned in \(bag)")
            case nil: problems.append("\(child) is lost")
            }
        }
        // A few say what is wrong; ten thousand hide it.
        return problems.count > 20 ? problems.prefix(20) + ["and \(problems.count - 20) more"] : problems
    }
}
