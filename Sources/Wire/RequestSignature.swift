public import Crypto
internal import Model

/// HTTP Message Signatures (RFC 9421) with HMAC-SHA256: how a gateway signs a request.
public struct RequestSignature: Sendable, Equatable {
    /// The covered components in order, such as `@method` or `content-digest`, with their values.
    public var components: [(name: String, value: String)]
    /// When the signature was made, in seconds since 1970.
    public var created: Int64
    /// `<gateway>:<kid>`.
    public var keyID: String

    /// A signature's parameters. A component's value is one line.
    public init(components: [(name: String, value: String)], created: Int64, keyID: String) {
        self.components = components
        self.created = created
        self.keyID = keyID
    }

    /// Equal in all parts.
    public static func == (left: RequestSignature, right: RequestSignature) -> Bool {
        left.created == right.created && left.keyID == right.keyID
            && left.components.elementsEqual(right.components) { $0 == $1 }
    }

    /// The values of the headers `Signature-Input` and `Signature`.
    public func headers(key: HMACKey, label: String = "sig1") -> (input: String, signature: String) {
        let parameters = self.parameters(naming: true)
        let code = key.authenticate(Array(base(parameters).utf8))
        return ("\(label)=\(parameters)", "\(label)=:\(Base64.encode(code)):")
    }

    /// Whether the two header values sign these components: the same list, in the same order, by this key.
    ///
    /// - Parameters:
    ///   - value: a component's value in the request as received, or nil where the request has none.
    ///   - required: components that the signature must cover.
    /// - Returns: the signature's parameters, or nil where anything is wrong. The caller checks `created`.
    public static func verify(
        input: String, signature: String, required: [String], key: (_ keyID: String) -> HMACKey?,
        value: (_ component: String) -> String?
    ) -> RequestSignature? {
        guard let (label, parameters) = split(input), let parsed = parse(parameters),
            let code = unwrap(signature, label: label), required.allSatisfy(parsed.names.contains),
            let key = key(parsed.keyID)
        else { return nil }
        var components: [(name: String, value: String)] = []
        for name in parsed.names {
            guard let value = value(name) else { return nil }
            components.append((name, value))
        }
        let request = RequestSignature(components: components, created: parsed.created, keyID: parsed.keyID)
        // The base is built over the parameters as received: their order is the signer's choice.
        return key.isValid(code, for: Array(request.base(parameters).utf8)) ? request : nil
    }

    /// The signature base (RFC 9421, section 2.5) over these parameters.
    func base(_ parameters: String) -> String {
        components.reduce(into: "") { $0 += "\"\($1.name)\": \($1.value)\n" } + "\"@signature-params\": \(parameters)"
    }

    /// The parameters as text; the algorithm is named unless a test vector leaves it out.
    func parameters(naming algorithm: Bool) -> String {
        let names = components.map { "\"\($0.name)\"" }.joined(separator: " ")
        return "(\(names));created=\(created);keyid=\"\(keyID)\"" + (algorithm ? ";alg=\"hmac-sha256\"" : "")
    }

    private static func split(_ input: String) -> (label: String, parameters: String)? {
        guard let equals = input.firstIndex(of: "=") else { return nil }
        return (String(input[..<equals]), String(input[input.index(after: equals)...]))
    }

    private static func unwrap(_ signature: String, label: String) -> [UInt8]? {
        guard signature.hasPrefix("\(label)=:"), signature.hasSuffix(":") else { return nil }
        return Base64.decode(String(signature.dropFirst(label.count + 2).dropLast()))
    }

    private static func parse(_ parameters: String) -> (names: [String], created: Int64, keyID: String)? {
        guard parameters.first == "(", let close = parameters.firstIndex(of: ")") else { return nil }
        var names: [String] = []
        for item in parameters[parameters.index(after: parameters.startIndex)..<close].split(separator: " ") {
            guard item.count >= 2, item.first == "\"", item.last == "\"" else { return nil }
            names.append(String(item.dropFirst().dropLast()))
        }
        var created: Int64?
        var keyID: String?
        for item in parameters[parameters.index(after: close)...].split(separator: ";") {
            let parts = item.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { return nil }
            switch parts[0] {
            case "created": created = Int64(parts[1])
            case "keyid": keyID = String(parts[1].dropFirst().dropLast())
            case "alg": guard parts[1] == "\"hmac-sha256\"" else { return nil }
            default: break
            }
        }
        guard let created, let keyID, Set(names).count == names.count else { return nil }
        return (names, created, keyID)
    }
}

/// `Content-Digest` (RFC 9530).
public enum ContentDigest {
    /// The header's value over the bytes as sent, compressed if they are.
    public static func header(_ body: [UInt8]) -> String { "sha-256=:\(Base64.encode(SHA256.digest(body))):" }

    /// Whether the header's value is that of these bytes.
    public static func isValid(_ header: String, for body: [UInt8]) -> Bool { header == self.header(body) }
}

/// base64 with padding (RFC 4648, section 4), as structured header fields use it.
public enum Base64 {
    /// The characters of `bytes`.
    public static func encode(_ bytes: [UInt8]) -> String {
        let text = Base64URL.encode(bytes).utf8.map { $0 == 45 ? 43 : $0 == 95 ? 47 : $0 }
        return String(decoding: text + [UInt8](repeating: 61, count: (4 - text.count % 4) % 4), as: UTF8.self)
    }

    /// The bytes of padded text, or nil.
    public static func decode(_ text: String) -> [UInt8]? {
        guard text.utf8.count.isMultiple(of: 4), !text.utf8.contains(where: { $0 == 45 || $0 == 95 }) else {
            return nil
        }
        let padding = text.utf8.suffix(2).count { $0 == 61 }
        return Base64URL.decode(text.utf8.dropLast(padding).map { $0 == 43 ? 45 : $0 == 47 ? 95 : $0 })
    }
}
