internal import COpenSSL

/// A private Ed25519 key (RFC 8032).
public struct Ed25519PrivateKey: Sendable {
    private let seed: HMACKey

    /// Nil where the seed is not 32 bytes long.
    public init?(seed: [UInt8]) {
        guard seed.count == 32 else { return nil }
        self.seed = HMACKey(seed)
    }

    /// The 32 bytes of the public key.
    public var publicKey: [UInt8] {
        withKey { key in
            var out = [UInt8](repeating: 0, count: 32)
            var length = 32
            return EVP_PKEY_get_raw_public_key(key, &out, &length) == 1 ? out : []
        }
    }

    /// The 64 bytes of the signature of `message`.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        withKey { key in
            guard let context = EVP_MD_CTX_new() else { return [] }
            defer { EVP_MD_CTX_free(context) }
            var out = [UInt8](repeating: 0, count: 64)
            var length = 64
            guard EVP_DigestSignInit(context, nil, nil, nil, key) == 1,
                EVP_DigestSign(context, &out, &length, message, message.count) == 1
            else { return [] }
            return out
        }
    }

    private func withKey(_ body: (OpaquePointer) -> [UInt8]) -> [UInt8] {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed.bytes, 32) else {
            fatalError("OpenSSL refused an Ed25519 key")
        }
        defer { EVP_PKEY_free(key) }
        return body(key)
    }
}

/// A public Ed25519 key (RFC 8032).
public struct Ed25519PublicKey: Sendable, Equatable {
    /// The 32 bytes.
    public let bytes: [UInt8]

    /// Nil where there are not 32 bytes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count == 32 else { return nil }
        self.bytes = bytes
    }

    /// Whether `signature` is the key's signature of `message`.
    public func isValid(_ signature: [UInt8], for message: [UInt8]) -> Bool {
        guard signature.count == 64, let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, 32) else {
            return false
        }
        defer { EVP_PKEY_free(key) }
        guard let context = EVP_MD_CTX_new() else { return false }
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
            && EVP_DigestVerify(context, signature, 64, message, message.count) == 1
    }
}
