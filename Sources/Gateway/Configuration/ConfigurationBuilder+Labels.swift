internal import Gate
internal import Model
internal import Pattern

extension ConfigurationBuilder {
    /// Puts the shipped rules where there are none, so that `config show` has them.
    func completeLabels(_ root: inout ConfigurationTable) {
        guard !root.has("label") else { return }
        let tables = LabelRules.shipped.enumerated().map { index, rule in
            var table = ConfigurationTable(path: "label[\(index + 1)]", origin: root.origin, written: false)
            let texts = [
                ("role", rule.role.rawValue), (rule.key, rule.expression), ("case", rule.letterCase.rawValue),
            ]
            for (key, text) in texts + (rule.text.map { [("text", $0)] } ?? []) {
                table.values[key] = .init(
                    content: .text(text), origin: nil, node: ConfigurationNode(.string(text), root.origin))
            }
            return table
        }
        root.values["label"] = .init(content: .tables(tables), origin: nil, node: nil)
    }

    mutating func labels(_ tables: [ConfigurationTable]) -> LabelRules {
        guard tables.contains(where: \.written) else { return .defaults }
        let rules = tables.compactMap { label($0) }
        if !rules.contains(where: { $0.role == .parent }), rules.count == tables.count {
            findings.warning(
                tables.first?.origin ?? ConfigurationOrigin(file: "", line: 0), "label", "no rule has the role parent",
                "no bag can be scanned, and so no child; write a rule for bags")
        }
        return LabelRules(rules)
    }

    private mutating func label(_ table: ConfigurationTable) -> LabelRule? {
        guard let role: LabelRule.Role = table.choice("role") else { return nil }
        if table.has("match"), table.has("extract") {
            findings.mistake(
                table.origin(of: "extract"), table.path(of: "extract"), "a rule has match or extract, not both",
                "remove one")
            return nil
        }
        if role == .refuse {
            for key in ["extract", "case"] where table.has(key) {
                findings.mistake(
                    table.origin(of: key), table.path(of: key), "nothing is taken of a label that is refused",
                    key == "case" ? "remove it" : "write match")
            }
        } else if table.has("text") {
            findings.mistake(
                table.origin(of: "text"), table.path(of: "text"), "only a rule of role refuse has a text", "remove it")
        }
        let reading: LabelRule.Reading
        if let pattern = pattern("match", of: table) {
            reading = .match(pattern)
        } else if let pattern = pattern("extract", of: table) {
            reading = .extract(pattern)
        } else {
            // A wrong expression has been named already.
            if findings.mistakes.contains(where: { $0.key.hasPrefix(table.path + ".") }) { return nil }
            findings.mistake(table.origin, table.path(of: "match"), "missing", "write match = … or extract = …")
            return nil
        }
        return LabelRule(
            role: role, reading, letterCase: table.choice("case") ?? .keep, symbology: table.choice("symbology"),
            text: table.text("text") ?? LabelRule.defaultText, origin: table.origin.short)
    }

    // The checker has compiled each once to say where it is wrong; this time it is kept.
    private func pattern(_ key: String, of table: ConfigurationTable) -> Pattern? {
        guard let text = table.text(key) else { return nil }
        return try? Pattern(text)
    }
}
