internal import Model
internal import Posix
internal import Uplinks

extension ConfigurationBuilder {
    /// `[relay]`; nil where nobody wrote it, or something of it is wrong.
    mutating func relay(_ table: ConfigurationTable, _ uplinks: [ConfigurationTable]) -> RelaySettings? {
        guard table.written else { return nil }
        checkUplink(uplinks, table)
        checkTopic(table)
        let url = brokerURL(table)
        let tls = tlsFiles(table.table("tls"))
        let authentication = relayAuthentication(table.table("auth"), tls, isSecure: url?.hasPrefix("mqtts") ?? true)
        let devices = file("devices_file", of: table, secret: true)
        guard let url, let directory = table.text("keys_dir"), let authentication else { return nil }
        var result = RelaySettings(url: url, keysDirectory: directory)
        result.authentication = authentication
        result.tls = tls
        result.devicesFile = devices
        result.id = table.text("id")
        result.share = table.text("share") ?? result.share
        result.topicPrefix = table.text("topic_prefix") ?? result.topicPrefix
        result.inFlight = table.integer("in_flight").map { Int($0) } ?? result.inFlight
        result.queue = table.integer("queue").map { Int($0) } ?? result.queue
        result.queueBytes = table.integer("queue_bytes").map { Int($0) } ?? result.queueBytes
        result.answerWithin = table.duration("answer_within") ?? result.answerWithin
        result.keepAlive = table.duration("keep_alive") ?? result.keepAlive
        result.alpn = table.text("alpn")
        return result
    }

    /// The directory with the gateways' keys, which every uplink of a relay's file signs with; nil for other files.
    mutating func relayKeys(_ table: ConfigurationTable) -> String? {
        guard table.written else { return nil }
        guard let path = table.text("keys_dir") else {
            if !table.has("keys_dir") {
                findings.mistake(
                    table.origin, table.path(of: "keys_dir"), "missing",
                    "write the path of a directory with a file for each gateway, named like it, with its key")
            }
            return nil
        }
        guard files.looks else { return path }
        let isCredential = path.hasPrefix("/run/credentials/")
        if isCredential, files.credentialsDirectory == nil, Files.status(path) == nil {
            findings.warning(
                table.origin(of: "keys_dir"), table.path(of: "keys_dir"),
                "only the running service can see \(path)", "not checked here")
        } else if Files.status(path)?.isDirectory != true {
            findings.mistake(
                table.origin(of: "keys_dir"), table.path(of: "keys_dir"), "no directory: \(Safe.text(path))",
                "write the path of a directory with a file for each gateway, named like it, with its key")
        }
        return path
    }

    private mutating func brokerURL(_ table: ConfigurationTable) -> String? {
        let urls = table.texts("url")
        guard urls.count == 1, UplinkSettings.isMQTT(urls[0]) else {
            // A url that is none has been named already.
            if !table.has("url") || !urls.isEmpty {
                findings.mistake(
                    table.origin(of: "url"), table.path(of: "url"), urls.isEmpty ? "missing" : "not one broker",
                    "write \"mqtts://HOST\"")
            }
            return nil
        }
        if !urls[0].lowercased().hasPrefix("mqtts:") && !ConfigurationText.isLoopback(urls[0]) {
            findings.warning(
                table.origin(of: "url"), table.path(of: "url"), "scans and passwords go unencrypted", "write mqtts://")
        }
        return urls[0]
    }

    private mutating func relayAuthentication(
        _ auth: ConfigurationTable, _ tls: UplinkSettings.TLSFiles, isSecure: Bool
    ) -> RelaySettings.Authentication? {
        let kind = auth.text("kind") ?? "mtls"
        if kind == "password" {
            guard let name = auth.text("username"), !name.isEmpty else {
                findings.mistake(
                    auth.origin(of: "username"), auth.path(of: "username"), "missing", "write the broker's user")
                return nil
            }
            return secret("password_file", of: auth).map { .password(username: name, passwordFile: $0) }
        }
        for key in ["username", "password_file"] where auth.has(key) {
            findings.mistake(auth.origin(of: key), auth.path(of: key), "does not go with kind \"\(kind)\"", "remove it")
        }
        if kind == "mtls", tls.certFile == nil, auth.has("kind") || isSecure {
            findings.mistake(
                auth.origin(of: "kind"), auth.path(of: "kind"), "\"mtls\" without a certificate",
                "write tls = { cert_file = …, key_file = … } in [relay], or auth = { kind = \"password\", … }")
        }
        return .certificate
    }

    private mutating func checkTopic(_ table: ConfigurationTable) {
        let prefix = table.text("topic_prefix") ?? ""
        let parts = prefix.split(separator: "/", omittingEmptySubsequences: false)
        if parts.contains(where: \.isEmpty) || prefix.contains(where: { $0 == "+" || $0 == "#" }) || parts.count > 5 {
            findings.mistake(
                table.origin(of: "topic_prefix"), table.path(of: "topic_prefix"),
                "\"\(Safe.text(prefix, limit: 100))\" cannot begin a topic",
                "write at most five words with / between them, without + and #")
        }
        if let id = table.text("id"), id.isEmpty || id.hasPrefix("$") || id.contains(where: { "/+#".contains($0) }) {
            findings.mistake(
                table.origin(of: "id"), table.path(of: "id"), "\"\(Safe.text(id))\" cannot be used",
                "write 1 to 128 bytes without / + # and not beginning with $, or leave it out")
        }
    }

    private mutating func checkUplink(_ uplinks: [ConfigurationTable], _ relay: ConfigurationTable) {
        guard let uplink = uplinks.first, uplinks.count == 1 else {
            findings.mistake(
                uplinks.dropFirst().first?.origin ?? relay.origin, "uplink",
                uplinks.isEmpty ? "missing: a relay has to know its backend" : "a relay has one uplink",
                "write one [[uplink]] with an https:// url")
            return
        }
        let urls = uplink.texts("url")
        if urls.contains(where: UplinkSettings.isMQTT) {
            findings.mistake(
                uplink.origin(of: "url"), uplink.path(of: "url"), "a relay posts to a backend, not to a broker",
                "write an https:// url")
        } else if urls.count > 1 {
            findings.warning(
                uplink.origin(of: "url"), uplink.path(of: "url"), "a relay uses the first url alone",
                "run a relay a region, each with another share")
        }
        guard uplink.choice("contract") ?? UplinkSettings.Contract.web == .web else { return }
        if !relay.has("devices_file") {
            findings.mistake(
                relay.origin, relay.path(of: "devices_file"),
                "missing: \"tracetrack-web\" does not check the scanners' signatures, so the relay has to",
                "write the path of a file with the lines of scangate device export --reveal of all gateways")
        }
    }
}
