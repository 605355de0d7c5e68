internal import Model

/// Where a HID-POS scanner's report descriptor says that things are (HID Point of Sale Usage Tables 1.02, page 0x8C; also
/// Honeywell's copy of it, page 0xFF8C).
struct HIDPOSLayout: Equatable {
    /// The report that a label comes in; places in bits after the id.
    struct Scan: Equatable {
        /// nil where reports have no ids.
        var report: UInt8?
        /// Bytes after the id.
        var size: Int
        /// Where the count of data bytes is; nil where none is told: then the data ends at its last byte that is not 0.
        var count: Place?
        /// The three characters of the AIM identifier.
        var aim: [Place]
        /// The maker's own number of the bar code's type.
        var vendorType: Place?
        /// Where the data begins, in bytes after the id, and how many of them there are at most.
        var data: Range<Int>
        /// Whether the label goes on in the next report.
        var isContinued: Place?
    }

    /// A number in a report.
    struct Place: Equatable {
        var offset: Int
        var bits: Int

        /// The number; 0 where the report is too short, the lowest 32 bits of a longer one.
        func value(in report: ArraySlice<UInt8>) -> Int {
            var value = 0
            for bit in 0..<min(bits, 32) {
                let place = offset + bit
                guard place / 8 < report.count else { break }
                if report[report.startIndex + place / 8] >> (place % 8) & 1 == 1 { value |= 1 << bit }
            }
            return value
        }
    }

    /// An output report in which bits tell the scanner something.
    struct Orders: Equatable {
        var report: UInt8?
        var size: Int
        var initiateRead: Int?
        var goodBeep: Int?
        var errorBeep: Int?

        /// The report with one bit set, or none, as it is written.
        func bytes(setting bit: Int?) -> [UInt8] {
            var body = [UInt8](repeating: 0, count: size)
            if let bit, bit / 8 < size { body[bit / 8] = 1 << UInt8(bit % 8) }
            // A report without an id is written with 0 in its place.
            return [report ?? 0] + body
        }
    }

    /// Honeywell's and its copies' way in for serial commands: an output report with a count and bytes.
    struct Commands: Equatable {
        var report: UInt8?
        var size: Int

        /// The report that carries a command; nil where it does not fit.
        func bytes(_ command: [UInt8]) -> [UInt8]? {
            guard command.count < size else { return nil }
            let body = [UInt8(truncatingIfNeeded: command.count)] + command
            return [report ?? 0] + body + [UInt8](repeating: 0, count: size - body.count)
        }
    }

    /// Every report that labels come in.
    var scans: [Scan]
    /// What starts a read and beeps, where there is such a thing.
    var orders: Orders?
    /// What takes serial commands, where there is such a thing.
    var commands: Commands?

    private static let pages: [UInt32] = [0x8C, 0xFF8C]
    private static let byteCount: UInt32 = 0x0001_003B
    /// The most bytes of a report that is written: what a high-speed device takes at once.
    private static let mostWritten = 1024

    /// What a descriptor says; nil where no report of it brings labels.
    init?(_ descriptor: HIDReportDescriptor) {
        func isBarcode(_ usage: UInt32, _ ids: ClosedRange<UInt32>) -> Bool {
            Self.pages.contains(usage >> 16) && ids.contains(usage & 0xFFFF)
        }
        let inputs = descriptor.fields.filter { $0.direction == .input && !$0.isConstant }
        scans = inputs.compactMap { field in
            guard field.bits == 8, field.offset % 8 == 0, field.usages.contains(where: { isBarcode($0, 0xFE...0xFE) })
            else { return nil }
            let peers = inputs.filter { $0.report == field.report }
            func place(_ wanted: (UInt32) -> Bool) -> Place? {
                for peer in peers {
                    if let usage = peer.usages.first(where: wanted), let offset = peer.offset(of: usage) {
                        return Place(offset: offset, bits: peer.bits)
                    }
                }
                return nil
            }
            let first = field.offset / 8
            return Scan(
                report: descriptor.hasReportIDs ? field.report : nil, size: descriptor.size(of: field.report, .input),
                count: place { $0 == Self.byteCount },
                aim: [0xFB, 0xFC, 0xFD].compactMap { id in place { isBarcode($0, id...id) } },
                vendorType: place { $0 >> 16 >= 0xFF00 && !isBarcode($0, 0...0xFFFF) },
                data: first..<first + field.count,
                isContinued: place { isBarcode($0, 0xFF...0xFF) })
        }
        guard !scans.isEmpty else { return nil }
        orders = Self.orders(descriptor)
        commands = Self.commands(descriptor)
    }

    private static func orders(_ descriptor: HIDReportDescriptor) -> Orders? {
        for field in descriptor.fields where field.direction == .output && field.bits == 1 && field.isVariable {
            func bit(_ id: UInt32) -> Int? { pages.lazy.compactMap { field.offset(of: $0 << 16 | id) }.first }
            let orders = Orders(
                report: descriptor.hasReportIDs ? field.report : nil,
                size: descriptor.size(of: field.report, .output), initiateRead: bit(0x60), goodBeep: bit(0x86),
                errorBeep: bit(0x85))
            if orders.size <= mostWritten, orders.initiateRead != nil || orders.goodBeep != nil { return orders }
        }
        return nil
    }

    private static func commands(_ descriptor: HIDReportDescriptor) -> Commands? {
        let outputs = descriptor.fields.filter { $0.direction == .output && $0.bits == 8 && $0.offset % 8 == 0 }
        guard
            let count = outputs.first(where: { $0.usages.first == 0xFF66_0021 && $0.offset == 0 && $0.count == 1 }),
            outputs.contains(where: { $0.report == count.report && $0.usages.first == 0xFF66_0022 && $0.offset == 8 }),
            descriptor.size(of: count.report, .output) <= mostWritten
        else { return nil }
        return Commands(
            report: descriptor.hasReportIDs ? count.report : nil, size: descriptor.size(of: count.report, .output))
    }
}

extension HIDReportDescriptor {
    /// Whether the device behind a report descriptor is a bar code scanner whose labels come as reports: a sysfs node's
    /// `report_descriptor` tells. False for anything that is no sound descriptor.
    public static func isBarcodeScanner(_ bytes: some Collection<UInt8>) -> Bool {
        guard let descriptor = try? HIDReportDescriptor(bytes) else { return false }
        return HIDPOSLayout(descriptor) != nil
    }
}
