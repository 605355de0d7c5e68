internal import Glibc
public import Model
public import Posix

/// A HID point-of-sale scanner: labels in reports, each with its length and AIM identifier, whose places the report
/// descriptor tells. Bytes of any value. A label in several reports is joined until one says that it is the last; 200 ms
/// without the next, and it is dropped; at most 8 KiB.
///
/// Feedback is what the descriptor offers: a good-read and an error beep, of which the five signals are made by number and
/// rhythm. A scanner without them cannot be told; use a light or the gateway's own sound.
///
/// A scanner that marks its last report as continued where the label fills it to the last byte (some do, against the
/// standard) loses such a label to the 200 ms: it cannot be told from one whose end was lost.
public final class HIDPOSDriver: ScannerDriver {
    private let settings: HIDPOSSettings
    private var layout: HIDPOSLayout?
    private var label: [UInt8] = []
    private var aim = ""
    private var isInside = false
    private var isTooLong = false
    private var path = ""

    /// A driver for one opening.
    public init(_ settings: HIDPOSSettings) { self.settings = settings }

    /// See `ScannerDriver`.
    public func open(_ path: String) throws(SystemError) -> FileDescriptor {
        self.path = path
        return try HIDRaw.open(path)
    }

    /// See `ScannerDriver`.
    public func begin(_ descriptor: Int32) throws(SystemError) -> [ScannerOutput] {
        try begin(reportDescriptor: try HIDRaw.describe(descriptor).reportDescriptor)
    }

    func begin(reportDescriptor: [UInt8]) throws(SystemError) -> [ScannerOutput] {
        guard let descriptor = try? HIDReportDescriptor(reportDescriptor), let layout = HIDPOSLayout(descriptor) else {
            throw SystemError("use as a HID point-of-sale scanner", path, code: ENODEV)
        }
        self.layout = layout
        return []
    }

    /// See `ScannerDriver`: one report.
    public func received(_ bytes: ArraySlice<UInt8>, from descriptor: Int32) throws(SystemError)
        -> [ScannerOutput]
    {
        guard let layout else { return [] }
        for scan in layout.scans {
            var body = bytes
            if let id = scan.report {
                guard body.popFirst() == id else { continue }
            }
            return take(body, scan)
        }
        // Status, settings, key presses of a composite device: not a label's.
        return []
    }

    private func take(_ body: ArraySlice<UInt8>, _ scan: HIDPOSLayout.Scan) -> [ScannerOutput] {
        // Less than the descriptor promises is no report of this kind.
        guard body.count >= scan.size, scan.data.upperBound <= body.count else { return end(.dropped(.fragment)) }
        let data = body.dropFirst(scan.data.lowerBound).prefix(scan.data.count)
        let count = scan.count?.value(in: body) ?? data.count - data.reversed().prefix { $0 == 0 }.count
        guard count <= data.count else { return end(.dropped(.noise)) }
        if !isInside {
            aim =
                scan.aim.count == 3
                ? AIMIdentifier.leading(scan.aim.map { UInt8(truncatingIfNeeded: $0.value(in: body)) }) ?? "" : ""
        }
        isInside = true
        isTooLong =
            isTooLong
            || label.count + count > SerialSettings.maximumLength + settings.prefix.count + settings.suffix.count
        if isTooLong { label = [] } else { label += data.prefix(count) }
        if (scan.isContinued?.value(in: body) ?? 0) & 1 == 1 { return [] }
        return end(finished())
    }

    /// The label that has come to its end; nil for one of no bytes, which is none.
    private func finished() -> ScannerOutput? {
        if isTooLong { return .dropped(.tooLong) }
        guard label.count >= settings.prefix.count + settings.suffix.count, label.starts(with: settings.prefix),
            label.suffix(settings.suffix.count).elementsEqual(settings.suffix)
        else { return .dropped(.affix) }
        let bytes = Array(label.dropFirst(settings.prefix.count).dropLast(settings.suffix.count))
        guard !bytes.isEmpty else { return nil }
        guard bytes.count <= SerialSettings.maximumLength else { return .dropped(.tooLong) }
        return settings.hasAIM && !aim.isEmpty
            ? .scan(bytes: bytes, symbology: Symbology(aim: aim), aim: aim) : .scan(bytes: bytes)
    }

    private func end(_ output: ScannerOutput?) -> [ScannerOutput] {
        (label, aim, isInside, isTooLong) = ([], "", false, false)
        return output.map { [$0] } ?? []
    }

    /// See `ScannerDriver`.
    public var patience: Duration? { isInside ? .milliseconds(200) : nil }

    /// See `ScannerDriver`.
    public func fellSilent() -> [ScannerOutput] { isInside ? end(.dropped(.fragment)) : [] }

    /// See `ScannerDriver`.
    public func ended() -> [ScannerOutput] { fellSilent() }

    /// See `ScannerDriver`.
    public var answers: [Signal: Answer] {
        var table: [Signal: Answer] = [:]
        if let orders = layout?.orders {
            let good = orders.goodBeep.map { orders.bytes(setting: $0) }
            let error = (orders.errorBeep ?? orders.goodBeep).map { orders.bytes(setting: $0) }
            let rest = orders.bytes(setting: nil)
            // A beep is ordered by a bit that goes up: it is taken back before it is ordered again.
            func beeps(_ report: [UInt8]?, _ count: Int, every milliseconds: Int) -> Answer? {
                report.map { report in
                    Answer(
                        (0..<count).flatMap { _ in
                            [
                                Answer.Step(report, pause: .milliseconds(50)),
                                Answer.Step(rest, pause: .milliseconds(milliseconds - 50)),
                            ]
                        })
                }
            }
            table[.stored] = beeps(good, 1, every: 100)
            table[.storedOffline] = beeps(good, 2, every: 600)
            table[.duplicate] = beeps(good, 2, every: 200)
            table[.bagComplete] = beeps(good, 3, every: 400)
            table[.refused] = beeps(error, orders.errorBeep == nil ? 5 : 2, every: 250)
        }
        table.merge(settings.signals) { $1 }
        return table.filter { $0.value.steps.contains { !$0.bytes.isEmpty } }
    }

    /// See `ScannerDriver`: hidraw writes a report at once, or waits.
    public var writesBlock: Bool { true }

    /// See `ScannerDriver`.
    public var trigger: (on: Answer, off: Answer)? {
        switch settings.trigger {
        case .none: return nil
        case .auto:
            guard let orders = layout?.orders, let read = orders.initiateRead else { return nil }
            return (Answer(orders.bytes(setting: read)), Answer(orders.bytes(setting: nil)))
        case .syn:
            let commands = layout?.commands ?? HIDPOSLayout.Commands(report: 0xFD, size: 63)
            guard let on = commands.bytes([0x16, 0x54, 0x0D]), let off = commands.bytes([0x16, 0x55, 0x0D]) else {
                return nil
            }
            return (Answer(on), Answer(off))
        }
    }
}
