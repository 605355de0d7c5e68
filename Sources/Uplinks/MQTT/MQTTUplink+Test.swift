internal import MQTTClient
internal import Model

extension MQTTUplink {
    /// Address, connection with subscription, then an empty batch: it shows that the broker takes batches and that
    /// somebody behind it answers, and delivers nothing.
    @concurrent func test(_ context: DeliveryContext) async -> [UplinkTestStep] {
        var test = UplinkTest()
        await test.resolve(client.settings.host)
        let isOwn = await beginTest()
        await tryOut(&test, context)
        if isOwn { await closeClient() }
        return test.steps
    }

    private func tryOut(_ test: inout UplinkTest, _ context: DeliveryContext) async {
        guard !test.hasFailed else {
            test.skip("connection", "no address")
            return test.skip("answer", "no connection")
        }
        if let failure = await client.connected(within: min(settings.timeout, Self.longestConnect)) {
            test.failed("connection", failure.description)
            return test.skip("answer", "no connection")
        }
        let subscribed = settings.mqtt.ack == .application ? ", and \(topic("ack")) may be subscribed" : ""
        test.passed(
            "connection", "\(await client.settings.place) lets \(await client.settings.clientID) in\(subscribed)")
        guard let lane = LaneID("test") else { return }
        switch await deliver(await EncodedBatch.make(of: [], in: lane, compress: false, context)) {
        case .results, .later: test.passed("answer", "the backend answered an empty batch")
        case .brokerAccepted: test.passed("answer", "the broker took an empty batch; nobody is asked for more")
        case .refused, .unreadable, .compressionRefused, .tooLarge, .slowDown:
            test.passed("answer", "somebody answers, and does not like an empty batch, which is no fault")
        case .unauthorized(let text), .forbidden(let text), .misconfigured(let text), .unreachable(let text),
            .failure(let text, _):
            test.failed("answer", text)
        case .cancelled: test.skip("answer", "interrupted")
        }
    }
}
