import Testing

@testable import Scanners

struct RetryPauseTests {
    @Test func `what ends at once again and again is tried ever less often, what lasted is tried at once`() {
        var pause = RetryPause()
        var pauses: [Duration] = []
        for lasted in [60, 0, 1, 0, 1, 3600, 0] { pauses.append(pause.next(after: .seconds(lasted))) }
        #expect(
            pauses == [
                .milliseconds(200), .seconds(1), .seconds(10), .seconds(10), .seconds(10), .milliseconds(200),
                .seconds(1),
            ])
    }

    @Test func `the first end is followed at once, however soon it came`() {
        var pause = RetryPause()
        #expect(pause.next(after: .zero) == .milliseconds(200))
    }
}
