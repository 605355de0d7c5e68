internal import COpenSSL

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The 32 bytes of the digest.
    public static func digest(_ bytes: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            // The one-shot call sets up no provider context, which costs more than hashing a label does.
            _ = bytes.withUnsafeBufferPointer { COpenSSL.SHA256($0.baseAddress, $0.count, out.baseAddress) }
            count = 32
        }
    }
}
