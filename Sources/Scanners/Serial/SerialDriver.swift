public import Model
public import Posix

/// A serial scanner that sends plain lines, and is answered with a byte where it wants that.
public final class SerialDriver: ScannerDriver {
    private let settings: SerialSettings
    private var framer: LineFramer

    /// A driver for one opening.
    public init(_ settings: SerialSettings) {
        self.settings = settings
        framer = LineFramer(settings)
    }

    /// See `ScannerDriver`.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor {
        try SerialLine.open(path, baud: settings.baud)
    }

    /// See `ScannerDriver`.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] { [] }

    /// See `ScannerDriver`.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError)
        -> [ScannerOutput]
    { framer.push(bytes).map { Self.output($0) } }

    /// See `ScannerDriver`.
    public var patience: Duration? {
        guard framer.isInsideScan else { return nil }
        return settings.terminator == .idle ? .milliseconds(settings.idleMs) : .seconds(2)
    }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] { framer.silence().map { Self.output($0) } }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] { framer.abandon().map { Self.output($0) } }

    /// See `ScannerDriver`.
    public var answers: [Signal: Answer] {
        guard settings.acknowledges else { return [:] }
        var table: [Signal: Answer] = [:]
        for signal in Signal.allCases { table[signal] = Answer([signal == .refused ? 0x15 : 0x06]) }
        return table
    }

    private static func output(_ output: LineFramer.Output) -> ScannerOutput {
        switch output {
        case .scan(let bytes): .scan(bytes: bytes)
        case .dropped(let reason): .dropped(reason)
        }
    }
}
