/// How long SSI waits, in nanoseconds.
struct SSITiming: Sendable {
    /// How long a scanner waits for an answer at the least (host serial response timeout, 2 s as shipped), and how long
    /// it is waited for.
    var waitNs: Int64 = 2_000_000_000
    /// Within which a packet and its acknowledgement may have crossed: longer than any packet takes at 9600 bits/s.
    var crossingNs: Int64 = 500_000_000
    /// How long after the last time the same packet may come again: the longest response timeout that can be set is
    /// 9.9 s.
    var repetitionNs: Int64 = 12_000_000_000
    /// How long the next packet of a label may take, from the last one or its last repetition: longer than `waitNs`, after
    /// which a scanner whose acknowledgement was lost repeats it; not much longer, since a scanner that has given up may
    /// begin another label.
    var partNs: Int64 = 2_500_000_000
    /// A gap in a packet that ends it.
    var packetQuietNs: Int64 = 200_000_000
    /// Quiet after damage, so that what comes next begins a packet.
    var damageQuietNs: Int64 = 50_000_000
}
