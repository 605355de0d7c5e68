/// One reading of the machine's clocks.
public struct Moment: Sendable, Equatable {
    /// CLOCK_BOOTTIME in nanoseconds: rises while the machine is suspended, never jumps. All order, debounce,
    /// timeouts and backoff use this one.
    public var uptimeNs: Int64
    /// The wall clock in milliseconds since 1970: data, never a decision.
    public var wallMs: Int64
    /// Whether the kernel says that the wall clock follows a time source (adjtimex).
    public var synced: Bool

    /// A reading made elsewhere.
    public init(uptimeNs: Int64, wallMs: Int64, synced: Bool) {
        self.uptimeNs = uptimeNs
        self.wallMs = wallMs
        self.synced = synced
    }

    /// CLOCK_BOOTTIME in milliseconds, as the contract's `mono_ms` wants it.
    public var uptimeMs: Int64 { uptimeNs / 1_000_000 }
}

/// Where the time comes from: the machine in the daemon (`TimeSource.system` in Posix), a hand-set clock in tests.
public struct TimeSource: Sendable {
    /// Reads the clocks; any thread.
    public let now: @Sendable () -> Moment
    /// The kernel's id of this boot, lower-case 8-4-4-4-12.
    public let bootID: String
    /// Returns after this long by CLOCK_BOOTTIME, or throws `CancellationError`.
    public let sleep: @Sendable (Duration) async throws -> Void

    /// A source with these parts.
    public init(
        bootID: String, now: @escaping @Sendable () -> Moment,
        sleep: @escaping @Sendable (Duration) async throws -> Void
    ) {
        self.bootID = bootID
        self.now = now
        self.sleep = sleep
    }
}

extension Duration {
    /// Whole milliseconds, rounded down.
    public var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
    /// Whole nanoseconds.
    public var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
