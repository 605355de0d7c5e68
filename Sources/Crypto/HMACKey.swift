internal import COpenSSL
internal import Synchronization

/// A symmetric key for HMAC-SHA256 (RFC 2104) and HKDF (RFC 5869). Its bytes are wiped when the last copy goes.
///
/// Never printed: `description` shows nothing of it. Any thread.
public final class HMACKey: Sendable, CustomStringConvertible {
    // Allocated by hand, so that no copy of an array's storage is left behind and the wipe reaches the only one.
    private nonisolated(unsafe) let storage: UnsafeMutableRawBufferPointer
    // Set up once with the key: that takes longer than authenticating a scan. OpenSSL wipes its copy with it.
    private let mac: Mutex<Context>

    private struct Context: @unchecked Sendable {
        // @unchecked: a context belongs to one caller at a time, and the mutex around it sees to that.
        let pointer: OpaquePointer
    }

    /// A key of these bytes; the caller wipes its own copy.
    public init(_ bytes: [UInt8]) {
        storage = .allocate(byteCount: max(bytes.count, 1), alignment: 16)
        storage.copyBytes(from: bytes)
        count = bytes.count
        guard let context = scangate_hmac_make(storage.baseAddress, bytes.count) else {
            fatalError("OpenSSL has no HMAC-SHA256: nothing can be signed or verified")
        }
        mac = Mutex(Context(pointer: context))
    }

    /// The number of bytes.
    public let count: Int

    deinit {
        mac.withLock { EVP_MAC_CTX_free($0.pointer) }
        OPENSSL_cleanse(storage.baseAddress, storage.count)
        storage.deallocate()
    }

    /// A fixed text, so that a key never reaches a log by way of string interpolation.
    public var description: String { "HMACKey(\(count) bytes)" }

    /// The 32 bytes of HMAC-SHA256 over `message`.
    public func authenticate(_ message: [UInt8]) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            let made = message.withUnsafeBufferPointer { text in
                mac.withLock { scangate_hmac($0.pointer, text.baseAddress, text.count, out.baseAddress) }
            }
            guard made == 1 else {
                fatalError("OpenSSL cannot authenticate: a scan would go out with a wrong signature")
            }
            count = 32
        }
    }

    /// Whether `code` is the HMAC-SHA256 of `message`; takes the same time whichever byte differs.
    public func isValid(_ code: [UInt8], for message: [UInt8]) -> Bool {
        ConstantTime.equal(code, authenticate(message))
    }

    /// HKDF-SHA256 without salt: `length` bytes (at most 255 × 32) for the use that `info` names.
    public func derive(info: String, length: Int = 32) -> [UInt8] {
        let extracted = HMACKey([UInt8](repeating: 0, count: 32)).authenticate(bytes)
        let pseudoRandomKey = HMACKey(extracted)
        var out: [UInt8] = []
        var block: [UInt8] = []
        var counter: UInt8 = 1
        while out.count < length {
            block = pseudoRandomKey.authenticate(block + Array(info.utf8) + [counter])
            out += block
            // The last block that HKDF allows is number 255.
            counter &+= 1
        }
        return Array(out.prefix(length))
    }

    /// A copy of the bytes, for sealing and for showing once; wipe it with `SecretBytes.wipe` after use.
    public var bytes: [UInt8] { Array(UnsafeRawBufferPointer(rebasing: storage[..<count])) }
}

/// Comparisons that take the same time whichever byte differs.
public enum ConstantTime {
    /// Whether the two are equal; only a difference in length returns early.
    public static func equal(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }
}

/// Secrets in plain arrays.
public enum SecretBytes {
    /// Overwrites the bytes in a way that the optimiser keeps.
    public static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { OPENSSL_cleanse($0.baseAddress, $0.count) }
    }

    /// `count` bytes from the system's generator, for keys.
    public static func random(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { out, initialized in
            guard RAND_priv_bytes(out.baseAddress, Int32(count)) == 1 else {
                fatalError("OpenSSL has no random bytes: a key made now could be guessed")
            }
            initialized = count
        }
    }
}
