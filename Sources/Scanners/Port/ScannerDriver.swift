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

    /// The node is gone, or no longer wanted: what was read of a scan is no scan.
    func ended() -> [ScannerOutput]

    /// How the scanner is told of a signal; none where it cannot be told.
    var answers: [Signal: Answer] { get }

    /// What starts and what ends a read without its button; nil where the scanner knows no such thing.
    var trigger: (on: Answer, off: Answer)? { get }
}

extension ScannerDriver {
    /// It cannot be told.
    public var answers: [Signal: Answer] { [:] }
    /// It has no such command.
    public var trigger: (on: Answer, off: Answer)? { nil }
}

/// What a driver makes of what was read.
public enum ScannerOutput: Sendable, Equatable {
    /// One label, without prefix, suffix, terminator and AIM identifier; `symbology` follows from `aim` where the
    /// scanner tells it.
    case scan(bytes: [UInt8], symbology: Symbology = .unknown, aim: String = "")
    /// Bytes that are no whole label, or no trustworthy one, were dropped. The operator gets the error signal.
    case dropped(ScannerEvent.DropReason)
    /// Bytes for the scanner, now.
    case write([UInt8])
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
