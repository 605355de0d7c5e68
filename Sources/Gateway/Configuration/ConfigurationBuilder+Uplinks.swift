internal import Model
internal import Uplinks

extension ConfigurationBuilder {
    /// Puts the names and backends where they are missing, so that `config show` has them.
    func completeUplinks(_ root: inout ConfigurationTable) {
        guard let value = root.values["uplink"], case .tables(let tables) = value.content else { return }
        let completed = tables.enumerated().map { index, table in
            var table = table
            func set(_ key: String, _ text: String) {
                table.values[key] = .init(
                    content: .text(text), origin: nil, node: ConfigurationNode(.string(text), table.origin))
            }
            if table.values["contract"]?.origin == nil, table.texts("url").contains(where: UplinkSettings.isMQTT) {
                set("contract", UplinkSettings.Contract.devices.rawValue)
            }
            if table.values["name"] == nil { set("name", "uplink-\(index + 1)") }
            if table.values["backend"] == nil {
                let isMirror = table.text("use") == UplinkSettings.Use.mirror.rawValue
                set("backend", isMirror ? table.text("name") ?? "mirror" : "default")
            }
            return table
        }
        root.values["uplink"] = .init(content: .tables(completed), origin: value.origin, node: value.node)
    }

    /// One uplink, or nil where something of it is wrong.
    mutating func uplink(_ table: ConfigurationTable) -> UplinkSettings? {
        let contract: UplinkSettings.Contract = table.choice("contract") ?? .web
        let tls = tlsFiles(table.table("tls"))
        let urls = table.texts("url")
        guard checkScheme(urls, contract, table) else { return nil }
        let isMQTT = urls.first.map(UplinkSettings.isMQTT) ?? false
        let authentication = authentication(table.table("auth"), contract, tls, isMQTT: isMQTT)
        let mqtt = mqtt(table.table("mqtt"), auth: table.table("auth"), isMQTT: isMQTT)
        guard let name = table.text("name"), let backend = table.text("backend"), let authentication, !urls.isEmpty
        else { return nil }
        var result = UplinkSettings(name: name, urls: urls, backend: backend, authentication: authentication)
        result.contract = contract
        result.use = table.choice("use") ?? result.use
        result.tls = tls
        result.mqtt = mqtt
        result.batching = batching(table.table("batch"))
        result.paths = paths(table.table("paths"))
        result.requests = requests(table.table("requests"))
        result.timeout = table.duration("timeout") ?? result.timeout
        result.maxConnectionAge = table.duration("max_connection_age") ?? result.maxConnectionAge
        if table.has("rollback") { result.rollback = rollback(table.table("rollback")) }
        result.maxBacklog = table.integer("max_backlog").map { Int($0) } ?? result.maxBacklog
        result.blockLinger = table.duration("block_linger") ?? result.blockLinger
        result.insecureCookies = table.boolean("insecure_cookies") ?? result.insecureCookies
        warn(about: result, table)
        return result
    }

    mutating func tlsFiles(_ table: ConfigurationTable) -> UplinkSettings.TLSFiles {
        for (key, other) in [("cert_file", "key_file"), ("key_file", "cert_file")]
        where table.has(key) && !table.has(other) {
            findings.mistake(
                table.origin(of: key), table.path(of: key), "without \(other)", "write \(other), or remove \(key)")
        }
        return UplinkSettings.TLSFiles(
            caFile: file("ca_file", of: table, secret: false), certFile: file("cert_file", of: table, secret: false),
            keyFile: file("key_file", of: table, secret: true))
    }

    private func batching(_ table: ConfigurationTable) -> UplinkSettings.Batching {
        var result = UplinkSettings.Batching()
        result.maxScans = table.integer("max_scans").map { Int($0) } ?? result.maxScans
        result.maxBytes = table.integer("max_bytes").map { Int($0) } ?? result.maxBytes
        result.linger = table.duration("linger") ?? result.linger
        result.inFlight = table.integer("in_flight").map { Int($0) } ?? result.inFlight
        return result
    }

    private mutating func rollback(_ table: ConfigurationTable) -> UplinkSettings.Rollback? {
        guard let to = table.text("to") else {
            findings.mistake(
                table.origin, table.path(of: "to"), "missing", "write the name of the primary that lanes go back to")
            return nil
        }
        var result = UplinkSettings.Rollback(to: to)
        result.slow = table.duration("slow") ?? result.slow
        result.slowFor = table.duration("slow_for") ?? result.slowFor
        result.errorPercent = table.integer("error_percent").map { Int($0) } ?? result.errorPercent
        result.errorsFor = table.duration("errors_for") ?? result.errorsFor
        return result
    }

    private mutating func paths(_ table: ConfigurationTable) -> UplinkSettings.WebPaths {
        var result = UplinkSettings.WebPaths()
        result.parent = table.text("parent") ?? result.parent
        result.child = table.text("child") ?? result.child
        result.login = table.text("login") ?? result.login
        result.children = table.text("children") ?? result.children
        result.health = table.text("health") ?? result.health
        if !result.children.isEmpty, let wrong = ConfigurationText.problem(with: result.children, as: .urlPath) {
            findings.mistake(
                table.origin(of: "children"), table.path(of: "children"), wrong.problem, "\(wrong.advice), or nothing")
        }
        return result
    }

    private func requests(_ table: ConfigurationTable) -> UplinkSettings.RequestLimits {
        var result = UplinkSettings.RequestLimits()
        result.perMinute = table.integer("per_minute").map { Int($0) } ?? result.perMinute
        result.perHour = table.integer("per_hour").map { Int($0) } ?? result.perHour
        result.countsChildren = table.boolean("count_children") ?? result.countsChildren
        return result
    }

    private mutating func authentication(
        _ table: ConfigurationTable, _ contract: UplinkSettings.Contract, _ tls: UplinkSettings.TLSFiles, isMQTT: Bool
    ) -> UplinkSettings.Authentication? {
        guard let kind = table.text("kind") else { return nil }
        if isMQTT { return brokerAuthentication(table, tls, kind: kind) }
        guard (kind == "login") == (contract == .web) else {
            findings.mistake(
                table.origin(of: "kind"), table.path(of: "kind"),
                "\"\(kind)\" does not go with contract \"\(contract.rawValue)\"",
                contract == .web
                    ? "write \"login\", with accounts" : "write \"signature\", \"bearer\" or \"mtls\"")
            return nil
        }
        let own = ["login": "accounts", "signature": "key_file", "bearer": "token_file"][kind]
        if kind == "password" {
            findings.mistake(
                table.origin(of: "kind"), table.path(of: "kind"), "\"password\" is for an mqtts:// url",
                "write \"signature\", \"bearer\" or \"mtls\"")
            return nil
        }
        for key in ["accounts", "key_file", "token_file", "username", "password_file", "ack_key_file"]
        where key != own && table.has(key) {
            findings.mistake(
                table.origin(of: key), table.path(of: key), "does not go with kind \"\(kind)\"", "remove it")
        }
        switch kind {
        case "login": return accounts(table)
        case "signature":
            // A relay signs in each gateway's name.
            if let relayKeys, !table.has("key_file") { return .signature(keyFile: relayKeys) }
            return secret("key_file", of: table).map { .signature(keyFile: $0) }
        case "bearer": return secret("token_file", of: table).map { .bearer(tokenFile: $0) }
        default:
            guard tls.certFile == nil else { return .mutualTLS }
            findings.mistake(
                table.origin(of: "kind"), table.path(of: "kind"), "\"mtls\" without a certificate",
                "write tls = { cert_file = …, key_file = … }")
            return nil
        }
    }

    /// The path of a file that the kind of signing in needs.
    mutating func secret(_ key: String, of table: ConfigurationTable) -> String? {
        if let path = file(key, of: table, secret: true) { return path }
        // A value of the wrong kind has been named already.
        if !findings.mistakes.contains(where: { $0.key == table.path(of: key) }) {
            findings.mistake(table.origin, table.path(of: key), "missing", "write the path of a file")
        }
        return nil
    }

    private mutating func accounts(_ table: ConfigurationTable) -> UplinkSettings.Authentication? {
        let tables = table.tables("accounts")
        guard !tables.isEmpty else {
            findings.mistake(
                table.origin(of: "accounts"), table.path(of: "accounts"), "no account",
                "write accounts = [{ username = …, password_file = … }]")
            return nil
        }
        var seen: Set<String> = []
        let accounts: [UplinkSettings.Account] = tables.compactMap { account in
            guard let path = file("password_file", of: account, secret: true), let name = account.text("username")
            else { return nil }
            guard !name.isEmpty, seen.insert(name).inserted else {
                findings.mistake(
                    account.origin(of: "username"), account.path(of: "username"),
                    name.isEmpty ? "empty" : "\"\(Safe.text(name))\" is there twice", "write another user's name")
                return nil
            }
            return UplinkSettings.Account(
                username: name, passwordFile: path, sessions: account.integer("sessions").map { Int($0) } ?? 1)
        }
        return accounts.count == tables.count ? .login(accounts) : nil
    }

    private mutating func warn(about uplink: UplinkSettings, _ table: ConfigurationTable) {
        let secure = uplink.isMQTT ? "mqtts:" : "https:"
        for url in uplink.urls where !url.lowercased().hasPrefix(secure) && !ConfigurationText.isLoopback(url) {
            findings.warning(
                table.origin(of: "url"), table.path(of: "url"), "scans and passwords go unencrypted",
                "write \(secure)//")
            if uplink.contract == .web && !uplink.insecureCookies {
                findings.warning(
                    table.origin(of: "url"), table.path(of: "url"),
                    "over http:// a session whose cookie is marked Secure cannot work",
                    "write https://, or insecure_cookies = true")
            }
        }
        if uplink.use != .mirror && table.has("max_backlog") {
            findings.warning(
                table.origin(of: "max_backlog"), table.path(of: "max_backlog"), "only a mirror gives scans up",
                "remove it")
        }
        guard uplink.contract != .web else { return }
        for key in ["paths", "requests", "block_linger", "insecure_cookies"] where table.has(key) {
            findings.warning(
                table.origin(of: key), table.path(of: key), "without effect for \(uplink.contract.rawValue)",
                "remove it")
        }
    }
}
