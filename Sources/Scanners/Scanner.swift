public import Model

/// What became of a reading, told to the scanner that read it.
public enum Acknowledgement: Sendable, Equatable {
    /// On stable storage.
    case stored
    /// Not stored, and why, for people.
    case refused(String)
}

/// Where readings go. Any thread; returns at once.
public protocol ReadingSink: Sendable {
    /// Takes a reading in; `reply` is called once, on any thread, when it is on stable storage or refused.
    func submit(_ reading: Reading, from device: DeviceID, reply: @escaping @Sendable (Acknowledgement) -> Void)

    /// Notes what happened to a device.
    func note(_ event: ScannerEvent, from device: DeviceID)
}

/// What happens to a scanner besides its readings.
public enum ScannerEvent: Sendable, Equatable {
    /// Its port is open and is read.
    case connected(port: String)
    /// Its port is gone, or cannot be opened; with the reason.
    case disconnected(reason: String)
    /// Bytes that are no whole scan were dropped.
    case dropped(DropReason)

    /// Why bytes were dropped.
    public enum DropReason: String, Sendable, CaseIterable {
        /// More than 8 KiB without a terminator.
        case tooLong = "too_long"
        /// The line's hardware reported a framing or parity error, or a break.
        case lineError = "line_error"
        /// A NUL inside a scan: noise, not a label.
        case noise
        /// The scan stopped in the middle: unplugged, or silent for two seconds.
        case fragment
        /// The scan lacks the configured prefix or suffix.
        case affix
    }
}
