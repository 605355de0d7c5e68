/// Cuts a serial line's bytes into scans: a pure state machine over what `read` returned, in any pieces.
///
/// Expects the terminal's marking of damage (`ParityMarks`). Memory is bounded by the longest scan.
struct LineFramer {
    /// What came out.
    enum Output: Equatable {
        case scan([UInt8])
        case dropped(ScannerEvent.DropReason)
    }

    private let settings: SerialSettings
    private var line: [UInt8] = []
    /// Why the line that is being read is no scan; it is dropped at its end, and counted once.
    private var fault: ScannerEvent.DropReason?
    private var marks = ParityMarks()
    /// After a CR that ended a scan, one LF belongs to it.
    private var skipsLineFeed = false
    /// The byte before was a CR; kept beside `line`, which holds nothing of a faulty one.
    private var isAfterReturn = false

    init(_ settings: SerialSettings) { self.settings = settings }

    /// Whether a scan has begun and not ended.
    var isInsideScan: Bool { !line.isEmpty || fault != nil }

    /// Takes bytes as they were read.
    mutating func push(_ bytes: ArraySlice<UInt8>) -> [Output] {
        var out: [Output] = []
        for byte in bytes {
            switch marks.take(byte) {
            case .byte(let byte): take(byte, &out)
            case .damage: fault = .lineError
            case nil: break
            }
        }
        return out
    }

    /// The line has been silent: for `idle` this ends a scan, for every other terminator it is a fragment.
    mutating func silence() -> [Output] {
        guard isInsideScan else { return [] }
        if settings.terminator == .idle { return end() }
        return abandon()
    }

    /// The port is gone: what was read of a scan is no scan.
    mutating func abandon() -> [Output] {
        defer { reset() }
        return isInsideScan ? [.dropped(fault ?? .fragment)] : []
    }

    private mutating func take(_ byte: UInt8, _ out: inout [Output]) {
        let wasAfterReturn = skipsLineFeed
        skipsLineFeed = false
        let endsPair = isAfterReturn
        isAfterReturn = byte == 13
        switch (settings.terminator, byte) {
        case (.any, 10) where wasAfterReturn && !isInsideScan: return
        case (.any, 13), (.any, 10), (.cr, 13), (.lf, 10), (.tab, 9):
            skipsLineFeed = byte == 13
            out += end()
        case (.crlf, 10) where endsPair:
            if fault == nil, line.last == 13 { line.removeLast() }
            out += end()
        default: append(byte)
        }
    }

    private mutating func append(_ byte: UInt8) {
        guard fault == nil else { return }
        guard byte != 0 else { return fault = .noise }
        // Two more for a CR before its LF, and so that the bound itself is a scan.
        guard line.count < SerialSettings.maximumLength + settings.prefix.count + settings.suffix.count + 1 else {
            line.removeAll(keepingCapacity: false)
            return fault = .tooLong
        }
        line.append(byte)
    }

    private mutating func end() -> [Output] {
        defer { reset() }
        if let fault { return [.dropped(fault)] }
        // An empty line is a scanner's extra line end, not a scan.
        guard !line.isEmpty else { return [] }
        guard let scan = Affix.strip(line, prefix: settings.prefix, suffix: settings.suffix) else {
            return [.dropped(.affix)]
        }
        guard scan.count <= SerialSettings.maximumLength else { return [.dropped(.tooLong)] }
        return scan.isEmpty ? [] : [.scan(Array(scan))]
    }

    private mutating func reset() {
        line.removeAll(keepingCapacity: line.capacity <= 1024)
        fault = nil
        isAfterReturn = false
    }
}
