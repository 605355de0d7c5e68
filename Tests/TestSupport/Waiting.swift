internal import Glibc

/// Returns once `isSo`; throws after `limit`. For what the outside world gives no event of, such as a file or a count.
public func eventually(
    _ what: String, within limit: Duration = .seconds(150), isolation: isolated (any Actor)? = #isolation,
    _ isSo: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while try await !isSo() {
        guard clock.now < end else { throw SetupError("waited \(limit) for: \(what)") }
        try await clock.sleep(for: .milliseconds(5))
    }
}

/// Random numbers that are the same in every run of a test (SplitMix64).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// A generator; the same seed gives the same numbers.
    public init(seed: UInt64) { state = seed }

    /// The next number.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// Lets time pass that is part of what is tested: the moment of a kill. Blocking.
public func pause(milliseconds: Int) {
    var time = timespec(tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000)
    nanosleep(&time, nil)
}

/// A number of the environment, where it is set: how long, or in which order, a test is to do what it does.
public func environmentNumber(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

/// The seed of a test's random choices: `SCANGATE_SEED`, or another each time, which the test prints.
public func testSeed() -> UInt64 { environmentNumber("SCANGATE_SEED") ?? UInt64(time(nil)) &* 1_000_003 }
