internal import Model

@testable internal import Scanners

extension FuzzTarget {
    /// A HID device: its report descriptor, led by two bytes of length, then reports, each led by one.
    static let hidpos = FuzzTarget("hidpos") { choices, bytes in
        var settings = HIDPOSSettings()
        settings.hasAIM = !choices.flag()
        settings.suffix = choices.one(of: [[], [13]])
        settings.trigger = choices.one(of: HIDPOSSettings.TriggerCommand.allCases)
        var script = FuzzBytes(bytes)
        let descriptor = script.take(Int(script.byte()) | Int(script.byte()) << 8)
        let isScanner = HIDReportDescriptor.isBarcodeScanner(descriptor)
        if let read = try? HIDReportDescriptor(descriptor) {
            try require(read == (try HIDReportDescriptor(descriptor)), "one descriptor, two readings")
            for field in read.fields {
                let bits = field.offset + field.bits * field.count
                try require(bits <= 8 * read.size(of: field.report, field.direction), "a field outside of its report")
            }
        }
        let driver = HIDPOSDriver(settings)
        do { _ = try driver.begin(reportDescriptor: descriptor) } catch {
            return try require(!isScanner, "a scanner that its driver does not take")
        }
        try require(isScanner, "a driver that takes what is no scanner")
        for answer in driver.answers.values {
            try require(
                answer.steps.allSatisfy { $0.bytes.count <= 1025 }, "a report of more bytes than can be written")
        }
        _ = driver.trigger
        for _ in 0..<2000 where !script.isAtEnd {
            let report = script.take(Int(script.byte()))
            // No bytes are no report: the port takes them for the end.
            for case .scan(let label, _, let aim) in report.isEmpty
                ? driver.fellSilent() : try driver.received(report[...], from: -1)
            {
                try require((1...SerialSettings.maximumLength).contains(label.count), "\(label.count) bytes")
                try require(aim.isEmpty || aim.utf8.count == 3 && settings.hasAIM, "an AIM identifier \(aim)")
            }
        }
        _ = driver.ended()
        try require(driver.patience == nil, "a scan goes on after the end")
    }
}
