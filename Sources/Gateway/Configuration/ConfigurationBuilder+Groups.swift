internal import Model
internal import Uplinks

extension ConfigurationBuilder {
    /// Finds names used twice, fallbacks without a primary and primaries that share a backend.
    mutating func checkGroups(_ tables: [ConfigurationTable]) {
        refuseSameNames(tables)
        let uses = tables.map { ($0, use: $0.choice("use") ?? UplinkSettings.Use.primary) }
        let primaries = uses.filter { $0.use == .primary }.map { $0.0 }
        for (index, table) in primaries.enumerated() {
            guard let first = primaries[..<index].first(where: { $0.text("backend") == table.text("backend") }) else {
                continue
            }
            findings.mistake(
                table.origin(of: "backend"), table.path(of: "backend"),
                "\(first.path) is the primary of backend \"\(table.text("backend") ?? "")\" already",
                "write use = \"fallback\", or another backend")
        }
        for table in primaries.dropFirst() where table.text("backend") != primaries[0].text("backend") {
            findings.note(
                table.origin(of: "use"), table.path(of: "use"),
                "a further primary gets the lanes that `scangate uplink cutover \(primaries[0].text("name") ?? "OLD") "
                    + "\(table.text("name") ?? "NEW")` gives it, and no others")
        }
        for table in tables where table.has("rollback") { checkRollback(table, primaries) }
        for (table, use) in uses where use != .primary {
            let backend = table.text("backend") ?? ""
            let known = primaries.contains { $0.text("backend") == backend }
            if use == .fallback && !known {
                let names = primaries.compactMap { $0.text("backend").map { "\"\($0)\"" } }
                findings.mistake(
                    table.origin(of: "backend"), table.path(of: "backend"),
                    "no primary has the backend \"\(backend)\", and a fallback shares its primary's",
                    names.isEmpty ? "write use = \"primary\"" : "write \(names.joined(separator: " or "))")
            }
            let primary = primaries.first { $0.text("backend") == backend }
            if use == .fallback, let primary {
                let contracts = [primary, table].map { table -> UplinkSettings.Contract in
                    table.choice("contract") ?? .web
                }
                if contracts[0] != contracts[1] {
                    findings.mistake(
                        table.origin(of: "contract"), table.path(of: "contract"),
                        "\"\(contracts[1].rawValue)\", and \(primary.path), its primary, speaks \"\(contracts[0].rawValue)\": "
                            + "one would not know what the other has delivered",
                        "write contract = \"\(contracts[0].rawValue)\", or another backend and use = \"mirror\"")
                }
            }
            if use == .mirror && primaries.isEmpty {
                findings.mistake(
                    table.origin(of: "use"), table.path(of: "use"),
                    "a mirror is a copy, which gives scans up, and there is no primary", "write use = \"primary\"")
            }
            if use == .mirror, table.choice("contract") ?? UplinkSettings.Contract.web == .web {
                findings.mistake(
                    table.origin(of: "contract"), table.path(of: "contract"),
                    "a mirror cannot speak \"tracetrack-web\": that has nothing to tell a copy from a second scan",
                    "write contract = \"tracetrack-devices\"")
            }
            if use == .mirror && known {
                findings.warning(
                    table.origin(of: "backend"), table.path(of: "backend"),
                    "a mirror to a primary's own backend sends it every scan twice", "write another backend")
            }
        }
    }

    private mutating func checkRollback(_ table: ConfigurationTable, _ primaries: [ConfigurationTable]) {
        let rollback = table.table("rollback")
        if table.choice("contract") ?? UplinkSettings.Contract.web == .web {
            findings.mistake(
                table.origin(of: "rollback"), table.path(of: "rollback"),
                "only an uplink of contract \"tracetrack-devices\" goes back by itself", "remove it")
        }
        guard let to = rollback.text("to") else { return }
        let others = primaries.compactMap { $0.text("name") }.filter { $0 != table.text("name") }
        if !others.contains(to) {
            findings.mistake(
                rollback.origin(of: "to"), rollback.path(of: "to"), "\"\(to)\" is no other primary",
                others.isEmpty ? "remove rollback" : "write \(others.map { "\"\($0)\"" }.joined(separator: " or "))")
        }
    }

    private mutating func refuseSameNames(_ tables: [ConfigurationTable]) {
        for (index, table) in tables.enumerated() {
            guard let name = table.text("name"),
                let first = tables[..<index].first(where: { $0.text("name") == name })
            else { continue }
            findings.mistake(
                table.origin(of: "name"), table.path(of: "name"),
                "\"\(name)\" is the name of \(first.path) (\(first.origin)) already", "write another name")
        }
    }
}
