internal import JSON
internal import Model

/// Writes texts one behind the other into memory of a size worked out beforehand.
///
/// Each call checks that there is room, so a bound that was worked out wrongly ends the program instead of writing
/// elsewhere.
struct Pen: ~Copyable {
    /// How many bytes are written.
    private(set) var count = 0
    private let memory: UnsafeMutableBufferPointer<UInt8>

    init(_ memory: UnsafeMutableBufferPointer<UInt8>) { self.memory = memory }

    /// The bytes as they are.
    mutating func write(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let from = bytes.baseAddress, !bytes.isEmpty else { return }
        room(for: bytes.count).update(from: from, count: bytes.count)
    }

    /// The bytes as they are.
    mutating func write(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { write($0) } }

    /// The text as it is.
    mutating func write(_ text: StaticString) {
        write(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// The text as it is.
    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write($0) }
    }

    /// A number of at most 19 digits that is not negative.
    mutating func write(_ number: Int64) {
        var (rest, digits) = (number.magnitude, 1)
        while rest >= 10 { (rest, digits) = (rest / 10, digits + 1) }
        let place = room(for: digits)
        rest = number.magnitude
        for index in (0..<digits).reversed() {
            place[index] = 48 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// base64url.
    mutating func writeEncoded(_ bytes: UnsafeBufferPointer<UInt8>) {
        let count = Base64URL.count(of: bytes.count)
        Base64URL.write(bytes, to: UnsafeMutableBufferPointer(start: room(for: count), count: count))
    }

    /// base64url.
    mutating func writeEncoded(_ bytes: [UInt8]) { bytes.withUnsafeBufferPointer { writeEncoded($0) } }

    /// base64url of a text.
    mutating func writeEncoded(_ text: String) {
        var text = text
        text.withUTF8 { writeEncoded($0) }
    }

    /// What stands between a JSON string's quotation marks; up to six bytes a byte.
    mutating func writeEscaped(_ bytes: UnsafeBufferPointer<UInt8>) {
        // Nearly every string goes in as it is; without an early end the look at it takes many bytes at a time.
        var needsEscapes = false
        for byte in bytes { needsEscapes = JSONWriter.isSpecial(byte) || needsEscapes }
        guard needsEscapes else { return write(bytes) }
        for byte in bytes {
            if JSONWriter.isSpecial(byte) { write(JSONWriter.escaped(byte)) } else { room(for: 1).pointee = byte }
        }
    }

    /// The same of a text.
    mutating func writeEscaped(_ text: String) {
        var text = text
        text.withUTF8 { writeEscaped($0) }
    }

    private mutating func room(for bytes: Int) -> UnsafeMutablePointer<UInt8> {
        guard let start = memory.baseAddress, bytes <= memory.count - count else {
            fatalError("a scan is longer than the room worked out for it")
        }
        defer { count += bytes }
        return start + count
    }
}
