public import Model
public import Posix

/// What one kind of scanner needs and what its bytes mean: opening its node, the state machine over what is read, and
/// the bytes that it is told.
///
/// One value an opening: a scanner that comes back gets a fresh one, so that nothing of the time before is left in it.
/// Confined to the poll thread, where it never blocks; apart from `open` and what `begin` asks of the kernel it does no
/// I/O, so that tests feed it recorded bytes.
public protocol ScannerDriver: AnyObject {
    /// Opens the node for this process alone, non-blocking. Called once, first.
    func open(_ path: String) throws(SystemError) -> FileDescriptor

    /// The node is open: what to tell the scanner before the first scan.
    func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput]

    /// Takes what one `read` returned: at most 960 bytes, whole reports and whole events where the kernel keeps such
    /// bounds. The descriptor is the open node's, for questions to the kernel.
    func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError) -> [ScannerOutput]

    /// How long nothing may come before `fellSilent` is called; nil while there is nothing to wait for.
    var patience: Duration? { get }

    /// Nothing has come for `patience`.
    func fellSilent() -> [ScannerOutput]

    /// The place in sysfs of the node that `open` has opened; asked once, before `begin`.
    func place(of descriptor: Int32) -> Sysfs.Place?

    /// Whether an open node is not a connected scanner yet: the driver says `.connected` when it is, or `.failed`.
    var connectsLater: Bool { get }

    /// The node is gone, or no longer wanted: what was read of a scan is no scan.
    func ended() -> [ScannerOutput]

    /// How the scanner is told what became of one of its scans; none where it cannot be told. Asked once, after
    /// `begin`, like `signals`.
    var answers: [Signal: Answer] { get }

    /// How it is told of a signal that answers none of its scans: a test, or the error signal for dropped bytes. Apart
    /// from `answers`, because a protocol's acknowledgement must not be sent for nothing.
    var signals: [Signal: Answer] { get }

    /// What starts and what ends a read without its button; nil where the scanner knows no such thing.
    var trigger: (on: Answer, off: Answer)? { get }

    /// Whether the kernel keeps what is not read, and holds the scanner back when its room is full, so that nothing is
    /// lost when the port does not read for a while.
    var canWait: Bool { get }

    /// Whether the node's `write` waits for the device though it was opened non-blocking.
    var writesBlock: Bool { get }
}

extension ScannerDriver {
    /// That of the descriptor itself.
    public func place(of descriptor: Int32) -> Sysfs.Place? { Sysfs.place(of: descriptor) }
    /// What can be opened is there.
    public var connectsLater: Bool { false }
    /// It cannot be told.
    public var answers: [Signal: Answer] { [:] }
    /// As it is told of a scan.
    public var signals: [Signal: Answer] { answers }
    /// It has no such command.
    public var trigger: (on: Answer, off: Answer)? { nil }
    /// It loses what is not read in time.
    public var canWait: Bool { false }
    /// It does as it was opened.
    public var writesBlock: Bool { false }
}

/// A driver whose scanner is talked with: what it is told depends on what was said before, so the port asks instead of
/// looking into `answers`, `signals` and `trigger`. Confined to the poll thread like the rest of a driver.
public protocol ConversingDriver: ScannerDriver {
    /// The driver's scan of this number, counted from 0 in this opening, is on stable storage or refused. Called once
    /// a scan, in any order, unless the node is gone before.
    func settled(_ scan: Int, _ acknowledgement: Acknowledgement) -> [ScannerOutput]

    /// What is told of a scan that is refused for now when the scanner is gone already; nil where its worker heard the refusal
    /// and scans again.
    var lostWhenLate: ScannerEvent.DropReason? { get }

    /// Gives a signal that answers no scan; nil where the scanner cannot be told.
    func give(_ signal: Signal) -> [ScannerOutput]?

    /// Begins or ends a read without the button; nil where the scanner knows no such thing.
    func trigger(_ isOn: Bool) -> [ScannerOutput]?
}

extension ConversingDriver {
    /// Its worker scans again.
    public var lostWhenLate: ScannerEvent.DropReason? { nil }
}

/// What a driver makes of what was read.
public enum ScannerOutput: Sendable, Equatable {
    /// One label, without prefix, suffix, terminator and AIM identifier; `symbology` follows from `aim` where the
    /// scanner tells it.
    case scan(bytes: [UInt8], symbology: Symbology = .unknown, aim: String = "")
    /// Bytes that are no whole label, or no trustworthy one, were dropped. The operator gets the error signal.
    case dropped(ScannerEvent.DropReason)
    /// Labels may be missing between the scans before this and those behind it; a sentence for people.
    case missed(String)
    /// Bytes for the scanner, now.
    case write([UInt8])
    /// The scanner refuses, or does not answer, what it was told; a sentence for the admin.
    case complaint(String)
    /// Of a driver that connects later: the scanner works from now on.
    case connected
    /// It cannot be read any more, or never could: the node is closed, and opened again later; the reason, for people.
    case failed(String)
    /// The device does what no scanner does: it is closed for good, and disabled, with this reason.
    case hostile(String)
}

/// What a scanner is told: bytes, and where it needs them, pauses and more bytes. At most 16 steps.
public struct Answer: Sendable, Equatable {
    /// Bytes, and how long to wait after them.
    public struct Step: Sendable, Equatable {
        /// Written at once, in one call; what the device does not take is given up.
        public var bytes: [UInt8]
        /// Before the next step.
        public var pause: Duration

        /// One step.
        public init(_ bytes: [UInt8], pause: Duration = .zero) { (self.bytes, self.pause) = (bytes, pause) }
    }

    /// In their order. A newer answer takes the place of what has not been written of an older one.
    public var steps: [Step]

    /// An answer of several steps.
    public init(_ steps: [Step]) { self.steps = steps }

    /// An answer of bytes alone.
    public init(_ bytes: [UInt8]) { steps = [Step(bytes)] }
}
