internal import Gate

extension ConfigurationSchema {
    /// The reference of every key, as Markdown; `docs/configuration.md` is this text.
    public func markdown() -> String {
        var lines = [
            "# Configuration reference",
            "",
            "Made from `ConfigurationSchema`; a test compares the two.",
            "",
            "The file is `--config FILE`, else `$SCANGATE_CONFIG`, else `/etc/scangate/scangate.toml`. Drop-ins beside it"
                + " (`scangate.d/*.toml`) are read in the order of their names: a later value replaces an earlier one,"
                + " lists of tables (`[[label]]`, `[[uplink]]`) append. A commented sample is `docs/sample/scangate.toml`.",
            "",
            "`scangate config check` names every mistake as `FILE:LINE: key: what is wrong; what to write`, and"
                + " `scangate config show --origin` says where each effective value comes from. Secrets are never in the"
                + " configuration: a *secret file* is named, belongs to root or the daemon's user, has mode 0600, or is"
                + " one of systemd's credentials (`/run/credentials/…`).",
            "",
            "Durations are a number and a unit: `ms`, `s`, `min`, `h`, `d`. Sizes: `B`, `KiB`, `MiB`, `GiB`, `TiB`, or"
                + " an integer of bytes. Keys marked *later* are checked, but have no effect in this version.",
            "",
        ]
        for section in keys {
            let brackets =
                switch section.kind {
                case .tables: "[[\(section.name)]]"
                case .named: "[\(section.name).NAME]"
                default: "[\(section.name)]"
                }
            lines += ["## `\(brackets)`", "", section.about, ""]
            lines += [
                "| key | kind | default | range | what it is for |", "| --- | --- | --- | --- | --- |",
            ]
            lines += ConfigurationSchema.rows(ConfigurationSchema.members(of: section.kind) ?? [], under: "")
            lines.append("")
            if section.name == "label" { lines += ConfigurationSchema.labelNotes }
        }
        lines += [
            "## A scanner profile: `devices/NAME.toml`", "",
            "One file a family, in a directory of `[scanners] profiles`; `scangate config check` checks them all. Bytes are"
                + " written in single quotes: `\\xNN` for those that cannot be typed, `|100|` for a pause of 100 ms. An option"
                + " of the device itself goes before the profile's. [scanners.md](scanners.md) has an example.", "",
            "| key | kind | default | range | what it is for |", "| --- | --- | --- | --- | --- |",
        ]
        lines += ConfigurationSchema.rows(ConfigurationSchema.profile.keys, under: "") + [""]
        return lines.joined(separator: "\n")
    }

    private static func rows(_ keys: [Key], under path: String) -> [String] {
        keys.flatMap { key -> [String] in
            if let members = members(of: key.kind) {
                let list = if case .tables = key.kind { "[]" } else { "" }
                return rows(members, under: path + key.name + list + ".")
            }
            let about = key.about + (key.later ? " *Later.*" : "")
            return [
                "| `\(path)\(key.name)` | \(key.kind.title) | \(standard(key)) | \(cell(key.kind.range)) | \(cell(about)) |"
            ]
        }
    }

    private static func standard(_ key: Key) -> String {
        switch key.standard {
        case .value(let text): "`\(text)`"
        case .computed(let phrase): cell(phrase)
        case .required: "required"
        case .none: "–"
        }
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }

    private static var labelNotes: [String] {
        var lines = ["The shipped rules, in this order:", "", "```toml"]
        for rule in LabelRules.shipped {
            lines += [
                "[[label]]  # \(rule.why)", "role = \"\(rule.role.rawValue)\"", "\(rule.key) = '\(rule.expression)'",
            ]
            if rule.letterCase != .keep { lines.append("case = \"\(rule.letterCase.rawValue)\"") }
            if let text = rule.text { lines.append("text = \"\(text)\"") }
        }
        lines += [
            "```", "",
            "A bare alphanumeric child is opt-in: add `role = \"child\"`, `match = '^[A-Z0-9]{4,20}$'` as the last rule.",
            "`$` means the very end of the label. A parent is 1 to \(LabelRules.maxParentBytes) bytes of printable ASCII"
                + " after its rule. A child's label that also holds another child's number, or begins or ends with a whole"
                + " parent label, is refused: two labels in one read. An expression that takes too long on a label refuses"
                + " it. `scangate label test TEXT` says what becomes of a label.",
            "",
        ]
        return lines
    }
}
