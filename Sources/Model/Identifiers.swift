/// 64 bits written as 16 lower-case hexadecimal digits: what key ids and log ids have in common.
public protocol HexID: Hashable, Sendable, CustomStringConvertible {
    /// 16 lower-case hexadecimal digits.
    var text: String { get }
    /// Nil where the text is anything but 16 lower-case hexadecimal digits.
    init?(_ text: String)
}

extension HexID {
    /// The digits.
    public var description: String { text }
}

private func isHexID(_ text: String) -> Bool {
    text.utf8.count == 16 && text.utf8.allSatisfy { Hex.value($0) != nil && !(65...70).contains($0) }
}

/// The id of a key: the first 16 hex digits of SHA-256("scangate kid v1" LF key).
public struct KeyID: HexID {
    /// 16 lower-case hexadecimal digits.
    public let text: String
    /// Nil where the text is anything else.
    public init?(_ text: String) {
        guard isHexID(text) else { return nil }
        self.text = text
    }
}

/// The id of a spool file, random, so that a restored or replaced spool never collides with itself.
public struct LogID: HexID {
    /// 16 lower-case hexadecimal digits.
    public let text: String
    /// Nil where the text is anything else.
    public init?(_ text: String) {
        guard isHexID(text) else { return nil }
        self.text = text
    }
}

/// A UUID (RFC 9562). Scans and batches use version 7: 48 bits of Unix milliseconds, then random bits.
public struct UUID: Hashable, Sendable, CustomStringConvertible {
    /// The upper 64 bits.
    public let high: UInt64
    /// The lower 64 bits.
    public let low: UInt64

    /// A UUID of these 128 bits, as they are.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// A version 7 UUID.
    ///
    /// - Parameters:
    ///   - unixMs: milliseconds since 1970; the low 48 bits are taken.
    ///   - random: two random words, of which 74 bits are used.
    public init(version7At unixMs: Int64, random: (UInt64, UInt64)) {
        let time = UInt64(bitPattern: unixMs) & 0xFFFF_FFFF_FFFF
        high = time << 16 | 0x7000 | (random.0 & 0x0FFF)
        low = 0x8000_0000_0000_0000 | (random.1 & 0x3FFF_FFFF_FFFF_FFFF)
    }

    /// Nil where the text is not lower-case 8-4-4-4-12.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        for (index, byte) in bytes.enumerated() {
            if index == 8 || index == 13 || index == 18 || index == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let value = Hex.value(byte), !(65...70).contains(byte) else { return nil }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(value) } else { words.1 = words.1 << 4 | UInt64(value) }
            digits += 1
        }
        high = words.0
        low = words.1
    }

    /// Appends the 36 characters of the UUID.
    public func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: description.utf8) }

    /// Lower-case 8-4-4-4-12.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { out in
            var place = 0
            for digit in 0..<32 {
                if digit == 8 || digit == 12 || digit == 16 || digit == 20 {
                    out[place] = UInt8(ascii: "-")
                    place += 1
                }
                let word = digit < 16 ? high : low
                out[place] = Hex.digit(UInt8(truncatingIfNeeded: word >> UInt64(60 - 4 * (digit & 15))) & 15)
                place += 1
            }
            return place
        }
    }
}

/// Hexadecimal, lower case.
public enum Hex {
    /// The value of one hexadecimal digit of either case, or nil.
    public static func value(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 97...102: byte - 87
        case 65...70: byte - 55
        default: nil
        }
    }

    /// The digit of a value from 0 to 15.
    public static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

    /// Two digits a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var digits: [UInt8] = []
        for byte in bytes {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 15))
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// The bytes of an even number of digits of either case, or nil.
    public static func decode(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 2)
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = value(digits[index]), let low = value(digits[index + 1]) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}
