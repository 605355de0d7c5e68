public import Model
public import Posix

/// A serial scanner that sends lines, and is answered with a byte or in its maker's language where it wants that.
public final class SerialDriver: ScannerDriver {
    private let settings: SerialSettings
    private let language: LineLanguage
    private var framer: LineFramer
    private var filter: ReplyFilter

    /// A driver for one opening.
    public init(_ settings: SerialSettings) {
        self.settings = settings
        language = LineLanguage(settings)
        framer = LineFramer(settings)
        filter = ReplyFilter(language.replies)
    }

    /// See `ScannerDriver`.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor { try SerialLine.open(path, settings.line) }

    /// See `ScannerDriver`.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        [settings.initial, language.initial].filter { !$0.isEmpty }.map { .write($0) }
    }

    /// See `ScannerDriver`.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError)
        -> [ScannerOutput]
    {
        filter.push(bytes).flatMap { part -> [ScannerOutput] in
            switch part {
            case .bytes(let bytes): framer.push(bytes[...]).compactMap { output($0) }
            case .reply(let reply): complaint(reply).map { [.complaint($0)] } ?? []
            }
        }
    }

    /// See `ScannerDriver`.
    public var patience: Duration? {
        guard framer.isInsideScan || filter.isHolding else { return nil }
        return settings.terminator == .idle ? .milliseconds(settings.idleMs) : .seconds(2)
    }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] { end { $0.silence() } }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] { end { $0.abandon() } }

    private func end(_ how: (inout LineFramer) -> [LineFramer.Output]) -> [ScannerOutput] {
        (framer.push(filter.flush()[...]) + how(&framer)).compactMap { output($0) }
    }

    /// See `ScannerDriver`: the acknowledging byte where one is wanted, then the feedback.
    public var answers: [Signal: Answer] {
        var table: [Signal: Answer] = [:]
        for signal in Signal.allCases {
            let byte = settings.acknowledges ? [Answer.Step([signal == .refused ? 0x15 : 0x06])] : []
            let steps = (byte + (feedback(signal)?.steps ?? [])).filter { !$0.bytes.isEmpty }
            if !steps.isEmpty { table[signal] = Answer(steps) }
        }
        return table
    }

    /// See `ScannerDriver`: the feedback alone; where a scanner knows nothing but the byte, that is its feedback. What is
    /// dropped has been sent, and is answered 0x15 like what is refused.
    public var signals: [Signal: Answer] {
        var table = answers
        for signal in Signal.allCases where signal != .refused {
            if let feedback = feedback(signal), feedback.steps.contains(where: { !$0.bytes.isEmpty }) {
                table[signal] = feedback
            }
        }
        return table
    }

    /// See `ScannerDriver`.
    public var trigger: (on: Answer, off: Answer)? {
        if let on = settings.triggerOn, let off = settings.triggerOff { return (on, off) }
        return language.trigger
    }

    /// See `ScannerDriver`: the kernel has room for 64 KiB of a terminal, and USB and flow control hold the scanner back
    /// then. Not where silence ends a scan: what waits has none.
    public var canWait: Bool { settings.terminator != .idle }

    private func feedback(_ signal: Signal) -> Answer? { settings.signals[signal] ?? language.signals[signal] }

    private func output(_ output: LineFramer.Output) -> ScannerOutput? {
        switch output {
        case .dropped(let reason): return .dropped(reason)
        case .scan(let bytes):
            guard settings.hasAIM, let aim = AIMIdentifier.leading(bytes) else { return .scan(bytes: bytes) }
            // An identifier without a label is an empty line, which is no scan either.
            return bytes.count == 3
                ? nil : .scan(bytes: Array(bytes.dropFirst(3)), symbology: Symbology(aim: aim), aim: aim)
        }
    }

    private func complaint(_ reply: [UInt8]) -> String? {
        guard settings.language == .honeywell, reply.contains(0x15) || reply.contains(0x05) else { return nil }
        let command = String(decoding: reply.filter { (0x20..<0x7F).contains($0) }, as: UTF8.self)
        return "the scanner refuses a menu command of --init, \(command): look it up in the scanner's manual"
    }
}
