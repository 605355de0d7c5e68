internal import Crypto
internal import Model
internal import Posix

/// How requests of tracetrack-devices prove who sends them.
enum Credential: Sendable {
    case signature(HMACKey, kid: String)
    case bearer(String)
    case mutualTLS

    /// Reads the file that the settings name. Its bytes never appear in the error.
    static func load(_ settings: UplinkSettings) throws(UplinkError) -> Credential {
        switch settings.authentication {
        case .mutualTLS: return .mutualTLS
        case .bearer(let file): return .bearer(try firstLine(of: file, "auth.token_file", settings.name))
        case .signature(let file):
            let (key, kid) = try gatewayKey(file, "auth.key_file", settings.name)
            return .signature(key, kid: kid)
        case .password:
            throw UplinkError(
                "uplink \(settings.name): auth.kind = \"password\" is for MQTT",
                hint: "write an mqtts:// url, or auth = { kind = \"signature\", key_file = \"…\" }")
        case .login:
            throw UplinkError(
                "uplink \(settings.name): auth.kind = \"login\" is for the contract tracetrack-web",
                hint: "write auth = { kind = \"signature\", key_file = \"…\" }")
        }
    }

    /// The gateway's key in a file, and the key's id.
    static func gatewayKey(_ file: String, _ setting: String, _ uplink: String) throws(UplinkError)
        -> (key: HMACKey, kid: String)
    {
        var key = try key(from: try firstLine(of: file, setting, uplink), file, setting, uplink)
        defer { SecretBytes.wipe(&key) }
        return (HMACKey(key), Hex.encode(SHA256.digest(Array("scangate kid v1\n".utf8) + key).prefix(8)))
    }

    /// The first line of a file with a secret: a password, a token or a key.
    static func firstLine(of file: String, _ setting: String, _ uplink: String) throws(UplinkError) -> String {
        let bytes: [UInt8]
        do { bytes = try Files.read(file, limit: 65_536) } catch {
            throw UplinkError("uplink \(uplink): \(setting): \(error)", hint: "the file must be readable by the daemon")
        }
        let line = bytes.prefix { $0 != 10 && $0 != 13 }
        guard !line.isEmpty, let text = String(validating: line, as: UTF8.self), !text.utf8.contains(0) else {
            throw UplinkError(
                "uplink \(uplink): \(setting): the first line of \(file) is empty or no text",
                hint: "write the secret on the first line")
        }
        return text
    }

    private static func key(from text: String, _ file: String, _ setting: String, _ uplink: String) throws(UplinkError)
        -> [UInt8]
    {
        let key = text.utf8.count == 64 ? Hex.decode(text) : Base64URL.decode(text)
        guard let key, key.count == 32 else {
            throw UplinkError(
                "uplink \(uplink): \(setting): \(file) holds no 32-byte key",
                hint: "write it as 43 characters of base64url or 64 hexadecimal digits")
        }
        return key
    }
}
