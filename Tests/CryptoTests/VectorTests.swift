import Crypto
import Model
import Testing

private func hex(_ text: String) -> [UInt8] { Hex.decode(text) ?? [] }

@Suite struct VectorTests {
    @Test(
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ])
    func `SHA-256 as in FIPS 180-4`(message: String, digest: String) {
        #expect(Hex.encode(SHA256.digest(Array(message.utf8))) == digest)
    }

    @Test func `SHA-256 of a million a's`() {
        #expect(
            Hex.encode(SHA256.digest([UInt8](repeating: 0x61, count: 1_000_000)))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    }

    private static let codes: [(key: [UInt8], message: [UInt8], code: String)] = [
        (
            [UInt8](repeating: 0x0B, count: 20), Array("Hi There".utf8),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        ),
        (
            Array("Jefe".utf8), Array("what do ya want for nothing?".utf8),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        ),
        (
            [UInt8](repeating: 0xAA, count: 20), [UInt8](repeating: 0xDD, count: 50),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
        ),
        (
            [UInt8](1...25), [UInt8](repeating: 0xCD, count: 50),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131), Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        ),
        (
            [UInt8](repeating: 0xAA, count: 131),
            Array(
                """
                This is a test using a larger than block-size key and a larger than block-size data. \
                The key needs to be hashed before being used by the HMAC algorithm.
                """.utf8),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"
        ),
    ]

    @Test(arguments: 0..<codes.count) func `HMAC-SHA256 as in RFC 4231`(index: Int) {
        let vector = Self.codes[index]
        let key = HMACKey(vector.key)
        let code = key.authenticate(vector.message)
        #expect(Hex.encode(code) == vector.code)
        #expect(key.isValid(code, for: vector.message))
        for bit in 0..<8 {
            var wrong = code
            wrong[bit * 4] ^= 1 << UInt8(bit)
            #expect(!key.isValid(wrong, for: vector.message))
        }
        #expect(!key.isValid([], for: vector.message))
        #expect(!key.isValid(code + [0], for: vector.message))
        #expect(!key.isValid(code, for: vector.message + [0]))
    }

    @Test func `an empty key and an empty message have a code`() {
        #expect(
            Hex.encode(HMACKey([]).authenticate([]))
                == "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad")
    }

    @Test func `HKDF without salt as in RFC 5869, test case 3`() {
        let key = HMACKey([UInt8](repeating: 0x0B, count: 22))
        #expect(
            Hex.encode(key.derive(info: "", length: 42))
                == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
        #expect(key.derive(info: "a") != key.derive(info: "b"))
        #expect(key.derive(info: "a", length: 255 * 32).count == 255 * 32)
    }

    @Test(
        arguments: [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
                    + "d25bf5f0595bbe24655141438e7a100b"
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
                    + "387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ])
    func `Ed25519 as in RFC 8032`(seed: String, publicKey: String, message: String, signature: String) throws {
        let key = try #require(Ed25519PrivateKey(seed: hex(seed)))
        #expect(Hex.encode(key.publicKey) == publicKey)
        #expect(Hex.encode(key.sign(hex(message))) == signature)
        let verifier = try #require(Ed25519PublicKey(hex(publicKey)))
        #expect(verifier.isValid(hex(signature), for: hex(message)))
        #expect(!verifier.isValid(hex(signature), for: hex(message) + [0]))
        var wrong = hex(signature)
        wrong[40] ^= 1
        #expect(!verifier.isValid(wrong, for: hex(message)))
        #expect(!verifier.isValid(Array(wrong.dropLast()), for: hex(message)))
    }

    @Test func `keys of a wrong length are refused`() {
        #expect(Ed25519PrivateKey(seed: [UInt8](repeating: 1, count: 31)) == nil)
        #expect(Ed25519PublicKey([]) == nil)
        #expect(SealingKey([UInt8](repeating: 1, count: 33)) == nil)
    }
}

@Suite struct SealingTests {
    private let secret = [UInt8](0..<32)

    private func key(_ byte: UInt8 = 1) throws -> SealingKey {
        try #require(SealingKey([UInt8](repeating: byte, count: 32)))
    }

    @Test func `what was sealed opens with the same key and context, and never looks the same`() throws {
        let first = try key().seal(secret, context: "scanner-1")
        let second = try key().seal(secret, context: "scanner-1")
        #expect(first != second && first.count == 12 + 32 + 16)
        #expect(try key().open(first, context: "scanner-1") == secret)
        #expect(try key().open(second, context: "scanner-1") == secret)
        #expect(try key().open(key().seal([], context: ""), context: "") == [])
    }

    @Test func `another key or another context opens nothing`() throws {
        let sealed = try key().seal(secret, context: "scanner-1")
        #expect(throws: CryptoError.self) { try key(2).open(sealed, context: "scanner-1") }
        #expect(throws: CryptoError.self) { try key().open(sealed, context: "scanner-2") }
    }

    @Test func `no single bit can be changed, and nothing cut off`() throws {
        let sealed = try key().seal(secret, context: "scanner-1")
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 0x10
            #expect(throws: CryptoError.self) { try key().open(changed, context: "scanner-1") }
        }
        for count in [0, 11, 27, 28, sealed.count - 1] {
            #expect(throws: CryptoError.self) { try key().open(Array(sealed.prefix(count)), context: "scanner-1") }
        }
        #expect(throws: CryptoError.self) { try key().open(sealed + [0], context: "scanner-1") }
    }

    @Test func `an opened AES-256-GCM text of another implementation`() throws {
        // NIST's GCM test case 14: key and nonce of zeros, 16 bytes of zeros, no associated data.
        let sealed =
            [UInt8](repeating: 0, count: 12)
            + hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919")
        #expect(try key(0).open(sealed, context: "") == [UInt8](repeating: 0, count: 16))
    }

    @Test func `no way of printing shows a key`() throws {
        let bytes = Array("very secret bytes, thirty-two !!".utf8)
        let seed = try #require(Ed25519PrivateKey(seed: bytes))
        let sealing = try #require(SealingKey(bytes))
        for text in [
            "\(HMACKey(bytes))", String(reflecting: HMACKey(bytes)), String(reflecting: sealing), "\(sealing)",
            "\(seed)", String(reflecting: seed), "\([HMACKey(bytes)])",
        ] {
            #expect(!text.contains("secret") && !text.contains(Hex.encode(bytes)) && !text.contains("118, 101"))
        }
        var dumped = ""
        dump(HMACKey(bytes), to: &dumped)
        dump(sealing, to: &dumped)
        // An element a line; an address may hold any digits.
        #expect(!dumped.contains("secret") && !dumped.contains("- 118\n"))
    }

    @Test func `wiped bytes are zeros, random ones are not`() {
        var bytes = SecretBytes.random(32)
        #expect(bytes != SecretBytes.random(32) && bytes.contains { $0 != 0 })
        SecretBytes.wipe(&bytes)
        #expect(bytes == [UInt8](repeating: 0, count: 32))
        #expect(SecretBytes.random(0) == [])
    }
}
