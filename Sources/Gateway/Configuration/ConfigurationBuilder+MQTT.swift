internal import Model
internal import Uplinks

extension ConfigurationBuilder {
    /// `mqtt = { … }` of an uplink; its mistakes where the uplink goes over MQTT.
    mutating func mqtt(_ table: ConfigurationTable, auth: ConfigurationTable, isMQTT: Bool) -> UplinkSettings.MQTT {
        var result = UplinkSettings.MQTT()
        result.topicPrefix = table.text("topic_prefix") ?? result.topicPrefix
        result.ack = table.choice("ack") ?? result.ack
        result.ackProof = table.choice("ack_auth") ?? result.ackProof
        result.clientID = table.text("client_id")
        result.keepAlive = table.duration("keep_alive") ?? result.keepAlive
        result.alpn = table.text("alpn")
        result.version = table.text("protocol") ?? result.version
        result.maxMessagesPerSecond = table.integer("max_messages_per_s").map { Int($0) } ?? result.maxMessagesPerSecond
        result.maxBytesPerSecond = table.integer("max_bytes_per_s").map { Int($0) } ?? result.maxBytesPerSecond
        guard isMQTT else {
            if table.written {
                findings.note(table.origin, table.path, "set, but without effect for a url that is not mqtts://")
            }
            return result
        }
        result.ackKeyFile = file("ack_key_file", of: auth, secret: true)
        checkTopics(result, table)
        checkProof(result, table, auth)
        return result
    }

    /// How the gateway signs in at a broker; nil where that is wrong.
    mutating func brokerAuthentication(_ auth: ConfigurationTable, _ tls: UplinkSettings.TLSFiles, kind: String)
        -> UplinkSettings.Authentication?
    {
        guard ["signature", "password", "mtls"].contains(kind) else {
            findings.mistake(
                auth.origin(of: "kind"), auth.path(of: "kind"), "\"\(kind)\" does not go with an mqtts:// url",
                "write \"signature\", \"password\" or \"mtls\"")
            return nil
        }
        let own = ["signature": ["key_file"], "password": ["username", "password_file", "ack_key_file"]]
        let allowed = own[kind] ?? ["ack_key_file"]
        for key in ["accounts", "key_file", "token_file", "username", "password_file", "ack_key_file"]
        where !allowed.contains(key) && auth.has(key) {
            findings.mistake(auth.origin(of: key), auth.path(of: key), "does not go with kind \"\(kind)\"", "remove it")
        }
        switch kind {
        case "signature": return secret("key_file", of: auth).map { .signature(keyFile: $0) }
        case "password":
            guard let name = auth.text("username"), !name.isEmpty else {
                findings.mistake(
                    auth.origin(of: "username"), auth.path(of: "username"), "missing", "write the broker's user")
                return nil
            }
            return secret("password_file", of: auth).map { .password(username: name, passwordFile: $0) }
        default:
            guard tls.certFile == nil else { return .mutualTLS }
            findings.mistake(
                auth.origin(of: "kind"), auth.path(of: "kind"), "\"mtls\" without a certificate",
                "write tls = { cert_file = …, key_file = … }")
            return nil
        }
    }

    /// Finds urls and a contract that do not go together.
    mutating func checkScheme(_ urls: [String], _ contract: UplinkSettings.Contract, _ table: ConfigurationTable)
        -> Bool
    {
        let count = urls.filter(UplinkSettings.isMQTT).count
        guard count > 0 else { return true }
        if count < urls.count {
            findings.mistake(
                table.origin(of: "url"), table.path(of: "url"), "MQTT and HTTPS in one list",
                "write two uplinks with one backend, the second with use = \"fallback\"")
            return false
        }
        if contract == .web {
            findings.mistake(
                table.origin(of: "contract"), table.path(of: "contract"),
                "\"tracetrack-web\" is not for an mqtts:// url",
                "write \"tracetrack-devices\", or remove it")
            return false
        }
        return true
    }

    private mutating func checkTopics(_ mqtt: UplinkSettings.MQTT, _ table: ConfigurationTable) {
        let prefix = mqtt.topicPrefix
        let parts = prefix.split(separator: "/", omittingEmptySubsequences: false)
        // AWS IoT Core takes seven slashes, of which the gateway and the last word need two.
        if parts.contains(where: \.isEmpty) || prefix.contains(where: { $0 == "+" || $0 == "#" }) || parts.count > 6 {
            findings.mistake(
                table.origin(of: "topic_prefix"), table.path(of: "topic_prefix"),
                "\"\(Safe.text(prefix, limit: 100))\" cannot begin a topic",
                "write at most six words with / between them, without + and #")
        }
        if let id = mqtt.clientID, id.isEmpty || id.hasPrefix("$") {
            findings.mistake(
                table.origin(of: "client_id"), table.path(of: "client_id"), "\"\(Safe.text(id))\" cannot be used",
                "write 1 to 128 bytes that do not begin with $, or leave it out: the gateway's name")
        }
    }

    private mutating func checkProof(
        _ mqtt: UplinkSettings.MQTT, _ table: ConfigurationTable, _ auth: ConfigurationTable
    ) {
        if mqtt.ack == .broker {
            findings.warning(
                table.origin(of: "ack"), table.path(of: "ack"),
                "a scan counts as accepted as soon as the broker has it; what the backend refuses nobody hears of",
                "leave it out unless the broker keeps its messages on disk and the backend answers none")
            return
        }
        guard mqtt.ackProof == .key else { return }
        if auth.text("kind") != "signature" && !auth.has("ack_key_file")
            && ["password", "mtls"].contains(auth.text("kind"))
        {
            findings.mistake(
                auth.origin, auth.path(of: "ack_key_file"), "missing: nothing proves that an ack is the backend's",
                "write the path of the gateway's key, or mqtt = { ack_auth = \"broker-acl\" } where the broker's rules "
                    + "let nobody else publish acks")
        }
        if mqtt.version == "3.1.1" {
            findings.mistake(
                table.origin(of: "protocol"), table.path(of: "protocol"),
                "MQTT 3.1.1 has no room for the code of ack_auth = \"key\"",
                "write protocol = \"5\", or ack_auth = \"broker-acl\"")
        }
    }
}
