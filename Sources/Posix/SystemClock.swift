internal import CLinux
internal import Glibc
public import Model
internal import Synchronization

extension TimeSource {
    /// The machine's clocks: CLOCK_BOOTTIME, CLOCK_REALTIME, and the kernel's word on whether the latter is synced.
    ///
    /// The synced flag is asked for at most once a second: it is a system call of its own, and it changes rarely.
    public static let system: TimeSource = {
        let cache = SyncedFlag()
        return TimeSource(
            bootID: bootIdentifier(),
            now: {
                let uptime = scangate_clock_ns(Int32(CLOCK_BOOTTIME))
                return Moment(
                    uptimeNs: uptime, wallMs: scangate_clock_ns(Int32(CLOCK_REALTIME)) / 1_000_000,
                    synced: cache.value(at: uptime))
            },
            sleep: { try await ContinuousClock().sleep(for: $0) })
    }()

    /// The kernel's estimate of the wall clock's error in milliseconds.
    public static func estimatedErrorMs() -> Int64 {
        var microseconds = 0
        _ = scangate_clock_synced(&microseconds)
        return Int64(microseconds) / 1000
    }

    private static func bootIdentifier() -> String {
        let text = (try? Files.read("/proc/sys/kernel/random/boot_id")).map { String(decoding: $0, as: UTF8.self) }
        let id = String((text ?? "").prefix { !$0.isWhitespace })
        // Without /proc (a bare container) a random id: debounce and current bags then end with the process.
        return UUID(id) == nil ? Random.uuid(unixMs: 0).description : id
    }
}

/// Clocks as the kernel's and the service manager's protocols have them.
public enum SystemClock {
    /// CLOCK_MONOTONIC in microseconds (sd_notify(3), RELOADING=1).
    public static var monotonicMicroseconds: Int64 { scangate_clock_ns(Int32(CLOCK_MONOTONIC)) / 1000 }

    /// CLOCK_BOOTTIME in microseconds: the time of an input device's events (`InputDevice`).
    public static var bootMicroseconds: Int64 { scangate_clock_ns(Int32(CLOCK_BOOTTIME)) / 1000 }
}

private final class SyncedFlag: Sendable {
    private let state = Mutex<(value: Bool, askedAt: Int64)>((false, .min))

    func value(at uptimeNs: Int64) -> Bool {
        state.withLock { state in
            if state.askedAt == .min || uptimeNs - state.askedAt > 1_000_000_000 {
                var microseconds = 0
                state = (scangate_clock_synced(&microseconds), uptimeNs)
            }
            return state.value
        }
    }
}

/// Random numbers from the kernel, for ids and jitter; keys come from `Crypto`.
public enum Random {
    // Bound: 2 KiB. A system call for each word would cost more than the rest of a scan's id.
    private static let pool = Mutex<[UInt64]>([])

    /// One word of 64 random bits.
    public static func word() -> UInt64 {
        pool.withLock { words in
            if let word = words.popLast() { return word }
            words = [UInt64](unsafeUninitializedCapacity: 256) { out, count in
                guard scangate_random(out.baseAddress, 2048) == 0 else {
                    fatalError("getrandom failed: the kernel has no random numbers")
                }
                count = 256
            }
            return words.removeLast()
        }
    }

    /// A UUID of version 7 at this time.
    public static func uuid(unixMs: Int64) -> UUID { UUID(version7At: unixMs, random: (word(), word())) }
}
