public import Crypto
internal import Glibc
internal import Model
internal import Posix

/// The 32 bytes that seal every other key: from a systemd credential, or made once in the state directory.
public enum SealingKeyFile {
    /// Loads the key.
    ///
    /// - Parameters:
    ///   - configured: `[keys] sealing_key_file`, or nil for the file in the state directory.
    ///   - hasKeystore: whether there are sealed keys already; a key is then never made, for it would open none of them.
    /// - Throws: `IdentityError` with code `sealing`, which says what to run.
    public static func load(configured: String?, stateDirectory: String, hasKeystore: Bool) throws(IdentityError)
        -> SealingKey
    {
        let path = configured ?? "\(stateDirectory)/sealing-key"
        if Files.status(path) == nil {
            if let configured {
                guard !configured.hasPrefix("/run/credentials/") else {
                    throw IdentityError(
                        .sealing, "[keys] sealing_key_file: \(configured) is there only while the service runs",
                        hint: "systemctl start scangate, then run the command again")
                }
                throw IdentityError(
                    .sealing, "[keys] sealing_key_file: \(configured) is not there",
                    hint:
                        "make it with: head -c 32 /dev/urandom > KEY, and hand it over with LoadCredential= (see docs)")
            }
            guard !hasKeystore else {
                throw IdentityError(
                    .sealing, "\(path) is missing, but \(stateDirectory) holds keys that were sealed with it",
                    hint: "put the file back from your backup; without it those devices have to be added anew")
            }
            try make(path)
        }
        // systemd keeps credentials readable to the service's user by an ACL, which shows as group bits.
        if !path.hasPrefix("/run/credentials/"), let fault = Files.secretFault(path) {
            throw IdentityError(.sealing, fault)
        }
        do {
            var bytes = try Files.read(path, limit: 4096)
            defer { SecretBytes.wipe(&bytes) }
            guard let key = SealingKey(bytes) else {
                throw IdentityError(
                    .sealing, "\(path) holds \(bytes.count) bytes, a sealing key has \(SealingKey.length)",
                    hint: "put the right file back from your backup")
            }
            return key
        } catch let error as IdentityError { throw error } catch {
            throw IdentityError(.sealing, String(describing: error))
        }
    }

    private static func make(_ path: String) throws(IdentityError) {
        var bytes = SecretBytes.random(SealingKey.length)
        defer { SecretBytes.wipe(&bytes) }
        do { try Files.replace(path, with: bytes) } catch { throw IdentityError(.sealing, error.description) }
        Log.warning(
            "made a sealing key at \(path): whoever can read that file can read every device's key; "
                + "on a real gateway use a systemd credential ([keys] sealing_key_file)")
    }
}
