import Model
import Testing

@testable import Gateway

struct CommitPaceTests {
    private let devices = (1...16).compactMap { DeviceID("scanner-\($0)") }

    // Commits of `scans` each, `everyUs` apart, for `forUs`; the wait afterwards, and the time.
    private func wait(
        _ pace: inout CommitPace, scans: Int = 1, of devices: some Sequence<DeviceID>, everyUs: Int64,
        forUs: Int64 = 400_000, from startUs: Int64 = 1_000_000
    ) -> (waitUs: Int64, nowUs: Int64) {
        var now = startUs
        while now < startUs + forUs {
            pace.note(scans, of: devices, at: now)
            now += everyUs
        }
        return (pace.wait(at: now), now)
    }

    @Test func `a single device never waits, however fast it scans`() {
        var pace = CommitPace()
        #expect(wait(&pace, of: devices.prefix(1), everyUs: 250).waitUs == 0)
    }

    @Test func `many devices that scan a hundred times a second do not wait`() {
        var pace = CommitPace()
        #expect(wait(&pace, of: devices, everyUs: 10_000).waitUs == 0)
    }

    @Test func `many busy devices wait for some eighty scans, and never longer than forty milliseconds`() {
        var pace = CommitPace()
        #expect(wait(&pace, of: devices, everyUs: 1000).waitUs == 40_000)
        pace = CommitPace()
        let (waitUs, _) = wait(&pace, of: devices, everyUs: 250)
        #expect((18_000...20_200).contains(waitUs))
    }

    @Test func `where eighty scans come during a commit nothing waits`() {
        var pace = CommitPace()
        #expect(wait(&pace, scans: 1000, of: devices, everyUs: 5000).waitUs == 0)
    }

    @Test func `the first scan after the rush does not wait`() {
        var pace = CommitPace()
        let (waitUs, now) = wait(&pace, of: devices, everyUs: 1000)
        #expect(waitUs > 0)
        #expect(pace.wait(at: now + 200_000) == 0)
    }
}
