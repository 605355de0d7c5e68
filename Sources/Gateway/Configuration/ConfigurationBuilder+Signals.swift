internal import Model
internal import Scanners
internal import Signals

extension ConfigurationBuilder {
    /// The threads and devices that signals may take.
    private static let maxSignals = 64

    mutating func signals(_ tables: [ConfigurationTable]) -> [SignalSettings] {
        var found: [SignalSettings] = []
        for (index, table) in tables.enumerated() {
            guard let one = signal(table, number: index + 1) else { continue }
            if found.contains(where: { $0.name == one.name }) {
                findings.mistake(
                    table.origin(of: "name"), table.path(of: "name"), "there are two signals \(one.name)",
                    "give each a name of its own")
            }
            found.append(one)
        }
        if let last = tables.last, tables.count > Self.maxSignals {
            findings.mistake(
                last.origin, last.path, "more than \(Self.maxSignals) signals", "have outputs speak for several lanes")
        }
        return found
    }

    private mutating func signal(_ table: ConfigurationTable, number: Int) -> SignalSettings? {
        guard let word = table.text("kind"), let kind = kind(word, table) else { return nil }
        let settings = SignalSettings(
            name: table.text("name") ?? "signal-\(number)", lanes: Set(table.texts("lane").compactMap { LaneID($0) }),
            kind: kind)
        return SignalSettings(
            name: settings.name, lanes: settings.lanes, kind: kind, patterns: patterns(table.table("pattern"), kind))
    }

    private mutating func kind(_ word: String, _ table: ConfigurationTable) -> SignalSettings.Kind? {
        let own: [String: [String]] = [
            "sound": ["device", "volume"], "gpio": ["chip", "line", "active_low", "colours"],
            "light": ["device", "baud", "colours"],
        ]
        for key in Set(own.values.joined()).sorted() where table.has(key) && own[word]?.contains(key) == false {
            findings.mistake(
                table.origin(of: key), table.path(of: key), "a signal of kind \(word) has no \(key)", "remove it")
        }
        return switch word {
        case "sound":
            .sound(device: table.text("device") ?? "default", volume: Int(table.integer("volume") ?? 80))
        case "gpio": gpio(table)
        default: light(table)
        }
    }

    private mutating func gpio(_ table: ConfigurationTable) -> SignalSettings.Kind? {
        guard let chip = table.text("chip"), !chip.isEmpty else {
            return missing("chip", of: table, "write chip = \"/dev/gpiochip0\"; which there are: gpiodetect")
        }
        var lines: [SignalSettings.Line] = []
        for colour in table.tables("colours") {
            guard let name = colour.text("name") else { return nil }
            guard let line = colour.integer("line") else { return missing("line", of: colour, "write line = 17") }
            lines.append(.init(colour: name, offset: UInt32(line)))
        }
        switch (table.integer("line"), lines.isEmpty) {
        case (let line?, true): lines = [.init(colour: "on", offset: UInt32(line))]
        case (nil, false): break
        default:
            findings.mistake(
                table.origin, table.path(of: "line"), "a GPIO signal has line or colours",
                "write line = 17, or colours = [{ name = \"green\", line = 17 }]")
            return nil
        }
        unique(lines.map(\.colour), table)
        return .gpio(chip: chip, lines: lines, isActiveLow: table.boolean("active_low") ?? false)
    }

    private mutating func light(_ table: ConfigurationTable) -> SignalSettings.Kind? {
        guard let path = table.text("device"), path.hasPrefix("/") else {
            return missing(
                "device", of: table, "write the path of its terminal below /dev/serial/by-id, or /dev/hidrawN")
        }
        let baud = UInt32(table.integer("baud") ?? 9600)
        if !SerialSettings.speeds.contains(baud) {
            findings.mistake(
                table.origin(of: "baud"), table.path(of: "baud"), "not a speed of serial lines",
                "write one of \(SerialSettings.speeds.map(String.init).joined(separator: ", "))")
        }
        var colours: [SignalSettings.Colour] = []
        for colour in table.tables("colours") {
            guard let name = colour.text("name"), let on = bytes("on", of: colour), let off = bytes("off", of: colour)
            else { return nil }
            colours.append(.init(name: name, on: on, off: off))
        }
        guard !colours.isEmpty else {
            return missing("colours", of: table, "write colours = [{ name = \"green\", on = '…', off = '…' }]")
        }
        unique(colours.map(\.name), table)
        return .light(path: path, baud: baud, colours: colours)
    }

    private mutating func bytes(_ key: String, of table: ConfigurationTable) -> [UInt8]? {
        let advice = "write 1 to 64 bytes in single quotes, such as '\\xA0\\x01\\x01\\xA2'"
        guard let text = table.text(key) else { return missing(key, of: table, advice) }
        guard let bytes = EscapedBytes.parse(text, atMost: 64), !bytes.isEmpty else {
            findings.mistake(table.origin(of: key), table.path(of: key), "not bytes that a light takes", advice)
            return nil
        }
        return bytes
    }

    private mutating func patterns(_ table: ConfigurationTable, _ kind: SignalSettings.Kind) -> [Signal: SignalPattern]
    {
        var found: [Signal: SignalPattern] = [:]
        let colours = SignalSettings(name: "", kind: kind).colours
        for signal in Signal.allCases {
            guard let text = table.text(signal.rawValue) else { continue }
            do throws(SignalPattern.Mistake) {
                let pattern = try SignalPattern(text)
                if case .sound = kind { try pattern.checkTones() } else { try pattern.checkColours(colours) }
                found[signal] = pattern
            } catch {
                findings.mistake(
                    table.origin(of: signal.rawValue), table.path(of: signal.rawValue), error.text,
                    "see docs/signals.md, \"Patterns\"")
            }
        }
        return found
    }

    private mutating func unique(_ names: [String], _ table: ConfigurationTable) {
        guard Set(names).count < names.count else { return }
        findings.mistake(
            table.origin(of: "colours"), table.path(of: "colours"), "two colours have the same name", "rename one")
    }

    private mutating func missing<T>(_ key: String, of table: ConfigurationTable, _ advice: String) -> T? {
        findings.mistake(table.origin, table.path(of: key), "missing", advice)
        return nil
    }
}
