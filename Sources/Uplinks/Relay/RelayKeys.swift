internal import Crypto
internal import Model
internal import Posix
internal import Wire

/// The gateways' keys: a file each in one directory, named like its gateway.
///
/// systemd gives the files of a directory as credentials `ID_NAME`; of those names `gateway-keys_` is taken off.
struct RelayKeys: Sendable {
    /// One gateway's key, and the one for codes that is made of it.
    struct Entry: Sendable {
        let file: String
        let ackKey: HMACKey
    }

    private static let credentialPrefix = "gateway-keys_"

    let directory: String
    var entries: [GatewayID: Entry] = [:]

    subscript(_ gateway: GatewayID) -> Entry? { entries[gateway] }

    /// Reads the directory. A file that cannot be used is said in the log and left out: one gateway's mistake must not
    /// stop the others.
    ///
    /// - Throws: where no gateway is left.
    static func load(_ directory: String) throws(UplinkError) -> RelayKeys {
        var keys = RelayKeys(directory: directory)
        let isCredentials = directory.hasPrefix("/run/credentials/")
        for name in Files.names(in: directory) where !name.hasPrefix(".") {
            let file = "\(directory)/\(name)"
            let isOurs = name.hasPrefix(credentialPrefix)
            // Beside the keys there are other credentials.
            guard isOurs || !isCredentials else { continue }
            do throws(UplinkError) {
                guard let gateway = GatewayID(isOurs ? String(name.dropFirst(credentialPrefix.count)) : name) else {
                    throw UplinkError("keys_dir: \(Safe.text(file)) is not named like a gateway")
                }
                if !isCredentials, let fault = Files.secretFault(file) { throw UplinkError("keys_dir: \(fault)") }
                let key = try Credential.gatewayKey(file, "keys_dir", "relay").key
                keys.entries[gateway] = Entry(file: file, ackKey: MessageMAC.ackKey(of: key))
            } catch { Log.error("relay: \(error.description); its batches are refused") }
        }
        guard !keys.entries.isEmpty else {
            throw UplinkError(
                "relay: keys_dir: \(Safe.text(directory)) holds no gateway's key",
                hint:
                    "put a file there for each gateway, named like it, mode 0600, with the key of its uplink's key_file"
            )
        }
        return keys
    }
}
