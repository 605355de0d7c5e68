internal import Model

/// What a lane knows: its bag, how many children it has, the last label. Stored in the spool's lane row, in the
/// transaction of the scan that changes it, and changed by nothing else (an admin's explicit command aside).
public struct LaneState: Sendable, Equatable {
    /// The kernel's boot id when the state was made; in another boot uptimes mean nothing, and the bag is asked for
    /// again. Empty in a fresh state.
    public internal(set) var boot = ""
    /// The bag scanned last, or empty. Whether it is still current, `currentParent` says.
    public internal(set) var parent = ""
    /// The bag was named by an admin, and its label has not been scanned since.
    var isNamed = false
    /// Children stored for that bag, each label counted once.
    public internal(set) var children = 0
    /// Those of the children whose labels are known, as `LabelHash`; at most 1,000. Fewer than `children` where an
    /// earlier version counted them without keeping them.
    var labels: [UInt64] = []
    /// The label of the last stored scan, as read; empty where there is none.
    public internal(set) var lastLabel: [UInt8] = []
    /// When that label was captured: CLOCK_BOOTTIME in nanoseconds.
    public internal(set) var lastLabelNs: Int64 = 0
    /// When the last stored scan was captured: CLOCK_BOOTTIME in nanoseconds.
    public internal(set) var lastActivityNs: Int64 = 0

    /// The state of a new lane: the bag must be scanned first.
    public init() {}

    /// The bag that a child scanned now belongs to, or nil: none scanned, forgotten, or scanned before a reboot.
    public func currentParent(at uptimeNs: Int64, boot: String, settings: LaneSettings) -> String? {
        guard !parent.isEmpty, boot == self.boot else { return nil }
        let (idle, overflow) = uptimeNs.subtractingReportingOverflow(lastActivityNs)
        return !overflow && idle >= settings.forgetParentAfter.nanoseconds ? nil : parent
    }

    /// The state after an admin's `lane clear`: no bag, and nothing to debounce against.
    public func cleared() -> LaneState { LaneState() }

    /// The state after an admin's `lane set-parent`: the bag is current from now on.
    ///
    /// The count goes on where it is the bag that the lane had, else begins at 0. A scan of the bag's label is stored
    /// still, once. Nil where the text cannot be a bag's: anything but 1 to 64 bytes of printable ASCII.
    public func settingParent(_ parent: String, at uptimeNs: Int64, boot: String) -> LaneState? {
        guard LabelRules.isParent(Array(parent.utf8)) else { return nil }
        var next = self
        next.begin(parent, at: uptimeNs, boot: boot)
        next.isNamed = parent != self.parent || isNamed
        next.lastLabel = []
        return next
    }

    mutating func begin(_ parent: String, at uptimeNs: Int64, boot: String) {
        // A bag that was forgotten, or scanned before a reboot, still has the children it had.
        if parent != self.parent { (children, labels) = (0, []) }
        self.parent = parent
        isNamed = false
        touch(at: uptimeNs, boot: boot)
    }

    // Devices of one lane may hand their readings over a little out of order: activity never goes back.
    mutating func touch(at uptimeNs: Int64, boot: String) {
        lastActivityNs = boot == self.boot ? max(lastActivityNs, uptimeNs) : uptimeNs
        self.boot = boot
    }

    /// Whether a child with this label is in the bag already.
    func holds(_ label: UInt64) -> Bool { labels.contains(label) }

    mutating func count(_ label: UInt64) {
        children += 1
        if labels.count < LaneState.maxLabels { labels.append(label) }
    }

    /// The largest `children_per_parent`.
    static let maxLabels = 1000

    func isRepeat(_ reading: Reading, boot: String, within window: Duration) -> Bool {
        guard boot == self.boot, !lastLabel.isEmpty, reading.bytes == lastLabel else { return false }
        return reading.capturedAt.uptimeNs.subtractingReportingOverflow(lastLabelNs).partialValue.magnitude
            < window.nanoseconds.magnitude
    }
}
