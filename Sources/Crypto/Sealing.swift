internal import COpenSSL

/// Why something could not be sealed, opened or verified.
public struct CryptoError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sentence for people; says nothing of the secret.
    public let description: String

    /// An error with this sentence.
    public init(_ description: String) { self.description = description }
}

/// AES-256-GCM (NIST SP 800-38D): secrets at rest.
///
/// A sealed text is a random 96-bit nonce, the ciphertext, and a 128-bit tag. `context` is authenticated and not
/// stored: what was sealed for one device cannot be opened as another's.
public struct SealingKey: Sendable {
    private let key: HMACKey

    /// The number of bytes of a sealing key.
    public static let length = 32

    /// Nil where the key is not 32 bytes long.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.length else { return nil }
        key = HMACKey(bytes)
    }

    /// A key for another use, which `info` names (HKDF): whoever has it cannot open what is sealed.
    public func derive(info: String) -> HMACKey {
        var bytes = key.derive(info: info)
        defer { SecretBytes.wipe(&bytes) }
        return HMACKey(bytes)
    }

    /// Seals `secret`.
    public func seal(_ secret: [UInt8], context: String) -> [UInt8] {
        let nonce = SecretBytes.random(12)
        var cipher = [UInt8](repeating: 0, count: secret.count)
        var tag = [UInt8](repeating: 0, count: 16)
        let done = withContext { gcm in
            var length: Int32 = 0
            let associated = Array(context.utf8)
            return EVP_EncryptInit_ex(gcm, EVP_aes_256_gcm(), nil, nil, nil) == 1
                && key.bytes.withUnsafeBufferPointer {
                    EVP_EncryptInit_ex(gcm, nil, nil, $0.baseAddress, nonce) == 1
                }
                && EVP_EncryptUpdate(gcm, nil, &length, associated, Int32(associated.count)) == 1
                && EVP_EncryptUpdate(gcm, &cipher, &length, secret, Int32(secret.count)) == 1
                && EVP_EncryptFinal_ex(gcm, nil, &length) == 1
                && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, 16, &tag) == 1
        }
        guard done else { fatalError("OpenSSL refused AES-256-GCM") }
        return nonce + cipher + tag
    }

    /// Opens what `seal` made with the same key and context; anything else is an error.
    public func open(_ sealed: [UInt8], context: String) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= 28 else { throw CryptoError("the sealed text is cut short") }
        let nonce = Array(sealed[..<12])
        let cipher = Array(sealed[12..<(sealed.count - 16)])
        var tag = Array(sealed[(sealed.count - 16)...])
        var secret = [UInt8](repeating: 0, count: cipher.count)
        let done = withContext { gcm in
            var length: Int32 = 0
            let associated = Array(context.utf8)
            return EVP_DecryptInit_ex(gcm, EVP_aes_256_gcm(), nil, nil, nil) == 1
                && key.bytes.withUnsafeBufferPointer {
                    EVP_DecryptInit_ex(gcm, nil, nil, $0.baseAddress, nonce) == 1
                }
                && EVP_DecryptUpdate(gcm, nil, &length, associated, Int32(associated.count)) == 1
                && EVP_DecryptUpdate(gcm, &secret, &length, cipher, Int32(cipher.count)) == 1
                && EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, 16, &tag) == 1
                && EVP_DecryptFinal_ex(gcm, nil, &length) == 1
        }
        guard done else {
            SecretBytes.wipe(&secret)
            throw CryptoError("the sealed text does not open: another sealing key made it, or it was changed")
        }
        return secret
    }

    private func withContext(_ body: (OpaquePointer) -> Bool) -> Bool {
        guard let gcm = EVP_CIPHER_CTX_new() else { return false }
        defer { EVP_CIPHER_CTX_free(gcm) }
        return body(gcm)
    }
}
