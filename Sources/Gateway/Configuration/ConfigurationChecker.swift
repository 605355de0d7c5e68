internal import Model
internal import TOML

/// Checks a tree against the schema: unknown keys, kinds, ranges; fills the defaults in.
struct ConfigurationChecker {
    let schema: ConfigurationSchema
    var findings = ConfigurationFindings()

    init(schema: ConfigurationSchema) { self.schema = schema }

    /// The root table, checked. Where there are mistakes it lacks the wrong values.
    mutating func check(_ root: ConfigurationNode) -> ConfigurationTable {
        table(root, schema.keys, path: "", written: true)
    }

    private mutating func table(
        _ node: ConfigurationNode, _ keys: [ConfigurationSchema.Key], path: String, written: Bool
    ) -> ConfigurationTable {
        var result = ConfigurationTable(path: path, origin: node.origin, written: written)
        guard case .table(let members) = node.kind else { return result }
        for member in members {
            guard let key = keys.first(where: { $0.name == member.key }) else {
                unknown(member, among: keys, in: result)
                continue
            }
            let name = result.path(of: key.name)
            let content = check(member.value, key.kind, name, member.origin)
            if let content {
                result.values[key.name] = .init(content: content, origin: member.origin, node: member.value)
            }
            if key.later {
                findings.note(member.origin, name, "set, but takes effect only in a later version")
            }
        }
        for key in keys where !members.contains(where: { $0.key == key.name }) {
            result.values[key.name] = missing(key, in: result)
        }
        return result
    }

    private mutating func missing(
        _ key: ConfigurationSchema.Key, in parent: ConfigurationTable
    ) -> ConfigurationTable.Value? {
        let name = parent.path(of: key.name)
        switch (key.standard, key.kind) {
        case (.required, _):
            let example =
                switch key.kind {
                case .table, .named: "\(key.name) = { … }"
                default: title(key.kind, name)
                }
            findings.mistake(parent.origin, name, "missing", "write \(example)")
            return nil
        case (.value(let text), let kind):
            guard let value = try? TOMLValue.parse(Array("x = \(text)".utf8))["x"]?.value else { return nil }
            let node = ConfigurationNode(value, file: "default")
            guard let content = check(node, kind, name, node.origin) else { return nil }
            return .init(content: content, origin: nil, node: node)
        case (.none, .table(let keys)):
            let empty = ConfigurationNode(.table([]), parent.origin)
            return .init(content: .table(table(empty, keys, path: name, written: false)), origin: nil, node: nil)
        default: return nil
        }
    }

    private mutating func unknown(
        _ member: ConfigurationNode.Member, among keys: [ConfigurationSchema.Key], in parent: ConfigurationTable
    ) {
        let name = parent.path(of: Safe.text(member.key, limit: 60))
        let names = keys.map(\.name)
        // A mistyped name is likelier than a known name in the wrong place, unless it is that very name.
        let elsewhere = schema.sections(of: member.key)
        let advice =
            if let near = NearestName.of(member.key, in: names), elsewhere.isEmpty {
                "write \(near)"
            } else if let section = elsewhere.first {
                "it belongs in the section \(section)"
            } else {
                "the keys here are \(names.joined(separator: ", "))"
            }
        findings.mistake(member.origin, name, "unknown key", advice)
    }

    private mutating func check(
        _ node: ConfigurationNode, _ kind: ConfigurationSchema.Kind, _ name: String, _ origin: ConfigurationOrigin
    ) -> ConfigurationTable.Value.Content? {
        switch (kind, node.kind) {
        case (.table(let keys), .table):
            return .table(table(node, keys, path: name, written: true))
        case (.tables(let keys), .array(let elements)):
            return .tables(
                elements.enumerated().compactMap { index, element in
                    let place = "\(name)[\(index + 1)]"
                    guard case .table = element.kind else {
                        findings.mistake(
                            element.origin, place, "\(element.kindName), where a table is wanted",
                            "write \(title(kind, name))")
                        return nil
                    }
                    return table(element, keys, path: place, written: true)
                })
        case (.named(let keys), .table(let members)):
            return .named(members.compactMap { named($0, keys, name) })
        case (.list(let kind, let max), .array(let elements)): return list(elements, kind, max, name, origin)
        case (.urls, .string(let text)), (.names, .string(let text)): return texts([(text, origin)], kind, name)
        case (.urls, .array(let elements)), (.names, .array(let elements)): return texts(elements, kind, name, origin)
        case (.boolean, .boolean(let truth)): return .boolean(truth)
        case (.integer(let range), .integer(let number)), (.size(let range), .integer(let number)):
            return bounded(number, range, kind, name, origin)
        case (.duration(let range), .string(let text)):
            guard let ms = ConfigurationUnits.milliseconds(text) else { break }
            return bounded(ms, range, kind, name, origin)
        case (.size(let range), .string(let text)):
            guard let bytes = ConfigurationUnits.bytes(text) else { break }
            return bounded(bytes, range, kind, name, origin)
        case (.text, .string(let text)), (.name, .string(let text)), (.choice, .string(let text)),
            (.path, .string(let text)), (.file, .string(let text)), (.pattern, .string(let text)),
            (.urlPath, .string(let text)), (.listen, .string(let text)), (.usb, .string(let text)):
            guard let wrong = ConfigurationText.problem(with: text, as: kind) else { return .text(text) }
            findings.mistake(origin, name, wrong.problem, wrong.advice)
            return nil
        default: break
        }
        findings.mistake(origin, name, wrongKind(node, kind), "write \(title(kind, name))")
        return nil
    }

    private mutating func named(
        _ member: ConfigurationNode.Member, _ keys: [ConfigurationSchema.Key], _ parent: String
    ) -> (name: String, table: ConfigurationTable)? {
        let name = "\(parent).\(Safe.text(member.key, limit: 60))"
        guard LaneID(member.key) != nil else {
            findings.mistake(member.origin, name, "not a name", "write \(LaneID.rule)")
            return nil
        }
        guard case .table = member.value.kind else {
            findings.mistake(
                member.origin, name, "\(member.value.kindName), where a table is wanted", "write [\(name)]")
            return nil
        }
        return (member.key, table(member.value, keys, path: name, written: true))
    }

    private mutating func texts(
        _ elements: [ConfigurationNode], _ kind: ConfigurationSchema.Kind, _ name: String, _ origin: ConfigurationOrigin
    ) -> ConfigurationTable.Value.Content? {
        guard !elements.isEmpty else {
            findings.mistake(origin, name, "an empty list", "write \(kind.example)")
            return nil
        }
        let written: [(String, ConfigurationOrigin)] = elements.compactMap {
            if case .string(let text) = $0.kind { return (text, $0.origin) }
            findings.mistake($0.origin, name, "\($0.kindName) in the list", "write \(kind.example)")
            return nil
        }
        return written.count == elements.count ? texts(written, kind, name) : nil
    }

    private mutating func texts(
        _ texts: [(String, ConfigurationOrigin)], _ kind: ConfigurationSchema.Kind, _ name: String
    ) -> ConfigurationTable.Value.Content? {
        var good = true
        for (text, origin) in texts {
            guard let wrong = ConfigurationText.problem(with: text, as: kind) else { continue }
            findings.mistake(origin, name, wrong.problem, wrong.advice)
            good = false
        }
        return good ? .texts(texts.map { $0.0 }) : nil
    }

    private mutating func list(
        _ elements: [ConfigurationNode], _ kind: ConfigurationSchema.Kind, _ max: Int, _ name: String,
        _ origin: ConfigurationOrigin
    ) -> ConfigurationTable.Value.Content? {
        guard elements.count <= max else {
            findings.mistake(origin, name, "\(elements.count) elements", "write at most \(max)")
            return nil
        }
        let texts: [String] = elements.enumerated().compactMap { index, element in
            guard case .text(let text)? = check(element, kind, "\(name)[\(index + 1)]", element.origin) else {
                return nil
            }
            return text
        }
        return texts.count == elements.count ? .texts(texts) : nil
    }

    private mutating func bounded(
        _ value: Int64, _ range: ClosedRange<Int64>, _ kind: ConfigurationSchema.Kind, _ name: String,
        _ origin: ConfigurationOrigin
    ) -> ConfigurationTable.Value.Content? {
        guard !range.contains(value) else { return .integer(value) }
        let side = value < range.lowerBound ? "too small" : "too large"
        findings.mistake(origin, name, side, "write \(kind.range)")
        return nil
    }

    private func wrongKind(_ node: ConfigurationNode, _ kind: ConfigurationSchema.Kind) -> String {
        switch (kind, node.kind) {
        case (.duration, .integer): "a number without a unit"
        case (.duration, .string), (.size, .string): "not \(kind.phrase)"
        default: "\(node.kindName), where \(kind.phrase) is wanted"
        }
    }

    private func title(_ kind: ConfigurationSchema.Kind, _ name: String) -> String {
        switch kind {
        case .table: "[\(name)]"
        case .tables: "[[\(name)]]"
        default: kind.example
        }
    }
}
