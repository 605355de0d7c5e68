/// `[spool]` of the configuration: the bounds of the durable log, and what happens at each.
public struct SpoolLimits: Sendable, Equatable {
    /// Scans waiting, rejected or held; at the bound a scan is refused with an error signal. 1,000 to 1,000,000,000.
    public var maxScans: Int64 = 5_000_000
    /// Bytes of live pages and WAL; at the bound accepted scans that are only kept for `scans find` go first, then
    /// scans are refused. At least 16 MiB.
    public var maxBytes: Int64 = 4 << 30
    /// Bytes that must stay free on the filesystem; below it scans are refused.
    public var minFree: Int64 = 256 << 20
    /// How long a judged scan is kept for `scans find`.
    public var keepAccepted: Duration = .seconds(30 * 86_400)

    /// The defaults.
    public init() {}
}
