internal import COpenSSL

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The 32 bytes of the digest.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            let made = bytes.withUnsafeBufferPointer {
                EVP_Digest($0.baseAddress, $0.count, out.baseAddress, nil, algorithm, nil)
            }
            guard made == 1 else { fatalError("OpenSSL cannot hash") }
            count = 32
        }
    }

    // Fetched once: the one-shot SHA256() looks the algorithm up at each call, which costs more than hashing a label.
    private nonisolated(unsafe) static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else { fatalError("OpenSSL has no SHA-256") }
        return algorithm
    }()
}
