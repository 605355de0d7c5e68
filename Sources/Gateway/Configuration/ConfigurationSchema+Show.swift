extension ConfigurationSchema {
    /// Every effective value of a checked root table, in the schema's order.
    func entries(of root: ConfigurationTable) -> [ConfigurationEntry] {
        ConfigurationSchema.entries(of: root, keys)
    }

    private static func entries(of table: ConfigurationTable, _ keys: [Key]) -> [ConfigurationEntry] {
        keys.flatMap { key -> [ConfigurationEntry] in
            guard let value = table.values[key.name] else { return [] }
            let members = members(of: key.kind) ?? []
            switch value.content {
            case .table(let inner): return entries(of: inner, members)
            case .tables(let elements): return elements.flatMap { entries(of: $0, members) }
            case .named(let elements): return elements.flatMap { entries(of: $0.table, members) }
            case .text, .texts, .integer, .boolean:
                guard let node = value.node else { return [] }
                return [ConfigurationEntry(key: table.path(of: key.name), origin: value.origin, node: node)]
            }
        }
    }
}
