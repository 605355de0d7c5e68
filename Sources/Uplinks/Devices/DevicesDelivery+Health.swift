internal import Model

/// What an answer says of the way that it came by.
extension DevicesDelivery {
    func event(for answer: BatchAnswer, of way: Int, sentWith generation: Int) -> UplinkHealth.Event {
        switch answer {
        case .results, .brokerAccepted:
            routes[way].credentialReloaded = false
            return .success
        case .later, .tooLarge, .cancelled: return .nothing
        case .refused(let text), .compressionRefused(let text):
            // A probe that is refused tells that the block holds.
            return routes[way].health.state == .paused ? blocked(.paused, text) : .nothing
        case .unreadable(let text), .unreachable(let text): return .failure(text)
        case .failure(let text, let after):
            return .failure(text, notBeforeNs: after.map { now + $0.nanoseconds } ?? .min)
        case .slowDown(let text, let after):
            let delay = after ?? Backoff.delay(after: 1, random: context.jitter)
            return .slowDown(text, untilNs: now + delay.nanoseconds)
        case .unauthorized(let text):
            // Signed before the credential was read anew: it says nothing of the new one.
            guard generation == routes[way].credentialGeneration else { return .nothing }
            // Once at each asking, so that a file replaced meanwhile is found.
            routes[way].credentialReloaded.toggle()
            guard routes[way].credentialReloaded else { return blocked(.paused, text) }
            routes[way].credentialGeneration += 1
            routes[way].uplink.reloadCredential()
            return .block(.backingOff, text, untilNs: now)
        case .forbidden(let text): return blocked(.paused, text)
        case .misconfigured(let text): return blocked(.misconfigured, text)
        }
    }

    func blocked(_ state: UplinkState, _ text: String) -> UplinkHealth.Event {
        .block(state, text, untilNs: now + UplinkHealth.askAgain.nanoseconds)
    }
}
