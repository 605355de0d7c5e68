internal import Model
internal import Posix
internal import Scanners
internal import TOML

/// Reads one file of scanner profiles, `NAME.toml`, and finds all of its mistakes.
struct ProfileLoader {
    let path: String
    private(set) var findings = ConfigurationFindings()

    /// The most modes of a profile.
    static let maxModes = 16

    init(path: String) { self.path = path }

    /// The profile, or nil where there are mistakes.
    mutating func load() -> DeviceProfile? {
        guard let root = read() else { return nil }
        let name = String((path.split(separator: "/").last ?? "").dropLast(".toml".count))
        if DeviceID(name) == nil {
            findings.mistake(
                ConfigurationOrigin(file: path, line: 0), "", "\"\(Safe.text(name, limit: 60))\" is no profile's name",
                "call the file NAME.toml, NAME \(DeviceID.rule)")
        }
        var checker = ConfigurationChecker(schema: .profile)
        let table = checker.check(root)
        findings.mistakes += checker.findings.mistakes
        let tables = table.tables("mode")
        let modes = tables.compactMap { mode($0) }
        refuseSameNames(tables)
        if table.has("mode"), !(1...Self.maxModes).contains(tables.count) {
            findings.mistake(
                table.origin(of: "mode"), "mode", "\(tables.count) modes", "write 1 to \(Self.maxModes)")
        }
        guard findings.mistakes.isEmpty, let title = table.text("title") else { return nil }
        return DeviceProfile(
            name: name, title: title, modes: modes, isBase: table.boolean("base") ?? false,
            onlyScanners: patterns(table, "only_scanners"))
    }

    private mutating func read() -> ConfigurationNode? {
        let whole = ConfigurationOrigin(file: path, line: 0)
        do {
            return ConfigurationNode(try TOMLValue.parse(try Files.read(path, limit: TOMLValue.maxBytes)), file: path)
        } catch let error as TOMLError {
            findings.mistake(
                ConfigurationOrigin(file: path, line: max(error.position.line, 1)), "",
                "not TOML, column \(error.position.column): \(Safe.text(error.message))",
                "mend this first, the rest of the file has not been read; bytes are written in single quotes")
        } catch {
            findings.mistake(whole, "", "cannot be read: \(error)", "make it readable for all: chmod 644 \(path)")
        }
        return nil
    }

    private mutating func mode(_ table: ConfigurationTable) -> DeviceProfile.Mode? {
        let before = findings.mistakes.count
        guard let name = table.text("name"), let kind: NodeKind = table.choice("kind"), let setup = table.text("setup")
        else { return nil }
        for other in NodeKind.allCases where other != kind && table.table(other.rawValue).written {
            let inner = table.table(other.rawValue)
            findings.mistake(
                table.origin(of: other.rawValue), inner.path, "the mode is of kind \(kind.rawValue)",
                "write [mode.\(kind.rawValue)], or kind = \"\(other.rawValue)\"")
        }
        if kind == .camera {
            for key in ["init", "signals", "trigger"] where table.has(key) {
                findings.mistake(
                    table.origin(of: key), table.path(of: key), "a camera cannot be told anything", "remove it")
            }
        }
        if kind == .keyboard {
            for key in ["init", "signals", "trigger"] where table.has(key) {
                findings.mistake(
                    table.origin(of: key), table.path(of: key), "a keyboard cannot be told anything but its LEDs",
                    "remove it")
            }
        }
        if kind == .hidpos {
            for key in ["init", "trigger"] where table.has(key) {
                findings.mistake(
                    table.origin(of: key), table.path(of: key), "only a mode of kind serial has it",
                    key == "init" ? "remove it" : "write trigger = \"syn\" or \"none\" in [mode.hidpos]")
            }
        }
        let trigger = table.table("trigger")
        for (key, other) in [("on", "off"), ("off", "on")] where trigger.has(other) && !trigger.has(key) {
            findings.mistake(
                trigger.origin, trigger.path(of: key), "missing", "write both on and off; '' sends nothing")
        }
        let mode = DeviceProfile.Mode(
            name: name, kind: kind, usb: patterns(table, "usb"), options: options(of: table, kind), setup: setup,
            limits: table.text("limits") ?? "")
        guard findings.mistakes.count == before else { return nil }
        if let mistake = Self.check(mode) { report(mistake, in: table, kind) }
        return mode
    }

    /// The options in the words of `device add`; of switches only those that are on, and those of HID-POS, which has one
    /// that is on by itself.
    private func options(of table: ConfigurationTable, _ kind: NodeKind) -> [String: String] {
        var options: [String: String] = [:]
        let sections = [
            ("", table.table(kind.rawValue)), ("signal_", table.table("signals")), ("trigger_", table.table("trigger")),
        ]
        for (prefix, section) in sections {
            for (key, value) in section.values {
                switch value.content {
                case .text(let text): options[prefix + key] = text
                case .integer(let number): options[prefix + key] = String(number)
                case .boolean(let isOn) where isOn || kind == .hidpos: options[prefix + key] = String(isOn)
                default: break
                }
            }
        }
        options["init"] = table.text("init")
        return options
    }

    private func patterns(_ table: ConfigurationTable, _ key: String) -> [DeviceProfile.USBPattern] {
        table.texts(key).compactMap { DeviceProfile.USBPattern($0) }
    }

    private mutating func refuseSameNames(_ tables: [ConfigurationTable]) {
        for (index, table) in tables.enumerated() {
            guard let name = table.text("name"),
                let first = tables[..<index].first(where: { $0.text("name") == name })
            else { continue }
            findings.mistake(
                table.origin(of: "name"), table.path(of: "name"),
                "\"\(name)\" is the name of \(first.path) (line \(first.origin(of: "name").line)) already",
                "write another name")
        }
    }

    /// What the driver itself has against a mode's options, in its words `--KEY VALUE: what to write`; nil where nothing.
    static func check(_ mode: DeviceProfile.Mode) -> String? {
        do throws(ScannerOptionMistake) {
            _ = try ScannerDrivers.make(mode.kind, mode.options)
            return nil
        } catch { return error.description }
    }

    // The driver names the option; its line is that of the key.
    private mutating func report(_ mistake: String, in table: ConfigurationTable, _ kind: NodeKind) {
        let word = mistake.prefix { $0 != " " && $0 != ":" }.drop { $0 == "-" }
        let option = String(word.map { $0 == "-" ? "_" : $0 })
        let places: [(ConfigurationTable, String)] = [
            (table.table(kind.rawValue), option), (table, option),
            (table.table("signals"), String(option.dropFirst("signal_".count))),
            (table.table("trigger"), String(option.dropFirst("trigger_".count))),
        ]
        let (section, key) = places.first { $0.0.has($0.1) } ?? (table, "name")
        findings.mistake(section.origin(of: key), section.path(of: key), mistake, "")
    }
}
