import Model
import Testing

@testable import Gateway

@Suite struct SteadyClockTests {
    private func moment(_ uptimeS: Int64, _ wallS: Int64, synced: Bool = true) -> Moment {
        Moment(uptimeNs: uptimeS * 1_000_000_000, wallMs: wallS * 1000, synced: synced)
    }

    @Test func `a clock is believed while it goes as fast as the uptime, and again when it has come back from a jump`()
    {
        var clock = SteadyClock()
        let (month, year): (Int64, Int64) = (30 * 86_400, 365 * 86_400)
        let moments = [
            (moment(0, -50 * year, synced: false), false), (moment(10, 1_000_000), true), (moment(20, 1_000_013), true),
            (moment(30, 1_000_020 + 10 * year), false), (moment(40, 1_000_030 - 10 * year), false),
            (moment(50, 1_000_040, synced: false), false), (moment(60, 1_000_050), true),
            // Suspended.
            (moment(60 + month, 1_000_050 + month), true),
        ]
        for (moment, isBelieved) in moments {
            let answer = clock.believes(moment)
            #expect(answer == isBelieved, "\(moment)")
            // A clock that nobody vouches for has not jumped: nothing is known of it.
            if moment.synced { #expect(clock.hasJumped != isBelieved, "\(moment)") }
        }
    }
}
