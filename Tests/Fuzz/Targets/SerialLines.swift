internal import Model

@testable internal import Scanners

extension FuzzTarget {
    /// What a serial scanner sends as lines: the first line chooses terminator, protocol, affixes and the pieces' sizes.
    static let line = FuzzTarget("line") { choices, bytes in
        var settings = SerialSettings()
        settings.terminator = choices.one(of: SerialSettings.Terminator.allCases)
        settings.language = choices.one(of: [.plain, .honeywell, .datalogic, .gm65])
        settings.prefix = choices.one(of: [[], [2], Array("Q#".utf8)])
        settings.suffix = choices.one(of: [[], [3], Array("##".utf8)])
        settings.hasAIM = choices.flag()
        settings.acknowledges = choices.flag()
        let seed = choices.number(below: 200)
        if settings.language == .honeywell {
            settings.initial = [0x16, 0x4D, 0x0D] + Array("SUFBK2990D;AIMID1.".utf8)
        }
        let whole = try read(settings, stride(from: 0, to: bytes.count, by: 960).map { bytes[$0...].prefix(960) })
        try require(
            try read(settings, pieces(of: bytes, from: seed)) == whole, "what is read depends on the pieces it comes in"
        )
        if bytes.count <= 4096 {
            try require(try read(settings, bytes.map { [$0][...] }) == whole, "… on single bytes")
        }
        for case .scan(let label, _, let aim) in whole {
            try require((1...SerialSettings.maximumLength).contains(label.count), "a label of \(label.count) bytes")
            try require(aim.isEmpty || aim.utf8.count == 3 && settings.hasAIM, "an AIM identifier \(aim)")
            try require(!label.contains(0), "a NUL in a label")
        }
        try expectLines(settings, bytes, whole)
    }

    /// Where nothing but the terminator has a meaning, the labels are the lines.
    private static func expectLines(_ settings: SerialSettings, _ bytes: [UInt8], _ outputs: [ScannerOutput]) throws {
        guard settings.language == .plain, settings.terminator == .lf, settings.prefix.isEmpty, !settings.hasAIM,
            settings.suffix.isEmpty, !bytes.contains(0), !bytes.contains(0xFF),
            let end = bytes.lastIndex(of: 10)
        else { return }
        let lines = bytes[..<end].split(separator: 10).map(Array.init)
        let labels = lines.filter { $0.count <= SerialSettings.maximumLength }
        var read: [[UInt8]] = []
        for case .scan(let label, _, _) in outputs { read.append(label) }
        try require(read == labels, "lines that are no labels, or the reverse")
    }

    private static func read(_ settings: SerialSettings, _ pieces: [ArraySlice<UInt8>]) throws -> [ScannerOutput] {
        let driver = SerialDriver(settings)
        var out = try pieces.flatMap { try driver.received($0, from: -1) }
        try require(driver.patience == nil || !pieces.isEmpty, "it waits for a scan's end, and nothing has come")
        out += driver.fellSilent()
        try require(driver.patience == nil, "a scan goes on after the line fell silent")
        try require(driver.ended().isEmpty, "something comes after silence")
        return out
    }
}
