public import Model

/// What became of a reading, told to the scanner that read it.
public enum Acknowledgement: Sendable, Equatable {
    /// On stable storage; which of the good signals says so.
    case accepted(Signal)
    /// Not stored, because of what it is, and why, for people.
    case refused(String)
    /// Not stored for a reason that lies with the gateway, and why: the same label may be stored a moment later. A worker
    /// scans it again; a camera, which nobody hears, has to by itself.
    case notNow(String)

    /// On stable storage, and nothing more to say.
    public static var stored: Acknowledgement { .accepted(.stored) }

    /// The signal for the operator.
    public var signal: Signal {
        switch self {
        case .accepted(let signal): signal
        case .refused, .notNow: .refused
        }
    }
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
    /// Bytes that are no whole scan were dropped, or a camera saw what is none.
    case dropped(DropReason)
    /// It may not have seen a label that passed it, or has lost one that it saw, between the readings handed on before and
    /// those to come; a sentence.
    case missed(String)
    /// It refuses, or does not answer, what it was told; it is read on, and the sentence says what that means.
    case complaint(String)
    /// It does what no scanner does: it is read no more, and disabled, with the reason.
    case hostile(String)

    /// Why it is no scan. The raw value is the name under `dropped_by_reason` of `device show --json`.
    public enum DropReason: String, Sendable, CaseIterable {
        /// More than 8 KiB without a terminator.
        case tooLong = "too_long"
        /// The line's hardware reported a framing or parity error, or a break.
        case lineError = "line_error"
        /// A NUL inside a scan: noise, not a label.
        case noise
        /// The scan stopped in the middle: unplugged, or silent for two seconds.
        case fragment
        /// The scan lacks the configured prefix or suffix, or has a prefix that belongs to no device.
        case affix
        /// A packet's checksum is wrong, also after it was asked for again.
        case checksum
        /// The kernel dropped events because nobody read them in time (SYN_DROPPED): what is left is a guess.
        case lostEvents = "lost_events"
        /// A key of the keyboard is not let go: what it types more often than that is not seen.
        case stuckKey = "stuck_key"
        /// A camera saw something pass, and no label on it.
        case noRead = "no_read"
        /// A camera saw one of several codes that hold a text together: they are not joined by guessing.
        case part
        /// The gateway could not store labels for so long that there was no room left for a camera's, or until the camera
        /// was gone.
        case unstored
    }
}
