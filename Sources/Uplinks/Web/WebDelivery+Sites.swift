internal import HTTPClient
internal import Model
internal import Posix

/// Which site is used: the first that is well. Another one has sessions of its own, whose parents are posted again by
/// the one rule; a lane goes over once its last answer is recorded.
extension WebDelivery {
    /// The site that is used when the one in use fails.
    var nextSite: Int? { sites[(active + 1)...].first { !$0.health.adminPaused }?.index }

    /// Uses another site from now on.
    func go(to index: Int, because reason: String) {
        let (old, new) = (sites[active], sites[index])
        let isAway = index > active
        if isAway { old.leave(reason, hadSuccess: traffic.passed > passedBefore, nowNs: now) }
        active = index
        passedBefore = traffic.passed
        // What was wrong there is past, or soon found again; a refused password is not.
        if new.health.isBlocked { new.health.on(.recovered, nowNs: now) }
        for seat in seatsInUse where seat.block?.state == .backingOff { seat.block = nil }
        plan.askAtOnce()
        for lane in lanes.keys { lanes[lane]?.attempts = 0 }
        let name = settings.name
        let (place, other) = (new.target.authority, old.target.authority)
        if isAway {
            Log.warning("uplink \(name): goes on by way of \(place), since \(other) cannot be used: \(reason)")
        } else {
            Log.notice("uplink \(name): back at \(place)")
        }
        report()
        wakeAll()
        watcher.wake()
    }

    /// Asks the sites that were left whether they are well, and goes back to the first that is.
    func watchSitesLeft() async {
        while !stopping, !Task.isCancelled {
            let left = sites[..<active].filter { !$0.health.adminPaused }
            await park(watcher, left.map(\.askAtNs).min())
            for site in left where site.askAtNs <= now && site.index < active && !stopping {
                let (target, settings, client) = (site.target, site.settings, context.client)
                // Unstructured: stop() must be able to end it.
                let asking = Task { await WebSite.isWell(target, settings, client) }
                self.asking = asking
                if await asking.value {
                    if site.index < active { go(to: site.index, because: "") }
                    break
                }
                site.askAtNs = now + site.askAfter.nanoseconds
            }
        }
    }
}
