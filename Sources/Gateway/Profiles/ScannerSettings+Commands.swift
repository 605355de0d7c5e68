internal import JSON
internal import Model
public import Scanners

extension ScannerSettings {
    /// What `scangate device profiles --json` prints, of one profile where one is named:
    /// `{"profiles":[{"name","title","base","file","modes":[{"name","kind","usb":[…],"options":{…},"signals":[…],
    /// "trigger","setup","limits"}]}]}`; the file null for the built-in profile.
    public func profilesJSON(_ profiles: [DeviceProfile]) -> [UInt8] {
        var json = JSONWriter(reserving: 16_384)
        json.object {
            $0.key("profiles")
            $0.array { for profile in profiles { write(profile, to: &$0) } }
        }
        return json.bytes
    }

    private func write(_ profile: DeviceProfile, to json: inout JSONWriter) {
        json.object {
            $0.member("name", profile.name)
            $0.member("title", profile.title)
            $0.member("base", profile.isBase)
            $0.key("file")
            if let file = files[profile.name] { $0.string(file) } else { $0.null() }
            $0.key("modes")
            $0.array { for mode in profile.modes { ScannerSettings.write(mode, to: &$0) } }
        }
    }

    private static func write(_ mode: DeviceProfile.Mode, to json: inout JSONWriter) {
        json.object {
            $0.member("name", mode.name)
            $0.member("kind", mode.kind.rawValue)
            $0.key("usb")
            $0.array { for pattern in mode.usb { $0.string(pattern.description) } }
            $0.key("options")
            $0.object {
                for (key, value) in mode.options.sorted(by: { $0.key < $1.key }) {
                    $0.key(key)
                    $0.string(value)
                }
            }
            $0.key("signals")
            $0.array { for signal in mode.signals { $0.string(signal.rawValue) } }
            $0.member("trigger", mode.hasTrigger)
            $0.member("setup", mode.setup)
            $0.member("limits", mode.limits)
        }
    }

    /// The lines of one profile, of one of its modes where one is named, for people; at most `width` columns.
    public func describe(_ profile: DeviceProfile, mode wanted: String? = nil, width: Int = 78) -> String {
        var lines = ["\(profile.name): \(profile.title)"]
        if let file = files[profile.name] { lines.append("file: \(Safe.text(file, limit: 1024))") }
        if profile.isBase {
            lines.append("a cordless base: several scanners, each a device with a --match prefix= of its own")
        }
        for mode in profile.modes where wanted == nil || mode.name == wanted {
            let told = mode.signals.map(\.rawValue).joined(separator: ", ")
            lines += ["", "\(profile.name)/\(mode.name) (\(mode.kind.rawValue))"]
            let facts = [
                ("usb", mode.usb.map(\.description).joined(separator: " ")),
                (
                    "options",
                    mode.options.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
                ),
                ("told", (told.isEmpty ? "nothing" : told) + (mode.hasTrigger ? "; can be triggered" : "")),
                ("setup", mode.setup), ("limits", mode.limits),
            ]
            for (name, text) in facts where !text.isEmpty {
                lines += Self.wrapped("  \(name): ", text, width: width)
            }
        }
        // The loader has let no control character through, and a second escaping would double the backslashes of bytes.
        return lines.map { $0 + "\n" }.joined()
    }

    /// The text under a heading, its further lines indented as far.
    private static func wrapped(_ heading: String, _ text: String, width: Int) -> [String] {
        let indent = String(repeating: " ", count: heading.count)
        var lines: [String] = []
        var line = heading
        var isEmpty = true
        for word in text.split(separator: " ") {
            if !isEmpty && line.count + 1 + word.count > width {
                lines.append(line)
                (line, isEmpty) = (indent, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + [line]
    }
}
