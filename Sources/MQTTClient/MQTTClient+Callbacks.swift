internal import CMosquitto
internal import Model

/// What the library tells, on the client's thread: out of its own calls, so that the handle must not be freed here.
extension MQTTClient {
    func didConnect(_ code: UInt8, _ session: MQTTEvent.Session) {
        guard code == 0 else {
            let reason = isVersion5 ? MQTTReason(rawValue: code) : .ofOldConnack(code)
            ending = MQTTTrouble.refusal(reason, settings)
            return
        }
        self.session = session
        self.session?.isVersion5 = isVersion5
        for filter in filters { subscribeNow(filter) }
        if ending == nil, unconfirmed.isEmpty { becomeUp() }
    }

    /// Subscribes one filter; SUBACK says whether it may.
    func subscribeNow(_ filter: String) {
        guard let handle else { return }
        var mid: Int32 = 0
        let status = mosquitto_subscribe(handle, &mid, filter, 1)
        if status == 0 {
            unconfirmed[mid] = filter
        } else {
            ending = MQTTFailure(
                .misconfigured,
                "\(settings.place): cannot subscribe \(Safe.text(filter)): "
                    + String(cString: mosquitto_strerror(status)))
        }
    }

    func didSubscribe(_ mid: Int32, _ code: UInt8) {
        guard let filter = unconfirmed.removeValue(forKey: mid) else { return }
        guard code < 0x80 else {
            ending = MQTTTrouble.subscriptionRefusal(MQTTReason(rawValue: code), filter, settings)
            return
        }
        if phase == .connecting, unconfirmed.isEmpty { becomeUp() }
    }

    func didDisconnect(_ code: Int32) {
        // From 0x80 on it is the broker's own DISCONNECT; below it is the library's finding, which `settle` reads.
        guard code >= 0x80, ending == nil else { return }
        ending = MQTTTrouble.refusal(MQTTReason(rawValue: UInt8(truncatingIfNeeded: code)), settings)
    }

    func didPublish(_ mid: Int32, _ reason: MQTTReason) {
        unanswered[mid] = nil
        guard let publish = publishes.removeValue(forKey: mid) else { return }
        publish.continuation.resume(returning: reason.isFailure ? .refused(reason) : .acknowledged(reason))
    }

    func didReceive(_ message: MQTTMessage) { onMessage(message) }
}
