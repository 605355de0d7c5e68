import Glibc
import TestSupport
import Testing

/// Random sequences of all that happens to a spool, on a disk that fails, fills up and loses power, beside a model of a few
/// dozen lines.
///
/// `SCANGATE_SEED` replays one sequence and prints its steps; `SCANGATE_SEQUENCES` sets their number, 10,000 in `.ci/run`.
/// A sequence takes some 15 ms, most of it SQLite's and the kernel's.
@Suite(.oneThread, .timeLimit(.minutes(10))) struct SpoolModelTests {
    /// Sequences that once found something.
    private static let failed: [UInt64] = [
        1_795_302_001_890_679, 1_795_318_191_943_695, 1_795_328_209_968_726,
    ]

    @Test func `whatever happens to the disk, the spool says what the model says`() async throws {
        if let seed = Self.number("SCANGATE_SEED") { return try await Self.run(seed, isShown: true) }
        for seed in Self.failed { try await Self.run(seed) }
        let first = UInt64(time(nil)) &* 1_000_003
        let count = Self.number("SCANGATE_SEQUENCES") ?? 1000
        print("spool model: \(count) sequences, seeds from \(first) on")
        for seed in first..<(first + count) { try await Self.run(seed) }
    }

    private static func run(_ seed: UInt64, isShown: Bool = false) async throws {
        try await withTemporaryDirectory { directory in
            let station = try Station(directory: directory, seed: seed)
            do {
                try await station.start()
                for _ in 0..<25 { try await station.step() }
            } catch {
                let history = await station.history.joined(separator: "\n  ")
                await station.close()
                throw SetupError("SCANGATE_SEED=\(seed): \(error)\n  \(history)")
            }
            if isShown { print(await station.history.joined(separator: "\n")) }
            await station.close()
        }
    }

    private static func number(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }
}
