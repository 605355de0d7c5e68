/// Says which stretch of the log to read in order before a lane's scans are picked out of it.
///
/// All lanes write into one log, so a batch of one lane lies on nearly as many pages as it has scans. Where the kernel
/// has them in memory, that costs nothing. From the disk each is a command of its own (some 0.1 ms on an SSD, more on a
/// card), while the same stretch read in order comes at the disk's full speed, and with it the batches of the lanes
/// that lie between.
struct ReadAhead {
    /// Pages that a disk brings in order in the time of one out of order, times scans on a page: a stretch that holds
    /// more scans for each that is wanted is better left alone.
    private static let worth: Int64 = 64

    /// Whether what is wanted seems to be on the disk only; after a start it is.
    private(set) var isCold = true
    /// What has been read in order, and so is in memory for a while.
    private var done: ClosedRange<Int64>?

    /// The stretch to read before `count` scans, of which `first` and `last` are the outer ones; nil for none.
    mutating func stretch(from first: Int64, to last: Int64, holding count: Int) -> ClosedRange<Int64>? {
        let width = last - first + 1
        // A lane alone in its stretch is read in order as it is.
        guard isCold, first <= last, width > Int64(count), width <= Self.worth * Int64(count) else { return nil }
        guard let done, done.contains(first) else {
            self.done = first...last
            return first...last
        }
        guard last > done.upperBound else { return nil }
        self.done = done.lowerBound...last
        return (done.upperBound + 1)...last
    }

    /// To be told of each batch: whether a stretch was read before it, and whether anything came from the disk for
    /// either.
    mutating func note(stretch: Bool, fromDisk: Bool) {
        if stretch {
            isCold = fromDisk
        } else if fromDisk {
            // What was read in order has left the memory again, or never was: read it anew.
            (isCold, done) = (true, nil)
        } else if done == nil {
            isCold = false
        }
    }
}
