import Testing

@testable import MQTTClient

struct AttemptPaceTests {
    /// The longest that it waits after these, one after the other.
    private func delays(_ kinds: [MQTTFailure.Kind], lasting: Int? = nil) -> [Duration] {
        var pace = AttemptPace()
        return kinds.enumerated().map { place, kind in
            if place == lasting { pace.lasted() }
            pace.attempted()
            // The largest that is left of any division by seconds.
            return pace.delay(after: kind, random: 30_000 * 32 - 1)
        }
    }

    @Test(arguments: [MQTTFailure.Kind.badCredentials, .notAuthorised, .misconfigured])
    func `a refusal is believed the fifth time in a row`(kind: MQTTFailure.Kind) {
        let delays = delays(.init(repeating: kind, count: 6))
        #expect(delays.prefix(4).allSatisfy { $0 <= .seconds(31) })
        #expect(delays.suffix(2) == [.seconds(300), .seconds(300)])
    }

    @Test func `a connection that lasted has what was refused before forgotten`() {
        let delays = delays(.init(repeating: .notAuthorised, count: 8), lasting: 4)
        #expect(delays.prefix(8).allSatisfy { $0 <= .seconds(31) })
    }

    @Test func `trouble of the network between does not make a refusal less believed`() {
        #expect(
            delays([.badCredentials, .misconfigured, .network, .badCredentials, .busy, .notAuthorised, .badCredentials])
                .last == .seconds(300))
    }

    @Test func `another client with the same id is left alone at once`() {
        #expect(delays([.takenOver]) == [.seconds(300)])
    }

    @Test func `replaced credentials are not waited for`() {
        var pace = AttemptPace()
        for _ in 0..<5 { _ = pace.delay(after: .badCredentials, random: 0) }
        pace.renewed()
        #expect(pace.delay(after: .badCredentials, random: 0) == .seconds(1))
    }

    @Test(arguments: [MQTTFailure.Kind.network, .tls, .busy])
    func `trouble of the network, or a stranger's certificate, is never waited for longer than half a minute`(
        kind: MQTTFailure.Kind
    ) {
        let delays = delays(.init(repeating: kind, count: 50))
        #expect(delays.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(31) })
    }
}
