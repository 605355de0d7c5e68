import Model
import Posix
import TestSupport
import Testing

@testable import Scanners

/// A recorded device: see Recordings/README.md.
private struct Recording {
    var descriptor: [UInt8] = []
    var reports: [[UInt8]] = []

    init(_ name: String) throws {
        let folder = String(#filePath.prefix(through: try #require(#filePath.lastIndex(of: "/"))))
        let text = String(decoding: try Files.read(folder + "Recordings/\(name).txt"), as: UTF8.self)
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            let bytes = try #require(Hex.decode(String(words[1])))
            if words[0] == "descriptor" { descriptor = bytes } else { reports.append(bytes) }
        }
    }

    func driver(_ change: (inout HIDPOSSettings) -> Void = { _ in }) throws -> HIDPOSDriver {
        var settings = HIDPOSSettings()
        change(&settings)
        let driver = HIDPOSDriver(settings)
        _ = try driver.begin(reportDescriptor: descriptor)
        return driver
    }
}

private func read(_ driver: HIDPOSDriver, _ reports: [[UInt8]]) throws -> [ScannerOutput] {
    try reports.flatMap { try driver.received($0[...], from: -1) }
}

private func scan(_ label: String, _ symbology: Symbology, _ aim: String) -> ScannerOutput {
    .scan(bytes: Array(label.utf8), symbology: symbology, aim: aim)
}

@Suite struct HIDPOSDriverTests {
    @Test func `a standard device's labels are read`() throws {
        let recording = try Recording("hidpos-standard")
        let driver = try recording.driver()
        let long = String(repeating: "LABEL_NO._0016586_LOT_NO._12_", count: 4)
        #expect(
            try read(driver, recording.reports) == [
                scan("SB00042", .qr, "]Q1"), scan(long, .dataMatrix, "]d1"),
                scan(String(repeating: "x", count: 56), .code128, "]C0"),
            ])
        #expect(driver.patience == nil && driver.trigger == nil && driver.answers.isEmpty)
    }

    @Test func `a device with other ids, sizes and order is read as its descriptor says`() throws {
        let recording = try Recording("hidpos-other")
        let driver = try recording.driver()
        let long = "a\u{0}b\u{1D}c" + String(repeating: "y", count: 60)
        #expect(
            try read(driver, recording.reports) == [scan("SB00042", .qr, "]Q1"), scan(long, .dataMatrix, "]d2")])
        #expect(driver.trigger?.on == Answer([4, 0x04]) && driver.trigger?.off == Answer([4, 0]))
        #expect(driver.answers[.stored]?.steps.map(\.bytes) == [[4, 0x40], [4, 0]])
        #expect(driver.answers[.refused]?.steps.map(\.bytes) == [[4, 0x20], [4, 0], [4, 0x20], [4, 0]])
        for first in Signal.allCases {
            for second in Signal.allCases where first != second {
                #expect(driver.answers[first] != driver.answers[second])
            }
        }
    }

    @Test func `Honeywell's command goes into the report that takes such`() throws {
        let other = try Recording("hidpos-other").driver { $0.trigger = .syn }
        let standard = try Recording("hidpos-standard").driver { $0.trigger = .syn }
        let zeros = [UInt8](repeating: 0, count: 59)
        for driver in [other, standard] {
            #expect(driver.trigger?.on == Answer([0xFD, 3, 0x16, 0x54, 0x0D] + zeros))
            #expect(driver.trigger?.off == Answer([0xFD, 3, 0x16, 0x55, 0x0D] + zeros))
        }
        #expect(try Recording("hidpos-other").driver { $0.trigger = .none }.trigger == nil)
    }

    @Test func `a label whose next report does not come within 200 ms is a fragment, and the next is whole`() throws {
        let recording = try Recording("hidpos-standard")
        for stop in 1...2 {
            let driver = try recording.driver()
            #expect(try read(driver, Array(recording.reports[1..<1 + stop])) == [])
            #expect(driver.patience == .milliseconds(200))
            #expect(driver.fellSilent() == [.dropped(.fragment)])
            #expect(driver.patience == nil && driver.fellSilent() == [])
            #expect(try read(driver, [recording.reports[0]]) == [scan("SB00042", .qr, "]Q1")])
            _ = try read(driver, [recording.reports[1]])
            #expect(driver.ended() == [.dropped(.fragment)])
        }
    }

    @Test func `the identifier is not believed where the settings say so, and affixes are taken off`() throws {
        let recording = try Recording("hidpos-standard")
        let plain = try recording.driver { $0.hasAIM = false }
        #expect(try read(plain, [recording.reports[0]]) == [.scan(bytes: Array("SB00042".utf8))])
        let affixed = try recording.driver { ($0.prefix, $0.suffix) = (Array("SB".utf8), Array("2".utf8)) }
        #expect(
            try read(affixed, Array(recording.reports[0...0]) + [recording.reports[4]])
                == [scan("0004", .qr, "]Q1"), .dropped(.affix)])
    }

    @Test func `a count that is too large, a report that is too short, an empty label are no scan`() throws {
        let recording = try Recording("hidpos-standard")
        let driver = try recording.driver()
        var report = recording.reports[0]
        report[1] = 57
        #expect(try read(driver, [report]) == [.dropped(.noise)])
        #expect(try read(driver, [Array(recording.reports[0].dropLast())]) == [.dropped(.fragment)])
        report[1] = 0
        #expect(try read(driver, [report]) == [])
        #expect(try read(driver, [[], [2], [9, 9, 9]]) == [.dropped(.fragment)])
    }

    @Test func `the longest label is taken, a longer one is dropped to its end, and the next is read`() throws {
        let recording = try Recording("hidpos-standard")
        for extra in [0, 1, 100_000] {
            let driver = try recording.driver()
            var left = 8192 + extra
            var out: [ScannerOutput] = []
            while left > 0 {
                let count = min(left, 56)
                left -= count
                out += try read(
                    driver,
                    [
                        [2, UInt8(count)] + Array("]Q1".utf8) + [UInt8](repeating: 0x78, count: 56) + [0]
                            + [left > 0 ? 1 : 0]
                    ])
            }
            #expect(
                out == [extra == 0 ? scan(String(repeating: "x", count: 8192), .qr, "]Q1") : .dropped(.tooLong)],
                "\(extra) more")
            #expect(try read(driver, [recording.reports[0]]) == [scan("SB00042", .qr, "]Q1")])
        }
    }

    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func `whatever reports come, it neither crashes nor grows, and the next label is read`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let recording = try Recording(seed % 2 == 0 ? "hidpos-standard" : "hidpos-other")
        let driver = try recording.driver()
        for _ in 0..<2000 {
            var report = recording.reports.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 0...8, using: &generator) {
                report[Int.random(in: 0..<report.count, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            report = Array(report.prefix(.random(in: 0...80, using: &generator)))
            for output in try driver.received(report[...], from: -1) {
                if case .scan(let bytes, _, _) = output { #expect((1...8192).contains(bytes.count)) }
            }
            let held = Mirror(reflecting: driver).descendant("label") as? [UInt8]
            #expect((held?.count ?? .max) <= 8192)
        }
        _ = driver.ended()
        #expect(try read(driver, [recording.reports[0]]) == [scan("SB00042", .qr, "]Q1")])
    }

    @Test func `a node that is no scanner is refused`() {
        let driver = HIDPOSDriver(HIDPOSSettings())
        #expect(throws: SystemError.self) { _ = try driver.begin(reportDescriptor: [0x05, 0x01]) }
    }

    @Test func `options are read, and mistakes told`() throws {
        let settings = try HIDPOSSettings(options: [
            "aim": "false", "prefix": "a", "suffix": "\\r", "trigger": "syn",
        ])
        #expect(!settings.hasAIM && settings.prefix == [0x61] && settings.suffix == [13] && settings.trigger == .syn)
        for (option, value) in [("aim", "1"), ("trigger", "on"), ("prefix", "\\q")] {
            let mistake = #expect(throws: ScannerOptionMistake.self) {
                try HIDPOSSettings(options: [option: value])
            }
            #expect(mistake?.description.hasPrefix("--" + option) == true)
        }
    }

    @Test func `each kind and protocol gets its driver`() throws {
        #expect(try ScannerDrivers.make(.serial, [:])() is SerialDriver)
        #expect(try ScannerDrivers.make(.serial, ["protocol": "ssi"])() is SSIDriver)
        #expect(try ScannerDrivers.make(.hidpos, [:])() is HIDPOSDriver)
        #expect(try ScannerDrivers.make(.keyboard, [:])() is KeyboardDriver)
    }
}

@Suite struct HIDReportDescriptorTests {
    /// A boot keyboard's (HID 1.11, appendix B.1).
    private static let keyboard =
        "05010906a101050719e029e71500250175019508810295017508810395057501050819012905910295017503910395067508"
        + "1500256505071900296581 00c0"

    @Test func `a keyboard is no bar code scanner, the recorded devices are`() throws {
        let keyboard = try #require(Hex.decode(String(Self.keyboard.filter { $0 != " " })))
        let descriptor = try HIDReportDescriptor(keyboard)
        #expect(descriptor.applications == [0x0001_0006] && descriptor.size(of: 0, .input) == 8)
        #expect(descriptor.size(of: 0, .output) == 1 && !descriptor.hasReportIDs)
        #expect(!HIDReportDescriptor.isBarcodeScanner(keyboard))
        for name in ["hidpos-standard", "hidpos-other"] {
            let recording = try Recording(name)
            #expect(HIDReportDescriptor.isBarcodeScanner(recording.descriptor))
            let parsed = try HIDReportDescriptor(recording.descriptor)
            // What the device sent is what the descriptor says.
            for report in recording.reports { #expect(parsed.size(of: report[0], .input) == report.count - 1) }
        }
    }

    @Test(
        arguments: [
            "05", "fe02", "fe0500", "b4", "c0", "a101", "7504 8500", "7504 860001", "77ffffffff", "97ffffffff",
            "1a0500 2a0100", "76ffff 96ffff 8102", "7701000100",
        ])
    func `an unsound descriptor is a fault`(hex: String) throws {
        let bytes = try #require(Hex.decode(String(hex.filter { $0 != " " })))
        #expect(throws: HIDReportDescriptor.Fault.self) { try HIDReportDescriptor(bytes) }
        #expect(!HIDReportDescriptor.isBarcodeScanner(bytes))
    }

    @Test func `nesting, states and fields have bounds`() throws {
        let deep = [UInt8](repeating: 0xA0, count: 65) + [UInt8](repeating: 0xC0, count: 65)
        #expect(throws: HIDReportDescriptor.Fault.self) { try HIDReportDescriptor(deep) }
        _ = try HIDReportDescriptor(deep.dropFirst().dropLast())
        #expect(throws: HIDReportDescriptor.Fault.self) {
            try HIDReportDescriptor([UInt8](repeating: 0xA4, count: 17))
        }
        #expect(throws: HIDReportDescriptor.Fault.self) {
            try HIDReportDescriptor([0x75, 1, 0x95, 1] + [UInt8](repeating: 0x80, count: 1025))
        }
        #expect(throws: HIDReportDescriptor.Fault.self) {
            try HIDReportDescriptor([UInt8](repeating: 0x80, count: 4097))
        }
        let wide = try HIDReportDescriptor([0x1A, 0, 0, 0x2A, 0xFF, 0xFF, 0x75, 8, 0x96, 0x00, 0x10, 0x81, 2])
        #expect(wide.fields.first?.usages.count == 64)
    }

    @Test func `long items are passed over, and state is kept and taken back`() throws {
        let bytes: [UInt8] = [
            0xFE, 3, 0x10, 1, 2, 3, 0x05, 0x8C, 0x75, 8, 0x95, 2, 0xA4, 0x05, 1, 0x75, 16, 0xB4, 0x09, 0xFE, 0x0B, 0xFF,
            0, 0x8C, 0, 0x81, 2,
        ]
        let field = try #require(try HIDReportDescriptor(bytes).fields.first)
        #expect(field.bits == 8 && field.count == 2 && field.usages == [0x008C_00FE, 0x008C_00FF])
        #expect(field.offset(of: 0x008C_00FF) == 8)
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `whatever the descriptor, it is read or refused`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let sound = try Recording(seed % 2 == 0 ? "hidpos-standard" : "hidpos-other").descriptor
        for round in 0..<500 {
            var bytes = sound
            if round % 4 == 0 {
                let count = Int.random(in: 0...300, using: &generator)
                bytes = (0..<count).map { _ in .random(in: 0...255, using: &generator) }
            } else {
                for _ in 0..<Int.random(in: 1...6, using: &generator) {
                    bytes[Int.random(in: 0..<bytes.count, using: &generator)] = .random(in: 0...255, using: &generator)
                }
            }
            guard let descriptor = try? HIDReportDescriptor(bytes), let layout = HIDPOSLayout(descriptor) else {
                continue
            }
            // A driver of such a device stands any report.
            let driver = HIDPOSDriver(HIDPOSSettings())
            _ = try driver.begin(reportDescriptor: bytes)
            for size in [0, 1, 63, 64, 960] {
                var report = (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
                if size > 0, let id = layout.scans[0].report { report[0] = id }
                _ = try driver.received(report[...], from: -1)
            }
            #expect(driver.answers.values.allSatisfy { $0.steps.count <= 16 })
        }
    }
}
