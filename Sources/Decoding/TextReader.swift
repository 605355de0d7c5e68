internal import Glibc
public import Model

extension Charset {
    /// The C library's name of it.
    fileprivate var iconv: String? {
        switch self {
        case .utf8, .raw, .latin1: nil
        case .shiftJIS: "CP932"
        case .gb18030: "GB18030"
        case .big5: "BIG5"
        case .eucKR: "EUC-KR"
        case .windows1252: "CP1252"
        }
    }
}

/// Makes text of a code's bytes by a rule. One thread.
///
/// The C library reads its tables when this is made; converting opens no file, so that it works in a sandbox.
public final class TextReader {
    private let rule: Charset
    private let converter: iconv_t?

    /// The longest bytes that are converted: more than any code holds.
    public static let maxBytes = 1 << 16

    /// A reader; throws where the C library has no tables for a character set.
    public init(_ rule: Charset) throws(DecodingError) {
        self.rule = rule
        guard let name = rule.iconv else {
            converter = nil
            return
        }
        // (iconv_t)-1, which is how iconv_open(3) fails.
        guard let opened = iconv_open("UTF-8", name), Int(bitPattern: opened) != -1 else {
            throw DecodingError.charset(name)
        }
        converter = opened
    }

    deinit {
        if let converter { iconv_close(converter) }
    }

    /// The text of bytes that are not UTF-8; nil where they are not valid by the rule either.
    public func text(_ bytes: [UInt8]) -> String? {
        guard bytes.count <= Self.maxBytes else { return nil }
        switch rule {
        case .utf8, .raw: return nil
        case .latin1: return String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
        default: return converter.flatMap { convert(bytes, with: $0) }
        }
    }

    private func convert(_ bytes: [UInt8], with converter: iconv_t) -> String? {
        iconv(converter, nil, nil, nil, nil)
        var source = bytes.map { CChar(bitPattern: $0) }
        // No character of these sets takes more than three bytes of UTF-8 for each of its own.
        let room = bytes.count * 3 + 16
        var converted = true
        let text = [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
            source.withUnsafeMutableBufferPointer { source in
                buffer.withMemoryRebound(to: CChar.self) { target in
                    var (from, to) = (source.baseAddress, target.baseAddress)
                    var (left, free) = (source.count, room)
                    let result = iconv(converter, &from, &left, &to, &free)
                    converted = result != -1 && left == 0
                    count = room - free
                }
            }
        }
        return converted ? String(validating: text, as: UTF8.self) : nil
    }
}

@available(*, unavailable)
extension TextReader: Sendable {}
