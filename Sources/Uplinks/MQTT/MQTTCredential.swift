internal import Crypto
internal import MQTTClient
internal import Model
internal import Wire

/// What an uplink over MQTT reads from files: who we are to the broker, and the key that proves batches and acks.
struct MQTTCredential: Sendable {
    var username: String?
    var password: String?
    var ackKey: HMACKey?

    /// Reads the files that the settings name. Their bytes never appear in the error.
    static func load(_ settings: UplinkSettings) throws(UplinkError) -> MQTTCredential {
        var credential = MQTTCredential()
        switch settings.authentication {
        case .signature(let file): credential.ackKey = try key(file, "auth.key_file", settings)
        case .password(let username, let file):
            credential.username = username
            credential.password = try Credential.firstLine(of: file, "auth.password_file", settings.name)
        case .mutualTLS: break
        case .login, .bearer:
            throw UplinkError(
                "uplink \(settings.name): this auth.kind is not for MQTT",
                hint: "write \"signature\", \"password\" or \"mtls\"")
        }
        if let file = settings.mqtt.ackKeyFile { credential.ackKey = try key(file, "auth.ack_key_file", settings) }
        guard credential.ackKey != nil || settings.mqtt.ackProof == .brokerRules || settings.mqtt.ack == .broker else {
            throw UplinkError(
                "uplink \(settings.name): there is no key that an ack could be checked by",
                hint: "write auth.ack_key_file, or mqtt = { ack_auth = \"broker-acl\" }")
        }
        return credential
    }

    private static func key(_ file: String, _ setting: String, _ settings: UplinkSettings) throws(UplinkError)
        -> HMACKey
    {
        MessageMAC.ackKey(of: try Credential.gatewayKey(file, setting, settings.name).key)
    }
}

extension MQTTSettings {
    /// The broker of a url, with everything that the configuration says of it but user and password.
    init(_ settings: UplinkSettings, url: String, gateway: GatewayID) throws(UplinkError) {
        let parts = url.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
        let scheme = parts.first.map { $0.lowercased() } ?? ""
        guard parts.count == 3 || (parts.count == 4 && parts[3].isEmpty), scheme == "mqtts:" || scheme == "mqtt:",
            parts[1].isEmpty, let (host, port) = Self.split(parts[2], standard: scheme == "mqtts:" ? 8883 : 1883)
        else {
            throw UplinkError(
                "uplink \(settings.name): url \(Safe.text(url)) cannot be used",
                hint: "write mqtts://HOST or mqtts://HOST:PORT, the credentials under auth")
        }
        let tls = TLS(caFile: settings.tls.caFile, certFile: settings.tls.certFile, keyFile: settings.tls.keyFile)
        self.init(
            host: host, port: port, tls: scheme == "mqtts:" ? tls : nil,
            clientID: settings.mqtt.clientID ?? gateway.text)
        alpn = settings.mqtt.alpn
        keepAliveSeconds = Int(settings.mqtt.keepAlive.milliseconds / 1000)
        version = Version(rawValue: settings.mqtt.version) ?? .automatic
    }

    private static func split(_ authority: Substring, standard: UInt16) -> (host: String, port: UInt16)? {
        let bracketed = authority.hasPrefix("[")
        let hostEnd = bracketed ? authority.firstIndex(of: "]") : authority.firstIndex(of: ":") ?? authority.endIndex
        guard let hostEnd else { return nil }
        let host = bracketed ? authority[..<hostEnd].dropFirst() : authority[..<hostEnd]
        let rest = bracketed ? authority[hostEnd...].dropFirst() : authority[hostEnd...]
        guard !host.isEmpty, !authority.contains("@") else { return nil }
        if rest.isEmpty { return (host.lowercased(), standard) }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
        return (host.lowercased(), port)
    }
}
