internal import CMosquitto

extension MQTTClient {
    /// Ends a subscription for the rest of this connection, so that the broker gives what comes to others of a shared
    /// one; the next connection subscribes again. Does not wait for the broker, whose messages may still cross it.
    public func leave(_ filter: String) {
        guard phase == .up, let handle else { return }
        // Written at once where the socket takes it, else with the next publish; lost with the connection, which is
        // the end of the subscription as well.
        _ = mosquitto_unsubscribe(handle, nil, filter)
    }
}
