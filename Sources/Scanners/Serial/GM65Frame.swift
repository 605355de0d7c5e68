/// The frames of Grow's GM6x engines: `7E 00`, a type, the data's length, an address, the data, a checksum.
enum GM65Frame {
    /// What a request asks for.
    enum Kind: UInt8 {
        case read = 0x07
        case write = 0x08
        /// Keeps the settings over power cycles.
        case save = 0x09
    }

    /// A request.
    ///
    /// - Parameter isChecked: false sends `AB CD` in the checksum's place, which has the engine skip the check.
    static func request(_ kind: Kind, at address: UInt16, _ data: [UInt8], isChecked: Bool = true) -> [UInt8] {
        let body = [kind.rawValue, UInt8(data.count), UInt8(address >> 8), UInt8(address & 0xFF)] + data
        return [0x7E, 0x00] + body + (isChecked ? checksum(body) : [0xAB, 0xCD])
    }

    /// A request that sets bytes from an address on.
    static func write(_ data: [UInt8], to address: UInt16, isChecked: Bool = true) -> [UInt8] {
        request(.write, at: address, data, isChecked: isChecked)
    }

    /// The reply to a request that was carried out: `02 00 00 01 00 33 31`.
    static let acknowledgement: [UInt8] = [0x02, 0x00, 0x00, 0x01, 0x00] + checksum([0x00, 0x01, 0x00])

    /// CRC-16/XMODEM (polynomial 1021, beginning with 0), high byte first.
    static func checksum(_ bytes: [UInt8]) -> [UInt8] {
        var sum: UInt16 = 0
        for byte in bytes {
            sum ^= UInt16(byte) << 8
            for _ in 0..<8 { sum = sum & 0x8000 == 0 ? sum << 1 : sum << 1 ^ 0x1021 }
        }
        return [UInt8(sum >> 8), UInt8(sum & 0xFF)]
    }
}
