internal import HTTPClient
internal import Model
internal import Wire

extension DevicesUplink {
    /// Address, connection, clock, then an empty batch: it shows that the credential and the url are taken, and
    /// delivers nothing.
    @concurrent func test(_ context: DeliveryContext) async -> [UplinkTestStep] {
        var test = UplinkTest()
        // A signature's time is corrected by the backend's, so a clock that is off is no obstacle by itself.
        await test.reach(target, policy, client: context.client, time: context.time, limit: .max)
        guard !test.hasFailed, let lane = LaneID("test") else {
            test.skip("credentials", "no connection")
            return test.steps
        }
        let answer = await deliver(await EncodedBatch.make(of: [], in: lane, compress: false, context))
        switch answer {
        case .results, .brokerAccepted, .later: test.passed("credentials", "the backend took an empty batch")
        case .refused, .unreadable, .compressionRefused, .tooLarge, .slowDown:
            test.passed("credentials", "taken; the backend does not like an empty batch, which is no fault")
        case .unauthorized(let text), .forbidden(let text): test.failed("credentials", text)
        case .misconfigured(let text): test.failed("url", text)
        case .unreachable(let text), .failure(let text, _): test.failed("request", text)
        case .cancelled: test.skip("credentials", "interrupted")
        }
        return test.steps
    }
}
