internal import Crypto
internal import JSON
internal import Model
internal import Posix
internal import Wire

/// The scanners' keys of all gateways, and what a verifier does with them: TraceTrack as it stands checks no scan, so
/// that under tracetrack-web whoever may write to the broker could write bags.
struct DeviceKeyFile: Sendable {
    private struct Entry: Sendable {
        let gateway: String
        let name: String
        let key: Key
    }

    private enum Key: Sendable {
        case symmetric(HMACKey)
        case open(Ed25519PublicKey)
    }

    /// Scanners with a key: at most 100,000 lines are read.
    private static let maxBytes = 32 << 20

    private var entries: [String: Entry] = [:]

    var count: Int { entries.count }

    /// Reads lines as `scangate device export --reveal` prints them. A line that cannot be used is an error: a scanner
    /// left out would look like a stranger's.
    static func load(_ path: String) throws(UplinkError) -> DeviceKeyFile {
        if !path.hasPrefix("/run/credentials/"), let fault = Files.secretFault(path) {
            throw UplinkError("relay: devices_file: \(fault)")
        }
        var bytes: [UInt8]
        do { bytes = try Files.read(path, limit: maxBytes) } catch {
            throw UplinkError("relay: devices_file: \(error)", hint: "the file must be readable by the relay")
        }
        defer { SecretBytes.wipe(&bytes) }
        var file = DeviceKeyFile()
        for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated()
        where !line.isEmpty {
            guard let value = try? JSONValue.parse(Array(line)), let (kid, entry) = entry(value) else {
                throw UplinkError(
                    "relay: devices_file: \(Safe.text(path)):\(number + 1): no scanner with gateway, name, kid, alg, key",
                    hint: "write the lines that scangate device export --reveal prints")
            }
            file.entries[kid] = entry
        }
        guard !file.entries.isEmpty else {
            throw UplinkError(
                "relay: devices_file: \(Safe.text(path)) holds no scanner",
                hint: "write the lines that scangate device export --reveal prints")
        }
        return file
    }

    private static func entry(_ value: JSONValue) -> (kid: String, entry: Entry)? {
        guard let gateway = value["gateway"]?.string, let name = value["name"]?.string,
            let kid = value["kid"]?.string, var bytes = value["key"]?.string.flatMap({ Base64URL.decode($0) }),
            bytes.count == 32, let algorithm = SignatureAlgorithm(rawValue: value["alg"]?.string ?? "")
        else { return nil }
        defer { SecretBytes.wipe(&bytes) }
        guard kid == Hex.encode(SHA256.digest(Array("scangate kid v1\n".utf8) + bytes).prefix(8)) else { return nil }
        switch algorithm {
        case .hs256: return (kid, Entry(gateway: gateway, name: name, key: .symmetric(HMACKey(bytes))))
        case .ed25519:
            return Ed25519PublicKey(bytes).map { (kid, Entry(gateway: gateway, name: name, key: .open($0))) }
        }
    }

    /// Why a scan is not this gateway's scanner's, as the contract's code; nil where it is. The algorithm is that of
    /// the file, never the message's.
    func fault(in scan: ReceivedScan) -> String? {
        let fields = scan.fields
        guard let entry = entries[fields.kid], entry.gateway == fields.gateway, entry.name == fields.dev else {
            return "unknown_device"
        }
        let isGood =
            switch entry.key {
            case .symmetric(let key): key.isValid(scan.signature, for: scan.signingText(algorithm: .hs256))
            case .open(let key): key.isValid(scan.signature, for: scan.signingText(algorithm: .ed25519))
            }
        return isGood ? nil : "bad_signature"
    }
}
