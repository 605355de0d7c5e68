import Crypto
import Testing

@testable import Wire

@Suite struct RequestSignatureTests {
    @Test func `RFC 9421 B.2.5 is reproduced`() throws {
        let secret = try #require(
            Base64.decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ=="))
        let request = RequestSignature(
            components: [
                ("date", "Tue, 20 Apr 2021 02:07:55 GMT"), ("@authority", "example.com"),
                ("content-type", "application/json"),
            ], created: 1_618_884_473, keyID: "test-shared-secret")
        let base = request.base(request.parameters(naming: false))
        #expect(
            Base64.encode(HMACKey(secret).authenticate(Array(base.utf8)))
                == "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=")
    }

    @Test func `RFC 9530's digest is reproduced`() {
        #expect(
            ContentDigest.header(Array("{\"hello\": \"world\"}".utf8))
                == "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:")
    }

    private static let key = HMACKey(Array(1...32))
    private static let signed = RequestSignature(
        components: [("@method", "POST"), ("content-digest", "sha-256=:x:")], created: 1_795_233_600, keyID: "dock-7:ab"
    )

    @Test func `a signature verifies over the request as received`() {
        let headers = Self.signed.headers(key: Self.key)
        let values = ["@method": "POST", "content-digest": "sha-256=:x:"]
        let verified = RequestSignature.verify(
            input: headers.input, signature: headers.signature, required: ["content-digest"],
            key: { $0 == "dock-7:ab" ? Self.key : nil }, value: { values[$0] })
        #expect(verified == Self.signed)
    }

    @Test(arguments: [
        ["@method": "GET", "content-digest": "sha-256=:x:"], ["@method": "POST", "content-digest": "sha-256=:y:"],
        ["@method": "POST"],
    ])
    func `a request that was changed does not verify`(values: [String: String]) {
        let headers = Self.signed.headers(key: Self.key)
        #expect(
            RequestSignature.verify(
                input: headers.input, signature: headers.signature, required: [], key: { _ in Self.key },
                value: { values[$0] }) == nil)
    }

    @Test func `a signature that leaves out a required component does not verify`() {
        let headers = Self.signed.headers(key: Self.key)
        #expect(
            RequestSignature.verify(
                input: headers.input, signature: headers.signature, required: ["@path"], key: { _ in Self.key },
                value: { _ in "POST" }) == nil)
    }
}
